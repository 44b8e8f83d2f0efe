"""Altered copies of headlines, for a teacher to answer and a student to learn from."""

from collections import Counter

import numpy as np

from pipeline.data import Split
from pipeline.distillation import NO_LABEL

REPLACED = 0.15
"""Share of a copy's words that are replaced."""
SHORTEST = 4
"""Words that a cut leaves at least."""


def altered(split: Split, copies: int, seed: int) -> Split:
    """``copies`` altered copies of every row, without labels: an altered text may be of any class.

    Every other row of a copy is cut to a stretch of its words, the others have words replaced by
    words drawn as often as the split has them (Xie et al., 2020, arXiv:1904.12848, without its
    TF-IDF weights). Depends on the split, ``copies`` and ``seed`` alone.
    """
    words = [text.split() for text in split.texts]
    counts = Counter(word for row in words for word in row)
    vocabulary = np.array(list(counts), dtype=object)
    share = np.fromiter(counts.values(), dtype=float)
    share /= share.sum()
    texts: list[str] = []
    for copy in range(copies):
        random = np.random.default_rng((seed, copy))
        total = sum(map(len, words))
        replaced = random.random(total) < REPLACED
        drawn = iter(random.choice(vocabulary, size=int(replaced.sum()), p=share))
        replaced = iter(replaced)
        for number, row in enumerate(words):
            changed = [next(drawn) if next(replaced) else word for word in row]
            cut = (number + copy) % 2 == 0
            texts.append(" ".join(_stretch(row, random) if cut else changed))
    labels = np.full(len(texts), NO_LABEL, dtype=np.int64)
    return Split(texts, labels, np.tile(split.rows, copies))


def _stretch(words: list[str], random: np.random.Generator) -> list[str]:
    """Neighbouring words: as many and from where ``random`` says."""
    if len(words) <= SHORTEST:
        return words
    length = random.integers(SHORTEST, len(words))
    start = random.integers(0, len(words) - length + 1)
    return words[start : start + length]


def joined(one: Split, other: Split) -> Split:
    """The rows of both."""
    return Split(
        one.texts + other.texts,
        np.concatenate([one.labels, other.labels]),
        np.concatenate([one.rows, other.rows]),
    )
