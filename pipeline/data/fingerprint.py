"""A data set's fingerprint: a hash of everything that models are trained or evaluated on."""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

Rows = tuple[Sequence[str], np.ndarray]
"""Texts and their labels."""


def fingerprint_of(names: Sequence[str], title_first: bool, splits: Iterable[Rows]) -> str:
    """sha256 of class names, ``title_first``, and every text and label, split by split.

    Before each list of strings its length is hashed, and before each string its number of bytes.
    So no two data sets hash the same bytes.
    """
    digest = hashlib.sha256()

    def add(parts: Sequence[str]) -> None:
        digest.update(len(parts).to_bytes(8, "big"))
        for part in parts:
            content = part.encode()
            digest.update(len(content).to_bytes(8, "big"))
            digest.update(content)

    add(names)
    digest.update(bytes([title_first]))
    for texts, labels in splits:
        add(texts)
        digest.update(np.asarray(labels, dtype=">i8").tobytes())
    return digest.hexdigest()


def fingerprint_of_schema_1(splits: Iterable[Rows]) -> str:
    """The fingerprint of the data in runs of schema 1."""
    digest = hashlib.sha256()
    for texts, labels in splits:
        digest.update(f"{len(texts)}\n".encode())
        for text, label in zip(texts, labels, strict=True):
            digest.update(f"{label}\t{text}\n".encode())
    return digest.hexdigest()
