"""Which words carried a decision: what the answer loses when a word is left out."""

from typing import Protocol

import numpy as np

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
