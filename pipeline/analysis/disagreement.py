"""Pure functions: the rows on which models and labels, or two models, disagree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.analysis import metrics
from pipeline.analysis.significance import Difference, paired_difference


def confusion_cells(
    labels: np.ndarray, predicted: np.ndarray, names: Sequence[str]
) -> pd.DataFrame:
    """``metrics.confusion`` with ``column_share``: the count over all rows of the predicted class.

    ``column_share`` is in 0..1, and 0 for a class that is never predicted.

    Args:
        labels: true classes, shape (n,).
        predicted: predicted classes, shape (n,).
        names: of the k classes.
    """
    cells = metrics.confusion(labels, predicted, names)
    called = cells.groupby("predicted", sort=False)["count"].transform("sum")
    cells["column_share"] = (cells["count"] / called.where(called > 0)).fillna(0.0)
    return cells


def confusion_change(cells: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """How the confusion cells of two models differ: a model's less the base model's.

    Args:
        cells: the model's, from ``confusion_cells``.
        base: the base model's, on the same rows.

    Returns:
        ``true``, ``predicted``, and the signed changes of ``count`` (rows), ``share`` and
        ``column_share`` (-1..1).
    """
    change = cells[["true", "predicted"]].copy()
    for column in ("count", "share", "column_share"):
        change[column] = cells[column] - base[column]
    return change


def confusions(cells: pd.DataFrame, sought: str | None = None) -> pd.DataFrame:
    """The cells of wrong predictions whose count is not 0, the largest (absolute) count first.

    Args:
        cells: from ``confusion_cells`` or ``confusion_change``.
        sought: keep only cells with this true or predicted class. None: keep all.
    """
    kept = (cells["true"] != cells["predicted"]) & (cells["count"] != 0)
    if sought is not None:
        kept &= (cells["true"] == sought) | (cells["predicted"] == sought)
    found = cells[kept]
    order = found["count"].abs().sort_values(ascending=False, kind="stable").index
    return found.loc[order].reset_index(drop=True)


@dataclass(frozen=True)
class BrokeFixed:
    """The rows that one of two models gets right and the other one wrong."""

    broke: np.ndarray
    """Positions of rows that the first model gets right and the second one wrong."""
    fixed: np.ndarray
    """Positions of rows that the first model gets wrong and the second one right."""
    both_right: int
    both_wrong: int
    difference: Difference
    """Accuracy of the second less that of the first."""


def broke_and_fixed(
    labels: np.ndarray, first: np.ndarray, second: np.ndarray, comparisons: int = 1
) -> BrokeFixed:
    """Compare two models row by row.

    Args:
        labels: true classes, shape (n,).
        first: the classes that the first model predicts, shape (n,).
        second: those that the second one predicts.
        comparisons: see ``significance.paired_difference``.
    """
    right, also_right = np.asarray(first) == labels, np.asarray(second) == labels
    return BrokeFixed(
        broke=np.flatnonzero(right & ~also_right),
        fixed=np.flatnonzero(~right & also_right),
        both_right=int(np.sum(right & also_right)),
        both_wrong=int(np.sum(~right & ~also_right)),
        difference=paired_difference(also_right, right, comparisons),
    )


def otherwise(probabilities: Mapping[str, np.ndarray], role: str) -> np.ndarray:
    """For each row, how many of the other models predict another class than ``role``, (n,)."""
    own = probabilities[role].argmax(axis=1)
    votes = [given.argmax(axis=1) != own for given in probabilities.values()]
    return np.sum(votes, axis=0)


def suspected_label_errors(
    labels: np.ndarray, probabilities: Mapping[str, np.ndarray], least: int, confidence: float
) -> pd.DataFrame:
    """Rows whose label several models contradict, confidently and with the same class.

    A row is suspected if at least ``least`` models predict the same class, this class is not the
    label, and its mean probability in these models is at least ``confidence``. Confident learning
    (Northcutt et al., 2021) uses the same idea with one model.

    Args:
        labels: shape (n,).
        probabilities: by role, shape (n, k), on the same rows.
        least: lowest number of models that must agree.
        confidence: lowest mean probability, 0..1, of the models that agree.

    Returns:
        One line per suspected row: ``position`` (0..n-1), ``label``, ``suggested`` (classes),
        ``votes`` (number of models) and ``confidence``. Most votes come first, then highest
        confidence.
    """
    labels = np.asarray(labels)
    given = np.stack(list(probabilities.values()))
    votes_of = given.argmax(axis=2)[:, :, None] == np.arange(given.shape[2])
    votes = votes_of.sum(axis=0)
    votes[np.arange(len(labels)), labels] = 0  # votes for the label do not contradict it
    mean = (given * votes_of).sum(axis=0) / np.maximum(votes, 1)
    # Votes decide; half a mean probability is below 1 and only breaks ties.
    best = np.where(votes >= max(least, 1), votes + mean / 2, 0).argmax(axis=1)
    at_best = (np.arange(len(labels)), best)
    found = pd.DataFrame(
        {
            "position": np.arange(len(labels)),
            "label": labels,
            "suggested": best,
            "votes": votes[at_best],
            "confidence": mean[at_best],
        }
    )
    kept = found[(found["votes"] >= max(least, 1)) & (found["confidence"] >= confidence)]
    return kept.sort_values(
        ["votes", "confidence"], ascending=False, kind="stable", ignore_index=True
    )


def accuracy_without(
    labels: np.ndarray, probabilities: Mapping[str, np.ndarray], positions: np.ndarray
) -> pd.DataFrame:
    """Accuracy on all rows, and without some of them.

    Args:
        labels: shape (n,).
        probabilities: by role, shape (n, k).
        positions: of the rows to leave out.

    Returns:
        One row per role: ``role``, ``accuracy``, ``without``, shares in 0..1; ``without`` is NaN if
        no row is left.
    """
    kept = np.ones(len(labels), bool)
    kept[positions] = False
    rows = []
    for role, given in probabilities.items():
        correct = given.argmax(axis=1) == labels
        without = correct[kept].mean() if kept.any() else np.nan
        rows.append({"role": role, "accuracy": correct.mean(), "without": without})
    return pd.DataFrame(rows)
