"""python -m tests.runs.pin_fingerprints [--data DIR]: write tests/runs/fingerprints.json again.

The file pins the fingerprints of every role of every family, for made data and for AG News. So a
change of one, which costs days of training, is seen in review. With ``--data``, the folder of AG
News, the fingerprint of that data set is computed again, too.
"""

import argparse
import json
from pathlib import Path

from pipeline.data import data_sets
from pipeline.recipes.families import FAMILIES
from pipeline.recipes.roles import Family
from pipeline.recipes.training_settings import RandomSpans
from pipeline.runs import fingerprinting, lineage
from pipeline.runs.fingerprinting import INT8_BITS

TABLE = Path(__file__).with_name("fingerprints.json")
DIGITS = 16
"""Hexadecimal digits of each fingerprint, as many as in the name of a stage's folder."""


def pinned(data_fingerprint: str) -> dict[str, dict[str, dict[str, str]]]:
    """Fingerprints by family, role and stage, for invented checkpoints and int8 of 8 bits.

    The stages are weights, artifact and evaluation. A teacher has its logits, too: on rows, and on
    every kind of spans that a student of it learns from.
    """
    return {name: _of_family(family, data_fingerprint) for name, family in FAMILIES.items()}


def _of_family(family: Family, data_fingerprint: str) -> dict[str, dict[str, str]]:
    names = lineage.checkpoints(family, family.by_role(), {})
    inputs = {name: f"identity of {name}" for name in names}
    inputs |= {"data": data_fingerprint, INT8_BITS: "8"}
    found = fingerprinting.fingerprints(family, inputs)
    table = {role: dict(stages._asdict()) for role, stages in found.items()}
    for model in family.by_role().values():
        if teacher := lineage.taught_by(model):
            for spans in (None, lineage.learns(model).spans):
                logits = fingerprinting.logits_fingerprint(found[teacher].weights, spans)
                table[teacher][f"logits{_said(spans)}"] = logits
    return {
        role: {stage: print_[:DIGITS] for stage, print_ in stages.items() if print_}
        for role, stages in table.items()
    }


def _said(spans: RandomSpans | None) -> str:
    return f" on {spans}" if spans else ""


def main() -> None:
    """Write the table, one line per role."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, metavar="DIR", help="AG News: train.csv and test.csv")
    folder = parser.parse_args().data
    before = json.loads(TABLE.read_text("utf-8")) if TABLE.is_file() else {}
    known = {name: table["data"] for name, table in before.items()} or {"made data": "data"}
    if folder:
        known["AG News"] = data_sets.load(folder).fingerprint
    tables = {name: {"data": found, "families": pinned(found)} for name, found in known.items()}
    TABLE.write_text(_lines(tables), "utf-8")


def _lines(tables: dict) -> str:
    """JSON with a line for every role, so that a diff shows which have changed."""
    text = []
    for name, table in tables.items():
        families = []
        for family, stages in table["families"].items():
            roles = [f"   {json.dumps(role)}: {json.dumps(of)}" for role, of in stages.items()]
            families.append(f"  {json.dumps(family)}: {{\n" + ",\n".join(roles) + "\n  }")
        inner = ",\n".join(families)
        text.append(
            f' {json.dumps(name)}: {{"data": "{table["data"]}", "families": {{\n{inner}\n }}}}'
        )
    return "{\n" + ",\n".join(text) + "\n}\n"


if __name__ == "__main__":
    main()
