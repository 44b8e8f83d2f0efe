"""Times of a run's models and of their peers, measured side by side, with a check of the answers.

Peers are asked in turns. Texts are validation rows, or rows made of the project's own headlines.
When texts are asked one at a time, headlines of 8 to 20 words are timed as well.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import hardware, strict
from pipeline.bench.contestants import Contestant, with_and_without_us
from pipeline.bench.turns import compare
from pipeline.data import data_sets
from pipeline.errors import PipelineError
from pipeline.evaluation import scoring
from pipeline.inference.graph import BATCH_SIZE
from pipeline.progress import say
from pipeline.recipes.families import FAMILIES
from pipeline.results.figures import Conditions
from pipeline.results.run_writing import rewrite_run
from pipeline.results.storage import Run

STUDENT = "minilm-int8"
"""The role that classifies whole files, beside the smallest model."""
LENGTHS = (2, 6, 3, 5, 4)
"""Numbers of headlines that are joined into a text, in turn. Like rows of AG News, these texts have
about 48 tokens on average."""
BLOCK = 10
"""Texts that a peer is asked, one at a time, in one turn."""
BATCHES = 8
"""Batches in one turn, when many texts are timed."""
LONGEST = 300.0
"""Most seconds that classifying a file may take."""


def headlines(joined: Sequence[int], count: int) -> list[str]:
    """Make ``count`` texts of the project's own headlines; ``joined`` says of how many each.

    The numbers in ``joined`` are used in turn. All headlines of a text are of one class.
    """
    table = pd.read_csv(data_sets.TOY)
    by_class = [part["text"].tolist() for _, part in table.groupby("label")]
    texts, taken = [], [0] * len(by_class)
    for number in range(count):
        label, size = number % len(by_class), joined[number % len(joined)]
        own = by_class[label]
        texts.append(". ".join(own[(taken[label] + i) % len(own)] for i in range(size)))
        taken[label] += size
    return texts


def growth(artifact: Path, texts: Sequence[str], counts: Iterable[int]) -> list[dict]:
    """Seconds and peak memory of ``large_files.classify`` on files of ``counts`` rows.

    Each file is classified in a process of its own. Its rows are ``texts``, repeated. Files that
    would take over ``LONGEST`` seconds are left out.
    """
    rows: list[dict] = []
    for count in sorted(counts):
        if rows and count * rows[-1]["seconds"] / rows[-1]["rows"] > LONGEST:
            break
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "in.txt")
            with source.open("w", encoding="utf-8") as file:
                for number in range(count):
                    file.write(" ".join(texts[number % len(texts)].split()) + "\n")
            process = subprocess.run(
                [sys.executable, "-m", "pipeline.bench.growth", source, artifact.resolve()],
                stdout=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).resolve().parent.parent.parent,
            )
        if process.returncode:
            raise PipelineError("classifying ended with its message above")
        rows.append({"rows": count, **json.loads(process.stdout)})
    return rows


def bench(
    run: Run,
    people: Sequence[Contestant],
    missing: Sequence[str],
    texts: Sequence[str] | None,
    turns: int,
    counts: Sequence[int],
) -> dict:
    """All tables of one run and the conditions of the measurement, ready for JSON.

    Args:
        run: the run whose models, including cascades, are timed.
        people: the contestants of ``contestants``.
        missing: a line on each contestant that is left out.
        texts: texts to classify; by default, made of the project's own headlines.
        turns: number of turns, each of ``BLOCK`` texts, one at a time.
        counts: numbers of rows of the files to classify.
    """
    if not people:
        raise PipelineError(f"nothing of {run.name} can be timed: {'; '.join(missing)}")
    for line in missing:
        say(f"note: {line}")
    max_length = _max_length(run)
    texts, conditions = _texts(texts)
    result = {"run": run.name, "missing": [*missing], **conditions}
    result |= _one_at_a_time(people, max_length, texts, turns)
    asked = (turns - 1) * BLOCK
    said = scoring.texts_of_latency(asked, asked, result["texts"])
    result["latency_texts"] = f"{said}, in turns with all models"
    many = [person for person in people if person.kind != "encoding"]
    few = max(3, turns // 4)
    say(f"{BATCHES} batches of {BATCH_SIZE}, {few} turns")
    order = texts[: BATCHES * BATCH_SIZE]
    result["many"] = compare(many, max_length, [order], BATCH_SIZE, few)
    result |= {"many_texts": len(order), "batch_size": BATCH_SIZE}
    if counts:
        result["growth"] = _growth_of_files(run, people, texts, counts)
    return result


def _one_at_a_time(
    people: Sequence[Contestant], max_length: int, texts: Sequence[str], turns: int
) -> dict[str, Any]:
    """Tables for single rows and single headlines, and the latencies that the run keeps by role."""
    say(f"one text, {turns} turns of {BLOCK} rows and as many of {BLOCK} headlines")
    count = turns * BLOCK
    kinds = {"one": texts[:count], "headline": scoring.short_headlines(count)}
    latency = {
        person.role: {"load_ms": scoring.load_ms(person.folder, texts[0])}
        for person in people
        if person.kind == "ours"
    }
    tables: dict[str, Any] = {"latency": latency}
    for kind, prefix in (("one", ""), ("headline", "headline_")):
        singles = [[text] for text in kinds[kind]]
        tables[kind] = compare(people, max_length, singles, 1, turns, BLOCK)
        for row in tables[kind]:
            if row["peer"] == "ours":
                latency[row["role"]] |= {
                    f"{prefix}{name}_ms": round(row[column], 3)
                    for name, column in (("mean", "mean_ms"), ("p50", "ms"), ("p95", "p95_ms"))
                }
    return tables


def _growth_of_files(
    run: Run, people: Sequence[Contestant], texts: Sequence[str], counts: Sequence[int]
) -> dict[str, list]:
    """``growth`` of the student and of the smallest model, of those that are timed."""
    at_hand = {person.role: person.folder for person in people if person.kind == "ours"}
    smallest = min(at_hand, key=lambda role: run.by_role[role].size_bytes)
    tables = {}
    for role in dict.fromkeys([STUDENT, smallest]):
        if role in at_hand:
            say(f"{role}: files of {', '.join(f'{count:,}' for count in counts)} rows")
            tables[role] = growth(at_hand[role], texts, counts)
    return tables


def _max_length(run: Run) -> int:
    """Most tokens that a run's models read of a text."""
    family = FAMILIES.get(run.record.family)
    return family.max_length if family else 128


