"""Cuts of headlines, for a teacher to answer and a student to learn from."""

import numpy as np

from pipeline.data import Split
from pipeline.distillation import NO_LABEL

SHORTEST = 4
"""Words that a cut leaves at least."""


def cuts(split: Split, copies: int, seed: int) -> Split:
    """``copies`` cuts of every row, without labels: what is left may be of any class.

    A cut is a stretch of neighbouring words, in every other row from the first word on, where a
    row has its title. Its length is log-uniform: as many have 4 to 8 words as have 16 to 32.
    Depends on the split, ``copies`` and ``seed`` alone.
    """
    words = [text.split() for text in split.texts]
    texts: list[str] = []
    for copy in range(copies):
        random = np.random.default_rng((seed, copy))
        for number, row in enumerate(words):
            from_the_start = (number + copy) % 2 == 0
            texts.append(" ".join(_stretch(row, from_the_start, random)))
    labels = np.full(len(texts), NO_LABEL, dtype=np.int64)
    return Split(texts, labels, np.tile(split.rows, copies))


def _stretch(words: list[str], from_the_start: bool, random: np.random.Generator) -> list[str]:
    """Neighbouring words: as many and from where ``random`` says."""
    if len(words) <= SHORTEST:
        return words
    length = int(np.exp(random.uniform(np.log(SHORTEST), np.log(len(words)))))
    start = 0 if from_the_start else random.integers(0, len(words) - length + 1)
    return words[start : start + length]


def joined(one: Split, other: Split) -> Split:
    """The rows of both."""
    return Split(
        one.texts + other.texts,
        np.concatenate([one.labels, other.labels]),
        np.concatenate([one.rows, other.rows]),
    )
