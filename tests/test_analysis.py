"""Figures against hand-computed values, scipy's and scikit-learn's."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics

from pipeline import analysis
from pipeline.roles import Reported


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
    found = analysis.classification_metrics(labels, probabilities, other)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert found["macro_f1"] == pytest.approx(metrics.f1_score(labels, predicted, average="macro"))
    assert found["nll"] == pytest.approx(metrics.log_loss(labels, probabilities))
    assert found["agreement"] == pytest.approx(np.mean(predicted == other.argmax(axis=1)))
    for name, function in (
        ("precision", metrics.precision_score),
        ("recall", metrics.recall_score),
        ("f1", metrics.f1_score),
    ):
        assert found[name] == pytest.approx(function(labels, predicted, average=None))


def test_metrics_are_plain_numbers(sample):
    labels, probabilities, _ = sample
    found = analysis.classification_metrics(labels, probabilities.astype(np.float32))
    assert found["agreement"] is None
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_class_that_is_never_predicted_has_no_precision():
    always_first = np.tile([0.7, 0.1, 0.1, 0.1], (4, 1))
    found = analysis.classification_metrics(np.arange(4), always_first)
    assert found["precision"] == [0.25, 0, 0, 0]
    assert found["recall"] == [1, 0, 0, 0]


def test_calibration_error_by_hand():
    # Two bins are hit: (.6, .667] by .62 and .66, one of them right; (.933, 1] by .95 and 1, both.
    tops = np.array([0.62, 0.66, 0.95, 1.0])
    probabilities = np.stack([tops, 1 - tops, 0 * tops, 0 * tops], axis=1)
    labels = np.array([0, 1, 0, 0])
    by_hand = 0.5 * abs(0.5 - 0.64) + 0.5 * abs(1.0 - 0.975)
    assert analysis.expected_calibration_error(labels, probabilities) == pytest.approx(by_hand)


def test_calibration_error_of_one_bin_is_confidence_less_accuracy(sample):
    labels, probabilities, _ = sample
    gap = probabilities.max(axis=1).mean() - np.mean(probabilities.argmax(axis=1) == labels)
    found = analysis.expected_calibration_error(labels, probabilities, bins=1)
    assert found == pytest.approx(abs(gap))


def test_bins_are_closed_above():
    # 0.2 is in (0, 0.2] with 0.1, not in (0.2, 0.4]: together their gaps cancel.
    probabilities = np.array([[0.2, 0.0], [0.1, 0.0]])
    labels = np.array([1, 0])
    expected = abs((0 - 0.2) + (1 - 0.1)) / 2
    found = analysis.expected_calibration_error(labels, probabilities, bins=5)
    assert found == pytest.approx(expected)


def test_a_zero_probability_does_not_make_the_likelihood_infinite():
    found = analysis.negative_log_likelihood(np.array([0]), np.array([[0.0, 1.0]]))
    assert found == pytest.approx(-math.log(np.finfo(np.float32).eps))


def test_interval_by_hand():
    # Wilson, 1927: (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n), with 9 of 10.
    z, n, p = 1.959964, 10, 0.9
    middle = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    expected = (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)
    assert analysis.accuracy_interval(9, 10) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("total", [1, 2, 15, 400, 7600])
def test_interval_is_scipys(total):
    for correct in {0, 1, total // 3, total - 1, total}:
        expected = stats.binomtest(correct, total).proportion_ci(0.95, "wilson")
        assert analysis.accuracy_interval(correct, total) == pytest.approx(expected, abs=1e-12)


def test_interval_stays_within_bounds_and_holds_the_accuracy():
    for correct in (0, 1, 50, 99, 100):
        low, high = analysis.accuracy_interval(correct, 100)
        assert 0 <= low <= correct / 100 <= high <= 1


def test_interval_at_945_of_7600_is_half_a_point():
    low, high = analysis.accuracy_interval(round(0.945 * 7600), 7600)
    assert (high - low) / 2 == pytest.approx(0.005, abs=2e-4)


def test_mcnemar_by_hand():
    # Only one of them is right on 1 + 9 rows: p = 2 (C(10,0) + C(10,1)) / 2^10.
    one = np.array([True] * 1 + [False] * 9 + [True] * 30)
    other = np.array([False] * 1 + [True] * 9 + [True] * 30)
    assert analysis.mcnemar(one, other) == pytest.approx(2 * 11 / 1024)
    assert analysis.mcnemar(other, one) == analysis.mcnemar(one, other)


def test_mcnemar_of_the_same_model_is_one():
    correct = np.array([True, False, True])
    assert analysis.mcnemar(correct, correct) == 1


@pytest.mark.parametrize(
    ("only_one", "only_other"), [(0, 1), (3, 3), (0, 9), (7, 4), (61, 100), (1100, 1000)]
)
def test_mcnemar_is_scipys_binomial_test(only_one, only_other):
    one = np.repeat([True, False, True], [only_one, only_other, 50])
    other = np.repeat([False, True, True], [only_one, only_other, 50])
    expected = stats.binomtest(only_one, only_one + only_other, 0.5).pvalue
    assert analysis.mcnemar(one, other) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_approaches_the_chi_square_form():
    one, other = np.zeros(5000, bool), np.zeros(5000, bool)
    one[:1100], other[1100:2100] = True, True
    corrected = stats.chi2.sf((abs(1100 - 1000) - 1) ** 2 / 2100, df=1)
    assert analysis.mcnemar(one, other) == pytest.approx(corrected, abs=1e-3)


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
    assert list(analysis.pareto_front(*zip(*models, strict=True))) == front


def test_confusion_matrix_is_that_of_scikit_learn(sample):
    labels, probabilities, _ = sample
    predicted = probabilities.argmax(axis=1)
    expected = metrics.confusion_matrix(labels, predicted)
    assert np.array_equal(analysis.confusion_matrix(labels, predicted, 4), expected)
    with_a_fifth = analysis.confusion_matrix(labels, predicted, 5)
    assert np.array_equal(with_a_fifth[:4, :4], expected)
    assert with_a_fifth.sum() == expected.sum()


def test_as_many_classes_as_there_may_be_have_cells_of_their_own():
    labels = np.array([0, 199, 199], np.int16)  # as tables have them
    cells = analysis.confusion_matrix(labels, np.array([0, 199, 198]), 200)
    assert cells[0, 0] == cells[199, 199] == cells[199, 198] == 1
    assert cells.sum() == 3


def test_confusion_counts_and_shares():
    table = analysis.confusion(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 2]), ["a", "b", "c"])
    cells = table.set_index(["true", "predicted"])
    assert list(cells["count"]) == [2, 1, 0, 0, 0, 1, 0, 0, 0]
    assert cells.loc[("a", "b"), "share"] == pytest.approx(1 / 3)
    assert (cells.loc["c", "share"] == 0).all()  # no row of the class: no division by zero


def test_compare_holds_everyone_against_the_teacher(sample):
    labels, probabilities, other = sample
    table = analysis.compare(labels, {"teacher": probabilities, "tiny": other}).set_index("role")
    right, other_right = probabilities.argmax(1) == labels, other.argmax(1) == labels
    assert table.loc["tiny", "accuracy"] == pytest.approx(other_right.mean())
    assert table.loc["tiny", "p_teacher"] == analysis.mcnemar(right, other_right)
    assert table.loc["teacher", "agreement"] == 1
    assert math.isnan(table.loc["teacher", "p_teacher"])


def test_compare_without_a_teacher(sample):
    labels, probabilities, _ = sample
    row = analysis.compare(labels, {"tiny": probabilities}).iloc[0]
    assert math.isnan(row["agreement"])
    assert math.isnan(row["p_teacher"])


def test_models_table_prefers_predictions_to_stored_figures(sample):
    labels, probabilities, other = sample
    stored = pd.DataFrame({"role": ["a", "b"], "size_mb": [1.0, 9.0], "accuracy": [0.1, 0.2]})
    table = analysis.models_table(
        stored, labels, {"a": probabilities, "b": other}, {"b": Reported(0.9, 4.0, "no")}
    )
    assert list(table["role"]) == ["b", "a"]
    assert table["accuracy"][1] == pytest.approx((probabilities.argmax(1) == labels).mean())
    assert list(table["front"]) == [False, True]
    assert table["reported_note"][0] == "no"
    assert table["reported_accuracy"].isna().tolist() == [False, True]


def test_holm_by_hand():
    # Holm's own procedure on .01, .04, .03, .005 of four: .005·4, .01·3, .03·2, and .04·1 is
    # raised to the .06 before it.
    found = analysis.holm([0.01, 0.04, 0.03, 0.005])
    assert found == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_is_at_most_one_and_leaves_out_what_is_no_comparison():
    found = analysis.holm([0.9, math.nan, 0.6])
    assert found[[0, 2]].tolist() == [1, 1]
    assert math.isnan(found[1])
    assert analysis.holm([]).tolist() == []
    assert analysis.holm([0.04]).tolist() == [0.04]


def test_paired_difference_by_hand():
    # 40 rows; only the one is right on 8, only the other on 3. With half a row in each cell:
    # b = 8.5, c = 3.5, n = 42: 5/42 ± 1.96 √(12 - 25/42) / 42.
    one = np.array([True] * 8 + [False] * 3 + [True] * 29)
    other = np.array([False] * 8 + [True] * 3 + [True] * 29)
    half = 1.959964 * math.sqrt(12 - 25 / 42) / 42
    expected = (5 / 40, 5 / 42 - half, 5 / 42 + half)
    assert analysis.paired_difference(one, other) == pytest.approx(expected, abs=1e-6)
    back = analysis.paired_difference(other, one)
    assert back == pytest.approx((-expected[0], -expected[2], -expected[1]), abs=1e-6)


def test_paired_difference_of_twins_is_nought_within_an_interval():
    difference, low, high = analysis.paired_difference([True] * 50, [True] * 50)
    assert difference == 0
    assert -0.05 < low < 0 < high < 0.05


def test_paired_difference_covers_as_often_as_it_says():
    generator, hits = np.random.default_rng(5), 0
    for _ in range(500):  # the truth: .90 against .86, right together mostly
        luck = generator.random(300)
        shift = generator.random(300) < 0.1
        one, other = luck < 0.9, np.where(shift, generator.random(300) < 0.5, luck < 0.9)
        _, low, high = analysis.paired_difference(one, other)
        hits += low <= 0.9 - (0.9 * 0.9 + 0.1 * 0.5) <= high
    assert 0.93 <= hits / 500 <= 0.98


@pytest.mark.parametrize(
    ("half", "decimals"), [(0.05, 0), (0.02, 0), (0.005, 1), (0.0021, 1), (0.001, 2), (0, 1)]
)
def test_decimals_follow_the_interval(half, decimals):
    assert analysis.supported_decimals(0.5 - half, 0.5 + half) == decimals


def test_p_against_the_teacher_is_corrected_for_the_number_of_models(sample):
    labels, probabilities, other = sample
    models = {"teacher": probabilities, "a": other, "b": other}
    table = analysis.compare(labels, models).set_index("role")
    plain = analysis.mcnemar(probabilities.argmax(1) == labels, other.argmax(1) == labels)
    assert table["p_teacher"][["a", "b"]].tolist() == pytest.approx([2 * plain] * 2)


def test_across_seeds_takes_a_model_and_its_repeats_together():
    accuracies = {"teacher": 0.95, "tiny": 0.92, "tiny-seed43": 0.94, "tiny-seed44": 0.93}
    found = analysis.across_seeds(accuracies | {"gone-seed43": 0.5})
    assert found.index.tolist() == ["tiny"]
    assert found.loc["tiny"].tolist() == pytest.approx([3, 0.93, 0.92, 0.94])
    assert analysis.across_seeds({"teacher": 0.95}).empty


def test_what_a_teacher_adds_is_the_student_less_its_control():
    # Of 20 rows the student has 8 right that its control has wrong, and the control 1.
    student, control = np.arange(20) < 18, np.r_[np.arange(18) >= 8, True, False]
    same = np.ones(20, bool)
    right = {"teacher": same, "tiny": student, "minilm": same}
    found = analysis.teaching(right | {"tiny-control": control, "minilm-control": same})
    assert found.index.tolist() == ["tiny", "minilm"]
    assert found["difference"].tolist() == pytest.approx([7 / 20, 0])
    assert (found["low"] <= found["difference"]).all()
    assert (found["difference"] <= found["high"]).all()
    # Exact McNemar: 2 * (1 + 9) / 2**9, by Holm times two for the two students.
    assert found["p"].tolist() == pytest.approx([2 * 2 * 10 / 2**9, 1])
    assert analysis.teaching(right).empty
