"""Pure functions from labels and probabilities to figures: no files, no widgets, no torch.

scikit-learn and scipy.stats have the same functions, and the tests compare with them. They are not
used here, because their import took a seventh of the time to the dashboard's first page and a fifth
of its memory.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from pipeline.recipes.reported import Reported
from pipeline.recipes.role_names import replicated_role

CONFIDENCE = 0.95
CALIBRATION_BINS = 15


def classification_metrics(
    labels: np.ndarray,
    probabilities: np.ndarray,
    teacher_probabilities: np.ndarray | None = None,
) -> dict[str, float | list[float] | None]:
    """The figures that a run stores for one model on one split.

    Args:
        labels: true classes, integers of shape (n,).
        probabilities: shape (n, k), rows sum to one.
        teacher_probabilities: the teacher's on the same rows; None: no agreement is computed.

    Returns:
        Shares in 0..1: ``accuracy``; ``macro_f1``, see ``macro_f1``; ``ece``;
        ``agreement`` with the teacher or None; and ``precision``, ``recall``, ``f1``, lists of k.
        A class that is never predicted has precision 0. ``nll`` is in nats per row. All are plain
        Python numbers, which JSON can hold.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    predicted = probabilities.argmax(axis=1)
    cells = confusion_matrix(labels, predicted, probabilities.shape[1])
    right = cells.diagonal()
    f1 = f1_scores(cells)
    agreed = None
    if teacher_probabilities is not None:
        agreed = agreement(predicted, np.asarray(teacher_probabilities).argmax(axis=1))
    return {
        "accuracy": float(np.mean(predicted == labels)),
        "macro_f1": float(macro_f1(cells)),
        "ece": expected_calibration_error(labels, probabilities),
        "nll": negative_log_likelihood(labels, probabilities),
        "agreement": agreed,
        "precision": _shares(right, cells.sum(axis=0)).tolist(),
        "recall": _shares(right, cells.sum(axis=1)).tolist(),
        "f1": f1.tolist(),
    }


def expected_calibration_error(
    labels: np.ndarray, probabilities: np.ndarray, bins: int = CALIBRATION_BINS
) -> float:
    """Mean distance between confidence and accuracy, weighted by rows (Guo et al., 2017).

    Each row belongs to one of ``bins`` bins of equal width, by its top probability. Bins are open
    below and closed above: (0, 1/bins], … ((bins - 1)/bins, 1].

    Args:
        labels: shape (n,).
        probabilities: shape (n, k).
        bins: number of bins over 0..1.

    Returns:
        A share in 0..1; 0 is perfectly calibrated.
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == np.asarray(labels)
    which = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    # |sum of correct - sum of confidence| over n is the bin's gap times its share of the rows.
    gaps = np.bincount(which, weights=correct - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))


def negative_log_likelihood(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean of -ln(probability of the true class), in nats.

    Probabilities are stored as float32, and a stored 0 would make the mean infinite. So every
    probability below float32's resolution (1.2e-7) counts as that value.

    Args:
        labels: shape (n,).
        probabilities: shape (n, k).
    """
    labels = np.asarray(labels)
    given = np.asarray(probabilities, dtype=np.float64)[np.arange(len(labels)), labels]
    return float(-np.log(np.clip(given, np.finfo(np.float32).eps, 1.0)).mean())


def agreement(predicted: np.ndarray, other: np.ndarray) -> float:
    """Share of rows, 0..1, on which two models predict the same class; both arrays are (n,)."""
    return float(np.mean(np.asarray(predicted) == np.asarray(other)))


