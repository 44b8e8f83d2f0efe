"""What is said of a data set before it is used. Nothing is refused for it."""

import re
from collections import Counter

import numpy as np

from pipeline.data.data_sets import Corpus
from pipeline.data.splits import SEED

IMBALANCED = 10
"""Times as many training rows as the smallest class has, from which on the largest is too large."""
_MOST_CUT = 0.01
_SAMPLE = 5_000
_PIECES = re.compile(r"\w+|[^\w\s]")
_CHINESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


def remarks(corpus: Corpus, max_length: int) -> list[str]:
    """A line on each thing that makes figures say less than they seem to.

    Args:
        corpus: the data set.
        max_length: tokens of a text that models read, its two marks included.
    """
    found = [_repeated(corpus), *_across(corpus), _imbalance(corpus), _cut(corpus, max_length)]
    return [line for line in found if line]


def imbalance(labels: np.ndarray, classes: int) -> float:
    """How many times as many rows the largest class has as the smallest.

    Args:
        labels: class numbers, shape (n,).
        classes: their number.
    """
    counts = np.bincount(labels, minlength=classes)
    return float(counts.max() / max(counts.min(), 1))


def cut_share(texts: list[str], max_length: int) -> float:
    """The share of texts that are longer than models read, at least, by a sample of many.

    Words and marks are counted, and each Chinese or Japanese character. A tokenizer makes no fewer
    tokens of them.
    """
    if len(texts) > _SAMPLE:
        places = np.random.default_rng(SEED).permutation(len(texts))[:_SAMPLE]
        texts = [texts[place] for place in places]
    room = max_length - 2
    return sum(len(text) > room and _pieces(text) > room for text in texts) / max(len(texts), 1)


def _pieces(text: str) -> int:
    return len(_PIECES.findall(_CHINESE.sub(" 字 ", text)))


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


def _cut(corpus: Corpus, max_length: int) -> str:
    share = cut_share(corpus.train.texts, max_length)
    if share <= _MOST_CUT:
        return ""
    return (
        f"{100 * share:.0f} % of the training texts or more are longer than {max_length} tokens; "
        "models read only their beginning"
    )
