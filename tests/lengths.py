"""How long a model is trained on few rows and on many, and how well it does on validation.

    python -m tests.lengths ROLE --data DIR --rows 500 2000    AG News
    python -m tests.lengths ROLE --banking77 DIR               BANKING77, 77 classes
    python -m tests.lengths ROLE --plan 500000                 steps alone, nothing is trained

Nothing is read of the test split.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import data, hardware, models, plan, training
from pipeline.data import Corpus, Split
from pipeline.families import FAMILIES
from pipeline.maker import TRAINING, Maker

FAMILY = FAMILIES["mpnet"]
LINE = "{:12} {:>8} {:>8} {:>7} {:>20} {:>6} {:>7} {:>9} {:>8}"
HEADER = ("data", "rows", "rate", "steps", "epochs: loss", "kept", "loss", "accuracy", "minutes")


def main() -> None:
    """Train one role on each of the data sets asked for, and print a line on each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("role", choices=FAMILY.by_role())
    parser.add_argument("--data", type=Path, metavar="DIR", help="AG News: train.csv and test.csv")
    parser.add_argument("--rows", type=int, nargs="+", default=[], metavar="N")
    parser.add_argument("--banking77", type=Path, metavar="DIR")
    parser.add_argument("--plan", type=int, nargs="+", default=[], metavar="N")
    parser.add_argument("--checkpoints", type=Path, metavar="DIR")
    parser.add_argument("--work", type=Path, metavar="DIR")
    options = parser.parse_args()
    settings = FAMILY.by_role()[options.role].training
    for rows in options.plan:
        each = 1 + (settings.spans.per_row if settings.spans else 0)
        steps, epochs = training.lengths(settings, rows * each)
        print(f"{rows:,} rows: {' or '.join(f'{steps * n:,}' for n in epochs)} steps")
    corpora = [data.load(options.data, rows) for rows in options.rows]
    corpora += [banking77(options.banking77)] if options.banking77 else []
    if corpora:
        print(LINE.format(*HEADER))
    for corpus in corpora:
        print(line(corpus, options.role, options.checkpoints, options.work), flush=True)


def banking77(folder: Path) -> Corpus:
    """BANKING77 (Casanueva et al., 2020, arXiv:2003.04807), a tenth held out by class."""
    files = {split: pd.read_csv(folder / f"{split}.csv") for split in ("train", "test")}
    labels = sorted(set(files["train"]["category"]))
    train, test = (
        Split(
            file["text"].tolist(),
            file["category"].map(labels.index).to_numpy(np.int64),
            np.arange(len(file)),
        )
        for file in files.values()
    )
    held_out = data.stratified(train, round(len(train) * data.VALIDATION_SHARE), "validation")
    kept = np.setdiff1d(np.arange(len(train)), held_out)
    return Corpus("banking77", tuple(labels), False, train.take(kept), train.take(held_out), test)


def line(corpus: Corpus, role: str, checkpoints: Path | None, work: Path) -> str:
    """Train a role, if it is not trained yet, and say how that went."""
    inputs = {"data": corpus.fingerprint, plan.INT8_BITS: str(hardware.int8_bits())}
    for name in plan.checkpoints(FAMILY, [role], inputs):
        inputs[name] = models.checkpoint_identity(name, checkpoints)
    folder = Maker(FAMILY, corpus, work, checkpoints, inputs).weights(role)
    record = json.loads((folder / TRAINING).read_text("utf-8"))
    kept = next(e for e in record["validation"] if e["step"] == record["kept_step"])
    tried = ", ".join(f"{epochs}: {loss:.3f}" for epochs, loss in record["epochs_tried"].items())
    return LINE.format(
        corpus.name,
        len(corpus.train),
        f"{record['rate']:g}",
        record["steps"],
        tried,
        record["kept_step"],
        f"{kept['loss']:.3f}",
        f"{kept['accuracy']:.4f}",
        f"{record['seconds_since_last_start'] / 60:.1f}",
    )


if __name__ == "__main__":
    main()
