"""A data set's fingerprint: a hash of all that a model can learn or be judged by."""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

Rows = tuple[Sequence[str], np.ndarray]
"""Texts, and as many labels."""


def fingerprint_of(names: Sequence[str], title_first: bool, splits: Iterable[Rows]) -> str:
    """sha256 of class names, ``title_first``, and every text and label, split by split.

    The number of parts goes before every list, and the number of bytes before every part: so no
    two data sets give the same bytes to the hash.
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
    """What runs of schema 1 know their data by."""
    digest = hashlib.sha256()
    for texts, labels in splits:
        digest.update(f"{len(texts)}\n".encode())
        for text, label in zip(texts, labels, strict=True):
            digest.update(f"{label}\t{text}\n".encode())
    return digest.hexdigest()
