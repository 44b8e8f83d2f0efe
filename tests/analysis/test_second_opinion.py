"""The hand-written statistics against statsmodels' and scikit-learn's, on random cases.

The dashboard does not use these libraries, because importing them takes long. Paired comparisons
are checked in test_significance.py.
"""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference
from sklearn.calibration import calibration_curve
from sklearn.exceptions import UndefinedMetricWarning
from statsmodels.discrete.discrete_model import Logit
from statsmodels.stats.proportion import proportion_confint

from pipeline.analysis import metrics, temperature

CHECKED = settings(derandomize=True, deadline=None, database=None)


@st.composite
def answers(draw):
    """Labels and probabilities. With few rows, some classes are in no label and no answer."""
    classes, rows = draw(st.integers(2, 8)), draw(st.integers(1, 60))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = random.integers(0, classes, rows)
    # Larger logits give probabilities that our log loss clips at float32's epsilon.
    logits = random.normal(size=(rows, classes)) * draw(st.floats(0.1, 1.5))
    logits[np.arange(rows), labels] += draw(st.floats(-2, 5))
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return labels, exponentials / exponentials.sum(axis=1, keepdims=True)


@CHECKED
@given(answers())
def test_metrics_are_scikit_learns(case):
    labels, probabilities = case
    classes = range(probabilities.shape[1])
    predicted = probabilities.argmax(axis=1)
    found = metrics.classification_metrics(labels, probabilities)
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(labels, predicted))
    assert found["macro_f1"] == pytest.approx(
        reference.f1_score(labels, predicted, average="macro")
    )
    assert found["nll"] == pytest.approx(
        reference.log_loss(labels, probabilities, labels=list(classes)), rel=1e-6
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        of_each = reference.precision_recall_fscore_support(
            labels, predicted, labels=list(classes), zero_division=0
        )
    for name, expected in zip(("precision", "recall", "f1"), of_each[:3], strict=True):
        assert found[name] == pytest.approx(expected)


@CHECKED
@given(answers(), st.integers(2, 15))
def test_the_calibration_error_is_that_of_scikit_learns_curve(case, bins):
    labels, probabilities = case
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    # scikit-learn's bins include their lower edges, ours their upper ones. Only 1 lies on an edge,
    # and both put it into the last bin.
    shares, sure = calibration_curve(correct, confidence, n_bins=bins)
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    counts = np.unique(which, return_counts=True)[1]
    expected = float(np.sum(counts * np.abs(shares - sure)) / len(labels))
    found = metrics.expected_calibration_error(labels, probabilities, bins)
    assert found == pytest.approx(expected, abs=1e-9)


@CHECKED
@given(st.integers(1, 10_000), st.floats(0, 1))
def test_the_interval_of_a_proportion_is_statsmodels(total, share):
    correct = round(share * total)
    expected = proportion_confint(correct, total, method="wilson")
    assert metrics.accuracy_interval(correct, total) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("sharpened", [0.4, 1.0, 2.5])
def test_the_temperature_is_that_of_a_logistic_regression(sharpened):
    """On two classes, 1/T is the only coefficient of an unpenalised regression on the logit."""
    random = np.random.default_rng(4)
    logits = random.normal(0, 2, 300)
    labels = (random.random(300) < 1 / (1 + np.exp(-logits))).astype(int)
    given_one = 1 / (1 + np.exp(-sharpened * logits))
    found = temperature.fit_temperature(labels, np.stack([1 - given_one, given_one], axis=1))
    fitted = Logit(labels, sharpened * logits[:, None]).fit(disp=False)
    assert 1 / found == pytest.approx(fitted.params[0], rel=1e-3)
