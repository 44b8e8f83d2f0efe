"""Which member of a cascade answers, and the thresholds that validation rows choose."""

import numpy as np
import pytest

from pipeline.analysis.cascades import (
    MOST_LOST,
    NEVER,
    answered_by,
    answers,
    best_members,
    choose,
    curve,
)
from pipeline.analysis.temperature import scale
from pipeline.cascade_rules import Rule, confidence


def rows(*confidences, says=0, classes=3):
    """Probabilities that say one class, each with its confidence."""
    table = np.empty((len(confidences), classes), np.float32)
    for row, sure in zip(table, confidences, strict=True):
        row[:] = (1 - sure) / (classes - 1)
        row[says] = sure
    return table


@pytest.fixture(scope="module")
def validation():
    """Labels of 2,000 rows; a small, calibrated model; and a large one that is 90 % right."""
    random = np.random.default_rng(5)
    labels = random.integers(0, 3, 2000)
    sure = random.uniform(0.4, 1.0, 2000)
    small = rows(*sure)
    says = np.where(random.uniform(size=2000) < sure, labels, (labels + 1) % 3)
    small = small[np.arange(2000)[:, None], (np.arange(3) - says[:, None]) % 3]
    right = np.where(random.uniform(size=2000) < 0.9, labels, (labels + 2) % 3)
    large = rows(*np.full(2000, 0.8))[np.arange(2000)[:, None], (np.arange(3) - right[:, None]) % 3]
    return labels, small, large


def test_the_first_that_is_sure_answers():
    small, middle, large = (
        rows(0.9, 0.5, 0.5),
        rows(0.9, 0.9, 0.5, says=1),
        rows(*3 * [0.4], says=2),
    )
    asked = answered_by([small, middle, large], [Rule(0.8), Rule(0.8)])
    assert asked.tolist() == [0, 1, 2]
    found = answers([small, middle, large], [Rule(0.8), Rule(0.8)])
    assert np.array_equal(found, np.stack([small[0], middle[1], large[2]]))


def test_a_threshold_is_reached_by_what_equals_it():
    assert Rule(0.5).is_sure(np.array([[0.5, 0.25, 0.25]])).tolist() == [True]
    assert Rule(NEVER).is_sure(np.array([[1.0, 0.0, 0.0]])).tolist() == [False]


def test_a_temperature_comes_before_the_threshold():
    probabilities = np.array([[0.8, 0.1, 0.1]])
    assert Rule(0.75).is_sure(probabilities).tolist() == [True]
    assert Rule(0.75, temperature=2.0).is_sure(probabilities).tolist() == [False]
    assert Rule(0.75, temperature=0.5).is_sure(probabilities).tolist() == [True]
    scaled = scale(probabilities, 1.7).max(axis=1)
    assert confidence(probabilities, 1.7) == pytest.approx(scaled)


def test_as_many_rows_are_answered_early_as_the_accuracy_allows(validation):
    labels, small, large = validation
    (rule,) = choose(labels, [small, large])
    alone = (large.argmax(axis=1) == labels).mean()
    accuracy = (answers([small, large], [rule]).argmax(axis=1) == labels).mean()
    assert accuracy >= alone - MOST_LOST - 1e-9
    answered = rule.is_sure(small).sum()
    assert answered > 100
    # Any other threshold, with or without the temperature, answers no more or loses too much.
    for temperature in (1.0, rule.temperature):
        sure = confidence(small, temperature)
        for threshold in np.unique(sure):
            other = Rule(threshold, temperature)
            right = answers([small, large], [other]).argmax(axis=1) == labels
            assert other.is_sure(small).sum() <= answered or right.mean() < alone - MOST_LOST - 1e-9


def test_a_member_that_only_harms_never_answers(validation):
    labels, _, large = validation
    wrong = rows(*np.full(len(labels), 0.99))[
        np.arange(len(labels))[:, None], (np.arange(3) - ((labels + 1) % 3)[:, None]) % 3
    ]
    (rule,) = choose(labels, [wrong, large])
    assert rule.threshold == NEVER
    assert np.array_equal(answers([wrong, large], [rule]), large)


def test_three_members_lose_no_more_than_two(validation):
    labels, small, large = validation
    rules = choose(labels, [small, small, large])
    assert len(rules) == 2
    alone = (large.argmax(axis=1) == labels).mean()
    found = answers([small, small, large], rules).argmax(axis=1) == labels
    assert found.mean() >= alone - MOST_LOST - 1e-9


@pytest.mark.parametrize(
    ("most_mb", "expected"),
    [
        (None, ["good", "large"]),
        (100, ["good", "large"]),
        # Either place could have its best role if the other had its smallest; both is too much.
        (66, ["poor", "large"]),
        (40, ["good", "small"]),
        (15, ["poor", "small"]),
        (1, ["poor", "small"]),  # none fits
    ],
)
def test_the_most_accurate_members_that_fit_together_are_taken(most_mb, expected):
    labels = np.zeros(10, int)

    def knows(count):
        return np.where(np.arange(10)[:, None] < count, [[0.9, 0.1]], [[0.1, 0.9]])

    probabilities = {
        role: knows(count)
        for role, count in {"poor": 5, "good": 6, "as good": 6, "small": 7, "large": 9}.items()
    }
    sizes = {"poor": 5, "good": 20, "as good": 21, "small": 10, "large": 60}
    places = [["as good", "poor", "good"], ["small", "large"]]
    assert best_members(labels, probabilities, places, sizes, most_mb) == expected


def test_the_curve_goes_from_the_last_member_to_the_first(validation):
    labels, small, large = validation
    found = curve(labels, small, large, 1.0, (0.1, 2.0))
    assert found["share"].is_monotonic_increasing
    assert found["mean_ms"].is_monotonic_decreasing
    ends = found.iloc[[0, -1]]
    assert ends["share"].tolist() == [0, 1]
    assert ends["mean_ms"].tolist() == pytest.approx([2.1, 0.1])
    right = [(m.argmax(axis=1) == labels).mean() for m in (large, small)]
    assert ends["accuracy"].tolist() == pytest.approx(right)
