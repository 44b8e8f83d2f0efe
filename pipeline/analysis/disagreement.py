"""Pure functions: where models and labels, or two models, do not agree, row by row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.analysis import metrics
from pipeline.analysis.significance import Difference, paired_difference


def confusion_cells(
    labels: np.ndarray, predicted: np.ndarray, names: Sequence[str]
) -> pd.DataFrame:
    """``analysis.confusion`` with ``column_share`` beside it: of the rows that are called so, 0..1.

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
    """What a model moved, cell by cell: its cells less the base model's.

    Args:
        cells: as ``confusion_cells`` returns them.
        base: the same of the base model, on the same rows.

    Returns:
        ``true``, ``predicted``, and the signed changes of ``count`` (rows), ``share`` and
        ``column_share`` (-1..1).
    """
    change = cells[["true", "predicted"]].copy()
    for column in ("count", "share", "column_share"):
        change[column] = cells[column] - base[column]
    return change


def confusions(cells: pd.DataFrame, sought: str | None = None) -> pd.DataFrame:
    """The cells that hold mistakes, or changes of their number, the largest first.

    Args:
        cells: as ``confusion_cells`` or ``confusion_change`` returns them.
        sought: a class; only what it is taken for, or is taken for it, is kept. None: all is.
    """
    kept = (cells["true"] != cells["predicted"]) & (cells["count"] != 0)
    if sought is not None:
        kept &= (cells["true"] == sought) | (cells["predicted"] == sought)
    found = cells[kept]
    order = found["count"].abs().sort_values(ascending=False, kind="stable").index
    return found.loc[order].reset_index(drop=True)


@dataclass(frozen=True)
class BrokeFixed:
    """How a model differs from another on the same rows, in what it gets right."""

    broke: np.ndarray
    """Positions of rows that the first has right and the second wrong."""
    fixed: np.ndarray
    """Positions of rows that the first has wrong and the second right."""
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
        first: the classes that one model predicts, shape (n,).
        second: the other's.
        comparisons: as ``significance.paired_difference`` has it.
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
    """How many of the other models predict another class than ``role`` does, row by row, (n,)."""
    own = probabilities[role].argmax(axis=1)
    votes = [given.argmax(axis=1) != own for given in probabilities.values()]
    return np.sum(votes, axis=0)


def suspected_label_errors(
    labels: np.ndarray, probabilities: Mapping[str, np.ndarray], least: int, confidence: float
) -> pd.DataFrame:
    """Rows whose label most models contradict, all with the same class and surely.

    A row is suspected if at least ``least`` models predict one and the same class that is not its
    label, and give that class at least ``confidence`` on average. Confident learning (Northcutt
    et al., 2021) builds on the same idea with one model.

    Args:
        labels: shape (n,).
        probabilities: by role, shape (n, k), on the same rows.
        least: of how many models.
        confidence: mean probability, 0..1, of the models that agree.

    Returns:
        A row each: ``position`` (0..n-1), ``label``, ``suggested`` (classes), ``votes`` (models)
        and ``confidence``; most votes first, then most confident first.
    """
    labels = np.asarray(labels)
    given = np.stack(list(probabilities.values()))
    votes_of = given.argmax(axis=2)[:, :, None] == np.arange(given.shape[2])
    votes = votes_of.sum(axis=0)
    votes[np.arange(len(labels)), labels] = 0  # who agrees with the label contradicts nobody
    mean = (given * votes_of).sum(axis=0) / np.maximum(votes, 1)
    # Votes decide; a mean below 1 only parts classes with equally many.
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
    """Accuracy with all rows and without some of them.

    Args:
        labels: shape (n,).
        probabilities: by role, shape (n, k).
        positions: of the rows to leave out.

    Returns:
        One row a role: ``role``, ``accuracy``, ``without``, shares in 0..1; ``without`` is NaN if
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
