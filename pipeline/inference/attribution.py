"""Which words carried a decision: what the answer loses when a word is left out."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import pandas as pd

MAX_WORDS = 40


class Probabilities(Protocol):
    """What is asked here: a ``Classifier``, or anything with its one method."""

    def predict_proba(self, texts: list[str], batch_size: int) -> np.ndarray: ...


def words_of(text: str) -> list[str]:
    """The words that are left out in turn: split at white space, the first ``MAX_WORDS``."""
    return text.split()[:MAX_WORDS]


def leave_one_word_out(classifier: Probabilities, text: str) -> tuple[list[str], np.ndarray]:
    """How much each word spoke for the class that was predicted.

    A word's weight is the probability of the predicted class for the whole text less its
    probability without that word: above zero it spoke for the decision, below zero against it.
    Words that say the same shield each other, so weights do not add up to the probability.
    (Li, Monroe & Jurafsky 2016, "Understanding Neural Networks through Representation Erasure".)

    Args:
        classifier: is asked once, for the text and all its variants in one batch: int8 models
            scale by the batch, and only answers of one batch are comparable to the last digit.
        text: one headline. Words beyond the first ``MAX_WORDS`` stay in every variant.

    Returns:
        The n words, and their weights, float64 of shape (n,), in -1..1.
    """
    words, shown = text.split(), words_of(text)
    variants = [words[:left_out] + words[left_out + 1 :] for left_out in range(len(shown))]
    texts = [" ".join(variant) for variant in [words, *variants]]
    probabilities = classifier.predict_proba(texts, batch_size=len(texts)).astype(np.float64)
    predicted = probabilities[0].argmax()
    return shown, probabilities[0, predicted] - probabilities[1:, predicted]


def points(
    roles: Sequence[str], words: Sequence[str], weights: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    """One row a model, one column a word, in whole points of probability.

    Args:
        roles: the models, in order.
        words: the n words; the columns are named by position, as words may repeat.
        weights: by role, shape (n,), in -1..1; the row of a model without any is NaN.
    """
    unknown = np.full(len(words), np.nan)
    # Adding zero turns -0, which would be shown with its sign, into 0.
    rows = [np.round(100 * weights.get(role, unknown)) + 0.0 for role in roles]
    table = pd.DataFrame(np.reshape(rows, (len(roles), len(words))))
    table.columns = table.columns.astype(str)
    table.insert(0, "Model", list(roles))
    return table


def shade(point: float) -> str:
    """CSS of a cell: blue for the decision, orange against it, fullest from 50 points on.

    The shade is clear enough for either theme's text to be read on it.
    """
    if np.isnan(point) or point == 0:
        return ""
    color = "0, 114, 178" if point > 0 else "213, 94, 0"
    return f"background-color: rgba({color}, {0.1 + 0.5 * min(abs(point), 50) / 50:.2f})"
