"""A figure of a model's predictions with its 95 % interval: one function for all figures.

Proportions (accuracy, recall, agreement) get Wilson's interval over the rows that they count.
Macro-F1 gets percentiles of a bootstrap over test rows (Efron & Tibshirani, 1993), calibration
error an inverted test (``calibration.ece_interval``). Both have a fixed seed, so that a page always
shows the same numbers.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.analysis import calibration
from pipeline.analysis.metrics import (
    CONFIDENCE,
    accuracy_interval,
    confusion_matrix,
    expected_calibration_error,
    macro_f1,
)

MATRICES = 10_000
_NUMBERS_AT_ONCE = 4_000_000
SEED = 42

Interval = tuple[float, float, float]
"""The figure, the lower end and the upper end; shares in 0..1."""


def interval(
    figure: str, labels: np.ndarray, probabilities: np.ndarray, teacher: np.ndarray | None = None
) -> Interval:
    """One figure of one model with its 95 % interval.

    Args:
        figure: ``accuracy``, ``macro_f1``, ``worst_recall``, ``agreement`` or ``ece``.
        labels: true classes, shape (n,), n at least 1.
        probabilities: shape (n, k).
        teacher: the teacher's probabilities on the same rows; ``agreement`` needs them.

    Returns:
        Figure, low, high; NaN for agreement without a teacher.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    predicted = probabilities.argmax(axis=1)
    match figure:
        case "accuracy":
            return _proportion(predicted == labels)
        case "agreement":
            if teacher is None:
                return np.nan, np.nan, np.nan
            if teacher is probabilities or np.array_equal(teacher, probabilities):
                return 1.0, 1.0, 1.0  # with itself: true by definition, not by chance
            return _proportion(predicted == np.asarray(teacher).argmax(axis=1))
        case "worst_recall":
            return _worst_recall(labels, predicted)
        case "macro_f1":
            return _macro_f1(labels, predicted, probabilities.shape[1])
        case "ece":
            return _calibration_error(labels, probabilities)
    raise ValueError(f"there is no figure {figure!r}")


def intervals(
    figure: str, labels: np.ndarray, probabilities: dict[str, np.ndarray]
) -> pd.DataFrame:
    """``interval`` of each model: a row per role, columns ``role``, ``y``, ``low``, ``high``."""
    teacher = probabilities.get("teacher")
    rows = [(role, *interval(figure, labels, p, teacher)) for role, p in probabilities.items()]
    return pd.DataFrame(rows, columns=["role", "y", "low", "high"])


def on_headlines(found: Mapping[str, tuple[float, int]]) -> pd.DataFrame:
    """Accuracy on headlines alone with its 95 % interval, in the columns of ``intervals``.

    Args:
        found: by role, the accuracy and the number of headlines.
    """
    rows = [
        (role, accuracy, *accuracy_interval(round(accuracy * count), count))
        for role, (accuracy, count) in found.items()
    ]
    table = pd.DataFrame(rows, columns=["role", "y", "low", "high"])
    return table.astype({"y": float, "low": float, "high": float})  # also without rows


def _proportion(hits: np.ndarray) -> Interval:
    return (float(hits.mean()), *accuracy_interval(hits.sum(), len(hits)))


def _worst_recall(labels: np.ndarray, predicted: np.ndarray) -> Interval:
    """Recall of the class that the model finds least often; n is that class's rows."""
    classes = [(predicted == c)[labels == c] for c in np.unique(labels)]
    return _proportion(min(classes, key=np.mean))


def _macro_f1(labels: np.ndarray, predicted: np.ndarray, classes: int) -> Interval:
    # F1 depends on the rows only through the confusion matrix. Drawing n rows with replacement
    # draws its cells from a multinomial, so the bootstrap draws matrices and no rows.
    cells = confusion_matrix(labels, predicted, classes)
    # Empty cells stay empty; with many classes, nearly all are.
    true, called = np.nonzero(cells)
    filled = cells[true, called]
    generator, scores = np.random.default_rng(SEED), []
    for first in range(0, MATRICES, at_once := max(1, _NUMBERS_AT_ONCE // classes**2)):
        drawn = np.zeros((min(at_once, MATRICES - first), classes, classes))
        shares = filled / filled.sum()
        drawn[:, true, called] = generator.multinomial(filled.sum(), shares, len(drawn))
        scores.append(macro_f1(drawn))
    return _percentiles(float(macro_f1(cells)), np.concatenate(scores))


def _calibration_error(labels: np.ndarray, probabilities: np.ndarray) -> Interval:
    found = expected_calibration_error(labels, probabilities)
    return (found, *calibration.ece_interval(labels, probabilities))


def _percentiles(found: float, drawn: np.ndarray) -> Interval:
    tail = (1 - CONFIDENCE) / 2
    low, high = np.clip(np.quantile(drawn, [tail, 1 - tail]), 0, 1)
    return found, min(float(low), found), max(float(high), found)
