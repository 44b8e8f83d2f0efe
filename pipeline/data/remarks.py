"""Warnings about a data set before it is used. They do not stop a run."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from pipeline.data.data_sets import Corpus
from pipeline.data.splits import SEED

IMBALANCED = 10
"""Warn if the largest class has at least this many times the training rows of the smallest."""
_MOST_CUT = 0.01
_SAMPLE = 5_000


def remarks(corpus: Corpus) -> list[str]:
    """A warning about each thing in the data that makes the measured figures misleading."""
    found = [_repeated(corpus), *_across(corpus), _imbalance(corpus)]
    return [line for line in found if line]


def imbalance(labels: np.ndarray, classes: int) -> float:
    """The number of rows of the largest class, divided by that of the smallest (at least 1).

    Args:
        labels: class numbers, shape (n,).
        classes: the number of classes.
    """
    counts = np.bincount(labels, minlength=classes)
    return float(counts.max() / max(counts.min(), 1))


def cut(
    texts: Sequence[str],
    count: Callable[[list[str]], Sequence[int]],
    max_length: int,
    tokenizer: str,
) -> str:
    """A warning if more than 1 % of the texts are too long for models to read completely; else "".

    If there are many texts, only a sample of them is counted.

    Args:
        texts: training texts.
        count: returns the number of tokens of each text, special tokens included.
        max_length: the most tokens of a text that models read, special tokens included.
        tokenizer: the name of the tokenizer, for the message.
    """
    sample = list(texts)
    if len(sample) > _SAMPLE:
        places = np.random.default_rng(SEED).permutation(len(sample))[:_SAMPLE]
        sample = [sample[place] for place in places]
    share = float(np.mean(np.asarray(count(sample)) > max_length))
    if share <= _MOST_CUT:
        return ""
    return (
        f"{100 * share:.0f} % of the training texts are longer than {max_length} tokens of "
        f"{tokenizer}; models read only their beginning"
    )


def _repeated(corpus: Corpus) -> str:
    rows = corpus.train
    kinds = Counter(rows.texts)
    repeated = len(rows) - len(kinds)
    if not repeated:
        return ""
    pairs = len(set(zip(rows.texts, rows.labels.tolist(), strict=True)))
    other = pairs - len(kinds)
    said = f"; {other:,} have another label than the row that they repeat" if other else ""
    return f"{repeated:,} of {len(rows):,} training rows repeat an earlier one word for word{said}"


def _across(corpus: Corpus) -> list[str]:
    known = set(corpus.train.texts)
    lines = []
    for name in ("validation", "test"):
        rows = corpus.splits()[name]
        if repeated := sum(text in known for text in rows.texts):
            lines.append(
                f"{repeated:,} of {len(rows):,} {name} rows stand among the training rows word for "
                "word: models may know them by heart"
            )
    return lines


def _imbalance(corpus: Corpus) -> str:
    if (times := imbalance(corpus.train.labels, len(corpus.labels))) < IMBALANCED:
        return ""
    counts = np.bincount(corpus.train.labels, minlength=len(corpus.labels))
    largest, smallest = corpus.labels[int(counts.argmax())], corpus.labels[int(counts.argmin())]
    return (
        f"{largest!r} has {times:.0f} times as many training rows as {smallest!r}: macro-F1 says "
        "more than accuracy"
    )
