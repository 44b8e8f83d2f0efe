"""How long a model is trained on few rows and on many, and how well it does on validation.

    python -m tests.experiments.lengths ROLE --data DIR --rows 500 2000    AG News
    python -m tests.experiments.lengths ROLE --banking77 DIR               BANKING77, 77 classes
    python -m tests.experiments.lengths ROLE --plan 500000                 only the steps

Three options replace settings of the recipe: ``--titles N`` the number of labelled random spans per
row, ``--epochs N`` the epochs, and ``--rate R`` the learning rate. No test row is read.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

from pipeline import hardware
from pipeline.data import data_sets, loading
from pipeline.data.data_sets import Corpus, Split
from pipeline.data.declarations import BANKING77
from pipeline.data.loading import Asked
from pipeline.models import networks
from pipeline.recipes.families import FAMILIES
from pipeline.recipes.roles import Family
from pipeline.recipes.training_settings import RandomSpans
from pipeline.runs import lineage
from pipeline.runs.fingerprinting import INT8_BITS
from pipeline.runs.stages import TRAINING, Stages
from pipeline.training import prediction, schedule

FAMILY = FAMILIES["mpnet"]
LINE = "{:10} {:>7} {:>7} {:>6} {:>6} {:>7} {:>9} {:>9} {:>8}  {}"
HEADER = ("data", "rows", "rate", "steps", "kept", "loss", "accuracy", "8 words", "minutes")
FIRST_WORDS = 8
TRIAL = "trial"


def main() -> None:
    """Train one role on each requested data set, and print a line on each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("role", choices=FAMILY.by_role())
    parser.add_argument("--data", type=Path, metavar="DIR", help="AG News: train.csv and test.csv")
    parser.add_argument("--rows", type=int, nargs="+", default=[], metavar="N")
    parser.add_argument("--banking77", type=Path, metavar="DIR")
    parser.add_argument("--plan", type=int, nargs="+", default=[], metavar="N")
    parser.add_argument("--checkpoints", type=Path, metavar="DIR")
    parser.add_argument("--work", type=Path, metavar="DIR")
    parser.add_argument("--titles", type=int, metavar="N")
    parser.add_argument("--epochs", type=int, metavar="N")
    parser.add_argument("--rate", type=float, metavar="R")
    options = parser.parse_args()
    family = changed(options.role, options.titles, options.epochs, options.rate)
    settings = family.by_role()[TRIAL].training
    for rows in options.plan:
        each = 1 + (settings.spans.per_row if settings.spans else 0)
        steps, epochs = schedule.lengths(settings, rows * each)
        print(f"{rows:,} rows: {' or '.join(f'{steps * n:,}' for n in epochs)} steps")
    corpora = [data_sets.load(options.data, rows) for rows in options.rows]
    if options.banking77:
        corpora.append(loading.load(Asked(str(options.banking77), BANKING77)))
    if corpora:
        print(LINE.format(*HEADER, "epochs: loss"))
    for corpus in corpora:
        print(line(corpus, family, options.checkpoints, options.work), flush=True)


def changed(role: str, titles: int | None, epochs: int | None, rate: float | None) -> Family:
    """The family with ``TRIAL``: a copy of one model, with the settings that are not None."""
    model = FAMILY.by_role()[role]
    settings = model.training
    if titles is not None:
        spans = RandomSpans(titles, longest=16, labelled=True) if titles else None
        settings = replace(settings, spans=spans)
    if epochs is not None:
        settings = replace(settings, epochs=epochs, least_steps=0, doubled_up_to=None)
    if rate is not None:
        settings = replace(settings, rates=(rate,))
    # It needs its own role: by_role() replaces a baseline by the one derived from its student.
    return replace(FAMILY, models=(*FAMILY.models, replace(model, role=TRIAL, training=settings)))


def line(corpus: Corpus, family: Family, checkpoints: Path | None, work: Path) -> str:
    """Train ``TRIAL``, if it is not trained yet, and return a line on its training."""
    inputs = {"data": corpus.fingerprint, INT8_BITS: str(hardware.int8_bits())}
    for name in lineage.checkpoints(family, [TRIAL], inputs):
        inputs[name] = networks.checkpoint_identity(name, checkpoints)
    folder = Stages(family, corpus, work, checkpoints, inputs).weights(TRIAL)
    record = json.loads((folder / TRAINING).read_text("utf-8"))
    kept = next(e for e in record["validation"] if e["step"] == record["kept_step"])
    return LINE.format(
        corpus.name,
        f"{len(corpus.train):,}",
        f"{record['rate']:g}",
        record["steps"],
        record["kept_step"],
        f"{kept['loss']:.3f}",
        f"{kept['accuracy']:.4f}",
        f"{on_first_words(folder, corpus, family):.4f}" if corpus.title_first else "",
        f"{record['seconds_since_last_start'] / 60:.1f}",
        ", ".join(f"{epochs}: {loss:.3f}" for epochs, loss in record["epochs_tried"].items()),
    )


def on_first_words(weights: Path, corpus: Corpus, family: Family) -> float:
    """Accuracy on validation rows that are cut to their first words, which are the title's."""
    rows = corpus.validation
    texts = [" ".join(text.split()[:FIRST_WORDS]) for text in rows.texts]
    short = Split(texts, rows.labels, rows.rows)
    logits = prediction.predict_logits(*networks.read(weights), short, family.max_length)
    return float((logits.argmax(axis=1) == rows.labels).mean())


if __name__ == "__main__":
    main()
