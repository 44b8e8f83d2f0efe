"""Calibration against hand values, scikit-learn, and models whose calibration is known."""

import numpy as np
import pytest
from scipy import special
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from pipeline.analysis import calibration, metrics, temperature


def drawn_from(logits, seed=0):
    """Labels drawn from probabilities, and the probabilities, which are perfectly calibrated."""
    random = np.random.default_rng(seed)
    probabilities = special.softmax(logits, axis=1)
    labels = (random.random(len(logits))[:, None] > probabilities.cumsum(axis=1)).sum(axis=1)
    return np.minimum(labels, logits.shape[1] - 1), probabilities


@pytest.fixture
def perfect():
    return drawn_from(np.random.default_rng(1).normal(0, 3, (4_000, 4)))


def test_reliability_by_hand():
    probabilities = np.array([[0.95, 0.05], [0.97, 0.03], [0.6, 0.4], [0.4, 0.6]])
    bins = calibration.reliability(np.array([0, 1, 0, 0]), probabilities, bins=5)
    assert bins["start"].tolist() == pytest.approx([0.4, 0.6, 0.8])  # of two, one has 1/2 or more
    assert bins["count"].tolist() == [2, 0, 2]
    assert bins["confidence"].tolist() == pytest.approx([0.6, np.nan, 0.96], nan_ok=True)
    assert bins["accuracy"].tolist() == pytest.approx([0.5, np.nan, 0.5], nan_ok=True)
    assert (bins["low"][0], bins["high"][0]) == pytest.approx(metrics.accuracy_interval(1, 2))


def test_reliability_is_scikit_learns_curve_and_adds_up_to_the_ece(perfect):
    labels, probabilities = perfect
    bins = calibration.reliability(labels, probabilities)
    full = bins[bins["count"] > 0]
    correct = probabilities.argmax(axis=1) == labels
    right, sure = calibration_curve(correct, probabilities.max(axis=1), n_bins=15)
    assert full["accuracy"].to_numpy() == pytest.approx(right)
    assert full["confidence"].to_numpy() == pytest.approx(sure)
    gaps = (full["accuracy"] - full["confidence"]).abs() * full["count"] / len(labels)
    ece = metrics.expected_calibration_error(labels, probabilities)
    assert gaps.sum() == pytest.approx(ece)


@pytest.mark.parametrize("sharpened", [0.5, 1.0, 3.0])
def test_the_temperature_of_a_known_model_is_found(sharpened):
    logits = np.random.default_rng(2).normal(0, 2, (20_000, 4))
    labels, _ = drawn_from(logits)
    found = temperature.fit_temperature(labels, special.softmax(sharpened * logits, axis=1))
    assert found == pytest.approx(sharpened, rel=0.05)
    assert not temperature.is_at_bound(found)


def test_no_other_temperature_fits_better(perfect):
    labels, probabilities = perfect
    best = temperature.fit_temperature(labels, probabilities)
    losses = [
        log_loss(labels, temperature.scale(probabilities, best * factor))
        for factor in (0.9, 0.99, 1, 1.01, 1.1)
    ]
    assert min(losses) == losses[2]


def test_rows_that_are_all_right_settle_no_temperature():
    probabilities = np.tile([0.9, 0.05, 0.05], (20, 1))
    assert temperature.is_at_bound(temperature.fit_temperature(np.zeros(20, int), probabilities))
    assert temperature.is_at_bound(temperature.fit_temperature(np.ones(20, int), probabilities))


def test_scaling_divides_logits_and_moves_no_answer():
    logits = np.random.default_rng(3).normal(0, 4, (500, 4)) + 7
    probabilities = special.softmax(logits, axis=1)
    scaled = temperature.scale(probabilities.astype(np.float32), 2.5)
    assert scaled == pytest.approx(special.softmax(logits / 2.5, axis=1), abs=1e-6)
    assert (scaled.argmax(axis=1) == probabilities.argmax(axis=1)).all()
    assert temperature.scale(probabilities, 1) == pytest.approx(probabilities)


def test_scaling_takes_probabilities_of_zero():
    scaled = temperature.scale(np.array([[1.0, 0.0, 0.0, 0.0]]), 3.0)
    assert np.isfinite(scaled).all()
    assert scaled.sum() == pytest.approx(1)
    assert np.isfinite(temperature.fit_temperature(np.array([1]), np.array([[1.0, 0.0]])))


