"""Train fastText on the rows that a run was trained on, to compare it with our smallest model.

    pip install fasttext-numpy2-wheel
    python -m tests.experiments.peers --data DIR [--train-rows N]

Prints a Markdown table. Rate and epochs are chosen on validation rows. The compressed models are
made as in the paper of fastText.zip (Joulin et al., 2016, arXiv:1612.03651): the features with the
largest norms are kept, retrained and quantized.
"""

import argparse
import re
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.analysis import metrics
from pipeline.data import data_sets
from pipeline.data.data_sets import Corpus, Split

RATES = (0.1, 0.25, 0.5)
EPOCHS = (5, 10)
CUTOFFS = (100_000, 50_000, 20_000)
"""Features that a compressed model keeps."""


def write_lines(split: Split, path: Path) -> None:
    """Write one row per line as fastText reads it: label, then lower-case words and signs."""
    with path.open("w", encoding="utf-8") as file:
        for text, label in zip(split.texts, split.labels, strict=True):
            file.write(f"__label__{label} {' '.join(_words(text))}\n")


def _words(text: str) -> list[str]:
    return re.findall(r"\w+|[^\w\s]", text.lower())


def megabytes(model) -> float:
    """Size of the file that a model is saved as, in MB of 10^6 bytes."""
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder, "model")
        model.save_model(str(saved))
        return saved.stat().st_size / 1e6


def right(model, split: Split) -> np.ndarray:
    """Where a model is right, boolean (n,)."""
    # The binding's own predict() breaks on numpy 2; what it calls does not.
    answers = [
        model.f.predict(f"{' '.join(_words(text))}\n", 1, 0.0, "strict") for text in split.texts
    ]
    labels = np.array([int(answer[0][1].removeprefix("__label__")) for answer in answers])
    return labels == split.labels


def models(corpus: Corpus) -> Iterator[tuple[str, Any]]:
    """Yield names and models: plain fastText, then ever smaller compressed ones."""
    import fasttext

    with tempfile.TemporaryDirectory() as folder:
        lines = str(Path(folder, "train"))
        write_lines(corpus.train, Path(lines))

        def train(rate: float, epochs: int):
            return fasttext.train_supervised(
                lines, lr=rate, epoch=epochs, dim=10, wordNgrams=2, thread=1, verbose=0
            )

        def on_validation(settings: tuple[float, int]) -> float:
            return right(train(*settings), corpus.validation).mean()

        rate, epochs = max(product(RATES, EPOCHS), key=on_validation)
        yield f"rate {rate}, {epochs} epochs", train(rate, epochs)
        for cutoff in CUTOFFS:
            model = train(rate, epochs)
            model.quantize(lines, cutoff=cutoff, retrain=True, qnorm=True, verbose=0)
            yield f"compressed, {cutoff:,} features", model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, metavar="DIR", help="as python -m pipeline run has it")
    parser.add_argument("--train-rows", type=int, metavar="N")
    options = parser.parse_args()
    corpus = data_sets.load(options.data, options.train_rows)
    print("| fastText | accuracy | 95 % interval | MB |\n|---|--:|:-:|--:|")
    for name, model in models(corpus):
        correct = right(model, corpus.test)
        low, high = metrics.accuracy_interval(int(correct.sum()), len(correct))
        print(
            f"| {name} | {100 * correct.mean():.1f} | {100 * low:.1f} – {100 * high:.1f} "
            f"| {megabytes(model):.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
