"""Word attribution: how much the predicted probability drops when a word is left out."""

from typing import Protocol

import numpy as np

MAX_WORDS = 40


class Probabilities(Protocol):
    """A ``Classifier``, or any other object with this method."""

    def predict_proba(self, texts: list[str], batch_size: int) -> np.ndarray: ...


def words_of(text: str) -> list[str]:
    """The first ``MAX_WORDS`` words of a text, split at white space."""
    return text.split()[:MAX_WORDS]


def leave_one_word_out(classifier: Probabilities, text: str) -> tuple[list[str], np.ndarray]:
    """How much each word supports the predicted class.

    A word's weight is the probability of the predicted class for the whole text minus its
    probability without that word. A positive weight supports the prediction, a negative one
    opposes it. If two words mean the same, leaving out one of them changes little. So weights do
    not add up to the probability.
    (Li, Monroe & Jurafsky 2016, "Understanding Neural Networks through Representation Erasure".)

    Args:
        classifier: called once, with the text and all its variants as one batch: the last digits
            of an answer may depend on the batch. (A dynamic int8 graph still runs each text alone.)
        text: one text. Words after the first ``MAX_WORDS`` stay in every variant.

    Returns:
        The n words and their weights, float64 (n,), in -1..1.
    """
    words, shown = text.split(), words_of(text)
    variants = [words[:left_out] + words[left_out + 1 :] for left_out in range(len(shown))]
    texts = [" ".join(variant) for variant in [words, *variants]]
    probabilities = classifier.predict_proba(texts, batch_size=len(texts)).astype(np.float64)
    predicted = probabilities[0].argmax()
    return shown, probabilities[0, predicted] - probabilities[1:, predicted]