def test_draws_are_eces_of_resampled_rows(perfect, monkeypatch):
    labels, probabilities = (part[:300] for part in perfect)
    drawn = calibration.ece_draws(labels, [probabilities, probabilities], draws=40, seed=5)
    rows = np.random.default_rng(5).integers(0, 300, (40, 300))
    expected = [
        metrics.expected_calibration_error(labels[chosen], probabilities[chosen]) for chosen in rows
    ]
    assert drawn[:, 0] == pytest.approx(np.array(expected))
    assert (drawn[:, 0] == drawn[:, 1]).all()  # both get the same resamples
    monkeypatch.setattr(calibration, "_CHUNK", 7 * 300)
    in_chunks = calibration.ece_draws(labels, [probabilities, probabilities], draws=40, seed=5)
    assert in_chunks == pytest.approx(drawn)


def test_by_chance_is_what_labels_drawn_from_the_confidences_give(perfect):
    _, probabilities = (part[:1_000] for part in perfect)
    random = np.random.default_rng(6)
    confidence = probabilities.max(axis=1)
    eces = []
    for _ in range(400):
        right = random.random(1_000) < confidence
        labels = np.where(right, probabilities.argmax(axis=1), probabilities.argmin(axis=1))
        eces.append(metrics.expected_calibration_error(labels, probabilities))
    expected = np.quantile(eces, 0.95)
    assert calibration.ece_by_chance(probabilities) == pytest.approx(expected, rel=0.06)


def test_the_interval_of_a_perfect_model_starts_at_zero(perfect):
    labels, probabilities = perfect
    estimate = metrics.expected_calibration_error(labels, probabilities)
    drawn = calibration.ece_draws(labels, [probabilities])[:, 0]
    assert np.quantile(drawn, 0.025) > 0  # a percentile interval would wrongly exclude 0
    low, high = calibration.ece_interval(labels, probabilities)
    assert low == 0
    assert estimate <= high


@pytest.mark.parametrize(("temperature", "rows"), [(1.15, 200), (0.7, 200), (0.7, 1000)])
def test_intervals_cover_a_known_error(temperature, rows):
    """Models a little over- or underconfident; the basic bootstrap covered only 86 to 90 %."""
    random, covered, times = np.random.default_rng(7), 0, 200
    logits = np.abs(random.normal(2.5, 1.5, 500_000))
    sure, right = special.expit(logits), special.expit(logits / temperature)
    which = np.ceil(sure * 15).astype(int) - 1
    truth = np.abs(np.bincount(which, right - sure)).sum() / len(sure)
    for start in range(times):
        rows_of_it = slice(start * rows, (start + 1) * rows)
        labels = (random.random(rows) > right[rows_of_it]).astype(int)
        given = np.stack([sure[rows_of_it], 1 - sure[rows_of_it]], axis=1)
        low, high = calibration.ece_interval(labels, given, draws=500)
        covered += low <= truth <= high
    assert 0.88 <= covered / times <= 0.99  # 91 to 98 % with 1,000 repetitions


def test_an_error_of_nothing_has_an_interval():
    assert calibration.ece_interval(np.zeros(5, int), np.tile([1.0, 0.0], (5, 1))) == (0, 0)
    low, high = calibration.ece_interval(np.zeros(5, int), np.tile([0.9, 0.1], (5, 1)))
    assert low == 0  # five correct rows show no error
    assert 0.1 < high < 0.4


def test_the_table_says_what_the_temperature_mends():
    logits = np.random.default_rng(8).normal(0, 2, (4_000, 4))
    labels, honest = drawn_from(logits)
    sure = special.softmax(3 * logits, axis=1)
    given = {"honest": honest, "sure": sure}
    table = temperature.temperature_table(
        labels[2_000:], {role: p[2_000:] for role, p in given.items()},
        labels[:2_000], {role: p[:2_000] for role, p in given.items()},
    ).set_index("role")  # fmt: skip
    test = labels[2_000:]
    row = table.loc["sure"]
    assert row["temperature"] == pytest.approx(3, rel=0.1)
    assert row["overconfidence"] > 0.1
    assert row["ece"] == metrics.expected_calibration_error(test, sure[2_000:])
    assert row["nll"] == pytest.approx(metrics.negative_log_likelihood(test, sure[2_000:]))
    assert row["ece_change_high"] < 0
    assert row["nll_change_high"] < 0
    assert row["ece_scaled"] < row["ece_scaled_chance"]
    scores = ("ece", "ece_scaled", "nll", "nll_scaled", "ece_change", "nll_change")
    for name in ("overconfidence", *scores):
        assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]
    assert table.loc["honest", "ece_change_low"] <= 0 <= table.loc["honest", "ece_change_high"]


def test_without_validation_rows_nothing_is_fitted(perfect):
    labels, probabilities = perfect
    (row,) = temperature.temperature_table(
        labels, {"m": probabilities}, labels[:0], {"m": probabilities[:0]}
    ).to_dict("records")
    assert np.isnan([row["temperature"], row["ece_scaled"], row["nll_change"]]).all()
    assert row["ece_low"] <= row["ece"] <= row["ece_high"]
