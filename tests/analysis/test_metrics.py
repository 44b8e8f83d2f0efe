"""Figures against hand-computed values, scipy's and scikit-learn's."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics as reference

from pipeline.analysis import metrics
from pipeline.recipes.reported import Reported


@pytest.fixture(scope="module")
def sample():
    """400 labels and probabilities with some skill, and another model's probabilities."""
    generator = np.random.default_rng(7)
    labels = generator.integers(0, 4, 400)
    logits, other = generator.normal(size=(2, 400, 4))
    logits[np.arange(400), labels] += 1.5

    def softmax(x):
        return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)

    return labels, softmax(logits), softmax(other)


def test_metrics_are_those_of_scikit_learn(sample):
    labels, probabilities, other = sample
    predicted = probabilities.argmax(axis=1)
    found = metrics.classification_metrics(labels, probabilities, other)
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(labels, predicted))
    assert found["macro_f1"] == pytest.approx(
        reference.f1_score(labels, predicted, average="macro")
    )
    assert found["nll"] == pytest.approx(reference.log_loss(labels, probabilities))
    assert found["agreement"] == pytest.approx(np.mean(predicted == other.argmax(axis=1)))
    for name, function in (
        ("precision", reference.precision_score),
        ("recall", reference.recall_score),
        ("f1", reference.f1_score),
    ):
        assert found[name] == pytest.approx(function(labels, predicted, average=None))


def test_metrics_are_plain_numbers(sample):
    labels, probabilities, _ = sample
    found = metrics.classification_metrics(labels, probabilities.astype(np.float32))
    assert found["agreement"] is None
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_class_that_is_never_predicted_has_no_precision():
    always_first = np.tile([0.7, 0.1, 0.1, 0.1], (4, 1))
    found = metrics.classification_metrics(np.arange(4), always_first)
    assert found["precision"] == [0.25, 0, 0, 0]
    assert found["recall"] == [1, 0, 0, 0]


@pytest.mark.parametrize("seen", [(0, 1, 2), (0,), (0, 1, 2, 3)])
def test_macro_f1_leaves_out_a_class_that_no_row_has(sample, seen):
    labels, probabilities, _ = sample
    rows = np.isin(labels, seen) & np.isin(probabilities.argmax(axis=1), seen)
    labels, probabilities = labels[rows], probabilities[rows]
    found = metrics.classification_metrics(labels, probabilities)
    expected = reference.f1_score(labels, probabilities.argmax(axis=1), average="macro")
    assert found["macro_f1"] == pytest.approx(expected)
    assert len(found["f1"]) == 4


def test_calibration_error_by_hand():
    # Two bins fill: (.6, .667] has .62 and .66, one right; (.933, 1] has .95 and 1, both right.
    tops = np.array([0.62, 0.66, 0.95, 1.0])
    probabilities = np.stack([tops, 1 - tops, 0 * tops, 0 * tops], axis=1)
    labels = np.array([0, 1, 0, 0])
    by_hand = 0.5 * abs(0.5 - 0.64) + 0.5 * abs(1.0 - 0.975)
    assert metrics.expected_calibration_error(labels, probabilities) == pytest.approx(by_hand)


def test_calibration_error_of_one_bin_is_confidence_less_accuracy(sample):
    labels, probabilities, _ = sample
    gap = probabilities.max(axis=1).mean() - np.mean(probabilities.argmax(axis=1) == labels)
    found = metrics.expected_calibration_error(labels, probabilities, bins=1)
    assert found == pytest.approx(abs(gap))


def test_bins_are_closed_above():
    # 0.2 lies in (0, 0.2], as 0.1 does. In one bin, their gaps partly cancel.
    probabilities = np.array([[0.2, 0.0], [0.1, 0.0]])
    labels = np.array([1, 0])
    expected = abs((0 - 0.2) + (1 - 0.1)) / 2
    found = metrics.expected_calibration_error(labels, probabilities, bins=5)
    assert found == pytest.approx(expected)


def test_a_zero_probability_does_not_make_the_likelihood_infinite():
    found = metrics.negative_log_likelihood(np.array([0]), np.array([[0.0, 1.0]]))
    assert found == pytest.approx(-math.log(np.finfo(np.float32).eps))


def test_interval_by_hand():
    # Wilson, 1927: (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n), with 9 of 10.
    z, n, p = 1.959964, 10, 0.9
    middle = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    expected = (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)
    assert metrics.accuracy_interval(9, 10) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("total", [1, 2, 15, 400, 7600])
