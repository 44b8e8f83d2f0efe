"""Figures with intervals, against the plain figures and against a bootstrap written out."""

import tracemalloc

import numpy as np
import pytest
from sklearn import metrics as reference

from pipeline.analysis import intervals as intervals_module
from pipeline.analysis import metrics
from pipeline.analysis.intervals import interval, intervals, on_headlines
from pipeline.analysis.metrics import accuracy_interval


@pytest.fixture(scope="module")
def sample():
    generator = np.random.default_rng(3)
    labels = generator.integers(0, 4, 600)
    logits = generator.normal(size=(600, 4))
    logits[np.arange(600), labels] += 2
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return labels, probabilities


def test_figures_are_those_of_scikit_learn_and_of_analysis(sample):
    labels, probabilities = sample
    predicted = probabilities.argmax(axis=1)
    expected = {
        "accuracy": reference.accuracy_score(labels, predicted),
        "macro_f1": reference.f1_score(labels, predicted, average="macro"),
        "worst_recall": reference.recall_score(labels, predicted, average=None).min(),
        "ece": metrics.expected_calibration_error(labels, probabilities),
    }
    for figure, value in expected.items():
        found, low, high = interval(figure, labels, probabilities)
        assert found == pytest.approx(value), figure
        assert 0 <= low < found < high <= 1, figure


def test_the_worst_recall_is_counted_on_its_own_rows():
    labels = np.array([0] * 90 + [1] * 10)
    predicted = np.array([0] * 90 + [1] * 9 + [0])
    found = interval("worst_recall", labels, np.eye(4)[predicted])
    assert found == pytest.approx((0.9, *metrics.accuracy_interval(9, 10)))


@pytest.mark.slow
def test_the_bootstrap_of_macro_f1_is_one_over_rows(sample):
    labels, probabilities = sample
    predicted, generator, scores = probabilities.argmax(axis=1), np.random.default_rng(0), []
    for _ in range(1000):
        rows = generator.integers(0, 600, 600)
        scores.append(reference.f1_score(labels[rows], predicted[rows], average="macro"))
    by_hand = np.quantile(scores, [0.025, 0.975])
    assert interval("macro_f1", labels, probabilities)[1:] == pytest.approx(by_hand, abs=0.004)


def test_macro_f1_leaves_out_a_class_that_no_row_has(sample):
    labels, probabilities = sample
    rows = (labels < 3) & (probabilities.argmax(axis=1) < 3)
    labels, probabilities = labels[rows], probabilities[rows]
    expected = reference.f1_score(labels, probabilities.argmax(axis=1), average="macro")
    found, low, high = interval("macro_f1", labels, probabilities)
    assert found == pytest.approx(expected)
    assert low < expected < high


def test_a_calibrated_model_lies_in_its_interval():
    # The model is perfectly calibrated. The mean of a plain bootstrap is well above the estimate.
    generator = np.random.default_rng(1)
    sure = generator.uniform(0.5, 1, 4000)
    right = generator.random(4000) < sure
    probabilities = np.stack([sure, 1 - sure], axis=1)
    found, low, high = interval("ece", (~right).astype(int), probabilities)
    assert found < 0.03
    assert low < found < high


def test_the_same_ends_every_time(sample):
    for figure in ("macro_f1", "ece"):
        assert interval(figure, *sample) == interval(figure, *sample)


def test_drawing_a_part_at_a_time_draws_the_same(sample, monkeypatch):
    whole = interval("macro_f1", *sample)
    monkeypatch.setattr(intervals_module, "_NUMBERS_AT_ONCE", 16 * 333)
    assert interval("macro_f1", *sample) == whole


def test_many_classes_take_bounded_memory(monkeypatch):
    monkeypatch.setattr(intervals_module, "MATRICES", 500)  # 160 MB if held at once
    generator = np.random.default_rng(1)
    labels = generator.integers(0, 200, 2000)
    answers = np.where(generator.random(2000) < 0.9, labels, generator.integers(0, 200, 2000))
    tracemalloc.start()
    found, low, high = interval("macro_f1", labels, np.eye(200)[answers])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == pytest.approx(reference.f1_score(labels, answers, average="macro"))
    assert low < found < high
    assert peak < 100 * 10**6


def test_agreement_with_oneself_is_no_estimate(sample):
    labels, probabilities = sample
    assert interval("agreement", labels, probabilities, probabilities) == (1, 1, 1)
    assert np.isnan(interval("agreement", labels, probabilities)).all()


def test_intervals_hold_everyone_against_the_teacher(sample):
    labels, probabilities = sample
    other = probabilities[:, ::-1]
    table = intervals("agreement", labels, {"tiny": other, "teacher": probabilities})
    shared = np.mean(other.argmax(axis=1) == probabilities.argmax(axis=1))
    assert table["role"].tolist() == ["tiny", "teacher"]
    assert table["y"].tolist() == pytest.approx([shared, 1])


def test_headlines_alone_have_the_interval_of_their_number():
    table = on_headlines({"tiny": (0.9, 400)})
    assert table["role"].tolist() == ["tiny"]
    assert table.loc[0, ["y", "low", "high"]].tolist() == [0.9, *accuracy_interval(360, 400)]


def test_an_unknown_figure_is_refused(sample):
    with pytest.raises(ValueError, match="charm"):
        interval("charm", *sample)