def accuracy_interval(
    correct: int, total: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Wilson's score interval of an accuracy (Wilson, 1927).

    It keeps its coverage near 0 and 1 and in small samples. The usual ±1.96 standard errors are too
    narrow there and can leave 0..1 (Brown, Cai & DasGupta, 2001).

    Args:
        correct: number of rows that are right.
        total: number of all rows, at least one.
        confidence: coverage, 0.95 for 95 %.

    Returns:
        Lower and upper bound, shares in 0..1.
    """
    z = special.ndtri((1 + confidence) / 2)
    middle = correct + z**2 / 2
    half = z * np.sqrt(correct * (total - correct) / total + z**2 / 4)
    low, high = (middle - half) / (total + z**2), (middle + half) / (total + z**2)
    # The lower end is exactly 0 if no row is right, the upper one exactly 1 if all are.
    return float(low) if correct else 0.0, float(high) if correct < total else 1.0


def across_seeds(accuracies: Mapping[str, float]) -> pd.DataFrame:
    """How much a model's accuracy varies with the seed: the model and its seed replicates.

    Args:
        accuracies: by role, shares in 0..1; ``role_names.replicated_role`` recognises replicates.

    Returns:
        One row for each role that has a replicate, indexed by role: ``seeds`` (how many, the
        role's own included), ``mean``, ``least`` and ``greatest`` of the accuracies.
    """
    given = pd.DataFrame({"role": list(accuracies), "accuracy": list(accuracies.values())})
    given["original"] = [replicated_role(role) or role for role in given["role"]]
    given = given[given["original"].isin(given["role"])]
    found = given.groupby("original", sort=False)["accuracy"].agg(
        seeds="size", mean="mean", least="min", greatest="max"
    )
    return found[found["seeds"] > 1].rename_axis("role")


def supported_decimals(low: float, high: float) -> int:
    """How many decimals of a percentage its interval supports: 0 to 2.

    The last digit shown is no finer than a twentieth of half the interval: ±0.5 points support one
    decimal, ±5 points none. An interval without width supports one.

    Args:
        low: lower end, a share.
        high: upper end, a share.
    """
    half = 100 * (high - low) / 2
    return int(np.clip(np.ceil(-np.log10(half / 2)), 0, 2)) if half > 0 else 1


def compare(
    labels: np.ndarray, probabilities: Mapping[str, np.ndarray], teacher: str = "teacher"
) -> pd.DataFrame:
    """Accuracy, and agreement with the teacher, of models that predicted the same rows.

    Args:
        labels: true classes, shape (n,), n at least 1.
        probabilities: by role, shape (n, k).
        teacher: role of the teacher; it may be absent.

    Returns:
        One row per role, in the order of ``probabilities``: ``role``, ``accuracy``, ``low`` and
        ``high`` of its 95 % interval, and ``agreement`` with the teacher, NaN without one. All
        figures are shares in 0..1.
    """
    labels = np.asarray(labels)
    predicted = {role: np.asarray(p).argmax(axis=1) for role, p in probabilities.items()}
    reference = predicted.get(teacher)
    rows = []
    for role, classes in predicted.items():
        correct = classes == labels
        low, high = accuracy_interval(correct.sum(), len(labels))
        agreed = np.nan if reference is None else agreement(classes, reference)
        rows.append((role, correct.mean(), low, high, agreed))
    return pd.DataFrame(rows, columns=["role", "accuracy", "low", "high", "agreement"])


def models_table(
    stored: pd.DataFrame,
    labels: np.ndarray,
    probabilities: Mapping[str, np.ndarray],
    reported: Mapping[str, Reported],
) -> pd.DataFrame:
    """All figures of a run's models, the largest model first.

    Args:
        stored: one row per model, with ``role``, ``size_mb`` and any other columns. Its
            ``accuracy`` and ``agreement`` are replaced by those of the predictions.
        labels: true classes, shape (n,).
        probabilities: by role, shape (n, k).
        reported: by role, what the source notebook reported.

    Returns:
        The columns of ``stored`` and of ``compare``; ``front``, see ``pareto_front``; and
        ``reported_accuracy``, ``reported_size_mb``, ``reported_note``, None if not reported.
    """
    compared = compare(labels, probabilities)
    table = stored.drop(columns=["accuracy", "agreement"], errors="ignore")
    table = table.merge(compared, on="role")
    table["front"] = pareto_front(table["size_mb"], table["accuracy"])
    for field in ("accuracy", "size_mb", "note"):
        table[f"reported_{field}"] = [getattr(reported.get(r), field, None) for r in table["role"]]
    return table.sort_values("size_mb", ascending=False, ignore_index=True)


def pareto_front(sizes: npt.ArrayLike, accuracies: npt.ArrayLike) -> np.ndarray:
    """Which models no other model beats.

    A model is beaten by one that is at least as small and at least as accurate, and strictly
    better in one of the two. If two models are equally accurate, only the smaller one is on the
    front. If they are equally small, only the more accurate one is. If both are equal, both are.

    Args:
        sizes: shape (n,), or any other cost: lower is better.
        accuracies: shape (n,), or any other figure: higher is better; negate errors.

    Returns:
        Boolean array (n,), True on the front.
    """
    size, accuracy = np.asarray(sizes, float)[:, None], np.asarray(accuracies, float)[:, None]
    other_size, other_accuracy = size.T, accuracy.T
    as_good = (other_size <= size) & (other_accuracy >= accuracy)
    better = (other_size < size) | (other_accuracy > accuracy)
    beaten = (as_good & better).any(axis=1)
    return np.logical_not(beaten)


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Number of rows by true and predicted class: integers (classes, classes), [true, predicted].

    Args:
        labels: true classes, integers of shape (n,) from 0 to ``classes`` - 1.
        predicted: predicted classes, in the same form.
        classes: number of classes.
    """
    # Labels are stored as int16, which is too small for the numbers of 200² cells.
    cells = np.asarray(labels, np.int64) * classes + np.asarray(predicted)
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def f1_scores(matrices: np.ndarray) -> np.ndarray:
    """F1 of each class, (…, k), from confusion matrices (…, k, k).

    It is 0 for a class that no row has and that is never predicted.
    """
    right = np.diagonal(matrices, axis1=-2, axis2=-1)
    return _shares(2 * right, matrices.sum(axis=-2) + matrices.sum(axis=-1))


def macro_f1(matrices: np.ndarray) -> np.ndarray:
    """Mean F1 over the classes, (…), from confusion matrices (…, k, k).

    A class that no row has and that is never predicted is left out, as in scikit-learn.
    """
    known = matrices.sum(axis=-2) + matrices.sum(axis=-1) > 0
    return f1_scores(matrices).sum(axis=-1) / known.sum(axis=-1)


def confusion(labels: np.ndarray, predicted: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """The confusion matrix, with one row per cell.

    Args:
        labels: true classes, integers of shape (n,).
        predicted: predicted classes, integers of shape (n,).
        names: of the k classes.

    Returns:
        k * k rows with columns ``true``, ``predicted`` (names), ``count`` and ``share``: the count
        over all rows of the true class, 0..1; 0 for a class without rows.
    """
    counts = confusion_matrix(labels, predicted, len(names))
    shares = _shares(counts, counts.sum(axis=1, keepdims=True))
    return pd.DataFrame(
        {
            "true": np.repeat(list(names), len(names)),
            "predicted": np.tile(list(names), len(names)),
            "count": counts.ravel(),
            "share": shares.ravel(),
        }
    )


def _shares(counts: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Counts divided by totals; 0 if a total is 0."""
    return np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