def test_interval_is_scipys(total):
    for correct in {0, 1, total // 3, total - 1, total}:
        expected = stats.binomtest(correct, total).proportion_ci(0.95, "wilson")
        assert metrics.accuracy_interval(correct, total) == pytest.approx(expected, abs=1e-12)


def test_interval_stays_within_bounds_and_holds_the_accuracy():
    for correct in (0, 1, 50, 99, 100):
        low, high = metrics.accuracy_interval(correct, 100)
        assert 0 <= low <= correct / 100 <= high <= 1


def test_interval_at_945_of_7600_is_half_a_point():
    low, high = metrics.accuracy_interval(round(0.945 * 7600), 7600)
    assert (high - low) / 2 == pytest.approx(0.005, abs=2e-4)


@pytest.mark.parametrize(
    ("models", "front"),
    [
        ([(1, 0.5), (2, 0.6), (3, 0.7)], [True, True, True]),
        ([(1, 0.7), (2, 0.6), (3, 0.7)], [True, False, False]),  # equally good: the smaller
        ([(1, 0.5), (1, 0.6)], [False, True]),  # equally small: the better
        ([(1, 0.5), (1, 0.5), (2, 0.4)], [True, True, False]),  # equal in both: both
        ([(5, 0.1)], [True]),
    ],
)
def test_pareto_front(models, front):
    assert list(metrics.pareto_front(*zip(*models, strict=True))) == front


def test_confusion_matrix_is_that_of_scikit_learn(sample):
    labels, probabilities, _ = sample
    predicted = probabilities.argmax(axis=1)
    expected = reference.confusion_matrix(labels, predicted)
    assert np.array_equal(metrics.confusion_matrix(labels, predicted, 4), expected)
    with_a_fifth = metrics.confusion_matrix(labels, predicted, 5)
    assert np.array_equal(with_a_fifth[:4, :4], expected)
    assert with_a_fifth.sum() == expected.sum()


def test_as_many_classes_as_there_may_be_have_cells_of_their_own():
    labels = np.array([0, 199, 199], np.int16)  # the type in prediction tables
    cells = metrics.confusion_matrix(labels, np.array([0, 199, 198]), 200)
    assert cells[0, 0] == cells[199, 199] == cells[199, 198] == 1
    assert cells.sum() == 3


def test_confusion_counts_and_shares():
    table = metrics.confusion(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 2]), ["a", "b", "c"])
    cells = table.set_index(["true", "predicted"])
    assert list(cells["count"]) == [2, 1, 0, 0, 0, 1, 0, 0, 0]
    assert cells.loc[("a", "b"), "share"] == pytest.approx(1 / 3)
    assert (cells.loc["c", "share"] == 0).all()  # no row of the class: no division by zero


def test_compare_takes_the_teachers_answers_for_agreement(sample):
    labels, probabilities, other = sample
    table = metrics.compare(labels, {"teacher": probabilities, "tiny": other}).set_index("role")
    right = other.argmax(axis=1) == labels
    assert table.loc["tiny", "accuracy"] == pytest.approx(right.mean())
    low, high = metrics.accuracy_interval(right.sum(), len(labels))
    assert (table.loc["tiny", "low"], table.loc["tiny", "high"]) == (low, high)
    same = probabilities.argmax(axis=1) == other.argmax(axis=1)
    assert table["agreement"].tolist() == pytest.approx([1, same.mean()])
    assert math.isnan(metrics.compare(labels, {"tiny": other}).loc[0, "agreement"])


def test_models_table_prefers_predictions_to_stored_figures(sample):
    labels, probabilities, other = sample
    stored = pd.DataFrame({"role": ["a", "b"], "size_mb": [1.0, 9.0], "accuracy": [0.1, 0.2]})
    table = metrics.models_table(
        stored, labels, {"a": probabilities, "b": other}, {"b": Reported(0.9, 4.0, "no")}
    )
    assert list(table["role"]) == ["b", "a"]
    assert table["accuracy"][1] == pytest.approx((probabilities.argmax(1) == labels).mean())
    assert list(table["front"]) == [False, True]
    assert table["reported_note"][0] == "no"
    assert table["reported_accuracy"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("half", "decimals"), [(0.05, 0), (0.02, 0), (0.005, 1), (0.0021, 1), (0.001, 2), (0, 1)]
)
def test_decimals_follow_the_interval(half, decimals):
    assert metrics.supported_decimals(0.5 - half, 0.5 + half) == decimals


def test_across_seeds_takes_a_model_and_its_repeats_together():
    accuracies = {"teacher": 0.95, "tiny": 0.92, "tiny-seed43": 0.94, "tiny-seed44": 0.93}
    found = metrics.across_seeds(accuracies | {"gone-seed43": 0.5})
    assert found.index.tolist() == ["tiny"]
    assert found.loc["tiny"].tolist() == pytest.approx([3, 0.93, 0.92, 0.94])
    assert metrics.across_seeds({"teacher": 0.95}).empty
