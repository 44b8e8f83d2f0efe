"""The training rows on which ranges of activations are measured, the same for every model."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from pipeline.data.data_sets import SEED, Corpus
from pipeline.models.networks import Tokenizer
from pipeline.runs.fingerprinting import CALIBRATION_ROWS

_BATCH = 32


def calibration_batches(
    corpus: Corpus, tokenizer: Tokenizer, max_length: int
) -> Iterator[dict[str, Any]]:
    """Batches of ``CALIBRATION_ROWS`` random training rows.

    Args:
        corpus: has the training rows.
        tokenizer: the model's own.
        max_length: tokens of a text that are read.

    Yields:
        The model's inputs by name: int64 tensors (rows, tokens of the longest row).
    """
    some = np.random.default_rng(SEED).permutation(len(corpus.train))
    texts = corpus.train.take(some[:CALIBRATION_ROWS]).texts
    for start in range(0, len(texts), _BATCH):
        yield dict(
            tokenizer(
                texts[start : start + _BATCH],
                truncation=True,
                max_length=max_length,
                padding=True,
                return_token_type_ids=False,
                return_tensors="pt",
            )
        )
