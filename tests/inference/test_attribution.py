"""Leave-one-word-out, by hand."""

import numpy as np
import pytest

from pipeline.inference import attribution
from pipeline.inference.classifier import Classifier


class Fake:
    """Says Sports with 0.9 if there is "cup", else with 0.4, less 0.2 for every "bank"."""

    def __init__(self):
        self.batches = []

    def predict_proba(self, texts, batch_size):
        self.batches.append((list(texts), batch_size))
        sports = [(0.9 if "cup" in t else 0.4) - 0.2 * t.count("bank") for t in texts]
        return np.array([[1 - p, p] for p in sports], dtype=np.float32)


def test_weights_by_hand():
    words, weights = attribution.leave_one_word_out(Fake(), " the  cup\tbank ")
    assert words == ["the", "cup", "bank"]
    # The whole: 0.7 Sports. Without "cup" 0.2, without "bank" 0.9.
    assert weights == pytest.approx([0.0, 0.5, -0.2])
    assert weights.dtype == np.float64


def test_the_class_is_that_of_the_whole_text_even_if_a_variant_has_another():
    _, weights = attribution.leave_one_word_out(Fake(), "bank")
    assert weights == pytest.approx([0.8 - 0.6])  # of the class that is not Sports


def test_all_variants_are_one_batch():
    fake = Fake()
    attribution.leave_one_word_out(fake, "a b c")
    assert fake.batches == [(["a b c", "b c", "a c", "a b"], 4)]


def test_words_beyond_the_bound_stay_in_every_variant():
    fake = Fake()
    text = " ".join(f"w{i}" for i in range(50)) + " cup"
    words, weights = attribution.leave_one_word_out(fake, text)
    assert words == [f"w{i}" for i in range(40)]
    assert weights.shape == (40,)
    ((texts, _),) = fake.batches
    assert len(texts) == 41
    assert all(text.endswith("w49 cup") for text in texts)


def test_a_text_without_words():
    words, weights = attribution.leave_one_word_out(Fake(), " \n")
    assert words == []
    assert weights.shape == (0,)


def test_a_classifier_is_asked_as_it_is(artifact):
    words, weights = attribution.leave_one_word_out(Classifier(artifact), "coach wins the cup")
    assert dict(zip(words, weights > 0.05, strict=True)) == {
        "coach": True,
        "wins": False,
        "the": False,
        "cup": True,
    }
