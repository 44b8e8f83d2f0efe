"""Accuracy of models that were trained on whole articles, on headlines alone, as people paste.

    python -m tests.experiments.headlines RUN [ROLE …] [--data DIR]

The 400 headlines were invented for this project, each for a certain class. With ``--data``,
validation rows are classified, too, both whole and cut to their first words. Prints a Markdown
table.
"""

import argparse
from pathlib import Path

import numpy as np

from pipeline.analysis.metrics import accuracy_interval
from pipeline.data import data_sets
from pipeline.inference.classifier import Classifier
from pipeline.results.storage import CACHE, read_run

WORDS = 8
"""Far fewer than in a row of AG News: only 1 of 100 rows has fewer than 18 words."""


def share(right: np.ndarray) -> str:
    return f"{100 * right.mean():.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("roles", metavar="ROLE", nargs="*", help="by default all installed ones")
    parser.add_argument("--data", type=Path, metavar="DIR", help="also its validation rows")
    options = parser.parse_args()
    run = read_run(CACHE / options.run)
    at_hand = [role for role in run.by_role if run.artifact(role)]
    if unknown := set(options.roles) - set(at_hand):
        parser.error(f"not installed: {', '.join(sorted(unknown))}; there are {', '.join(at_hand)}")
    invented = data_sets.invented_headlines()
    header = ["role", "invented headlines", "95 % interval", *run.labels]
    if options.data:
        rows = data_sets.load(options.data).validation
        cut = [" ".join(text.split()[:WORDS]) for text in rows.texts]
        header += ["validation rows", f"their first {WORDS} words"]
    print(f"| {' | '.join(header)} |\n|---|{'--:|' * (len(header) - 1)}")
    for role in options.roles or at_hand:
        classifier = Classifier(run.artifact(role))

        def right(texts: list[str], labels: np.ndarray, answer=classifier.predict_proba):
            return answer(texts).argmax(axis=1) == labels

        found = right(invented.texts, invented.labels)
        low, high = accuracy_interval(int(found.sum()), len(found))
        cells = [f"`{role}`", share(found), f"{100 * low:.1f} – {100 * high:.1f}"]
        cells += [share(found[invented.labels == label]) for label in range(len(run.labels))]
        if options.data:
            cells += [share(right(texts, rows.labels)) for texts in (rows.texts, cut)]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