def _texts(texts: Sequence[str] | None) -> tuple[Sequence[str], dict]:
    """The texts to classify, by default made of headlines, and the conditions of measuring."""
    return texts or headlines(LENGTHS, 1000), {
        "texts": "validation rows" if texts else "rows of the project's own headlines",
        "measured_on": {**hardware.conditions(), "threads": hardware.available_threads()},
    }


def time_evaluation(run: Run, texts: Sequence[str] | None, rows: int, turns: int) -> dict:
    """The table of evaluation: every installed model on many texts, against a loop in file order.

    Args:
        run: the run whose models are timed.
        texts: texts to classify; by default, made of the project's own headlines.
        rows: how many of ``texts`` to classify.
        turns: number of turns; the first one warms up.
    """
    at_hand = run.artifacts()
    if not at_hand:
        raise PipelineError(f"no model of {run.name} is installed")
    people = [
        person
        for role, folder in at_hand.items()
        for person in with_and_without_us(run, role, role, folder)
    ]
    texts, conditions = _texts(texts)
    order = texts[:rows]
    say(f"{len(at_hand)} models on {len(order):,} rows, {turns} turns")
    timed = compare(people, _max_length(run), [order], BATCH_SIZE, turns)
    return {"evaluation": {"rows": len(order), "models": timed, **conditions}}


def time_training(run: Run, corpus: data_sets.Corpus, checkpoints: Path | None, rows: int) -> dict:
    """The table of training: the notebook's way, and ours at the learning rates of the run."""
    from pipeline.bench.training import EPOCHS, compare  # only this needs torch

    family = FAMILIES.get(run.record.family)
    models = [run.by_role[role] for role in EPOCHS if role in run.by_role]
    rates = {
        model.role: model.training.rate
        for model in models
        if model.training and model.training.rate is not None
    }
    if not family or set(rates) != set(EPOCHS):
        raise PipelineError(f"training is timed of a run that has {' and '.join(EPOCHS)}")
    return {"training": compare(family, corpus, checkpoints, rates, rows)}


def store(run: Run, result: dict) -> Run:
    """Write the tables into the run, and the latencies to its models if all were timed.

    If only some were timed, their latencies would not be comparable with those of the others. The
    recorded conditions of predictions and throughput stay.
    """
    models, timed = run.record.models, result.get("latency", {})
    if timed and set(timed) != set(run.by_role):
        say("note: not all models were timed, so the run keeps the latencies that it has")
    elif timed:
        taken_on = result["measured_on"] | {"texts": result["latency_texts"]}
        latency = strict.read(Conditions, taken_on)
        models = [
            replace(
                model,
                cost=replace(model.cost, **timed[model.role]),
                measured_on=replace(model.measured_on, latency=latency),
            )
            for model in models
        ]
    return rewrite_run(run, replace(run.record, models=models, bench=run.record.bench | result))
