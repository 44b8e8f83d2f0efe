"""Limits on what a model may cost, and which models of a run exceed them."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from pipeline.analysis.metrics import accuracy_interval, supported_decimals
from pipeline.errors import PipelineError

MARGIN = 0.01
"""A model that is at most this much less accurate than the reference may stand in for it."""


@dataclass(frozen=True)
class Budget:
    """Limits (None: no limit), and how much accuracy may be given up for size."""

    max_mb: float | None = None
    max_ms: float | None = None
    """Limit on the median time for one text."""
    min_accuracy: float | None = None
    """A share, 0..1."""
    margin: float = MARGIN
    """A difference of accuracies, 0..1."""

    def words(self) -> str:
        limits = []
        if self.max_mb is not None:
            limits.append(f"at most {self.max_mb:g} MB")
        if self.max_ms is not None:
            limits.append(f"at most {self.max_ms:g} ms")
        if self.min_accuracy is not None:
            limits.append(f"at least {100 * self.min_accuracy:g} % accuracy")
        return join(limits)


def from_percent(
    max_mb: float | None, max_ms: float | None, min_accuracy: float | None, margin: float
) -> Budget:
    """A budget from the command line's values: accuracy in percent, the margin in points.

    Raises:
        PipelineError: a limit is out of range.
    """
    limits = {"--max-mb": max_mb, "--max-ms": max_ms, "--margin": margin}
    for name, value in limits.items():
        if value is not None and not value >= 0:
            raise PipelineError(f"{name} is {value:g}; it takes a number from 0 on")
    if min_accuracy is not None and not (1 < min_accuracy <= 100 or min_accuracy == 0):
        raise PipelineError(
            f"--min-accuracy is {min_accuracy:g}; it is in percent: 94 asks for 94 % right"
        )
    share = None if min_accuracy is None else min_accuracy / 100
    return Budget(max_mb, max_ms, share, margin / 100)


def excess(table: pd.DataFrame, budget: Budget) -> pd.Series:
    """Each model's largest ratio of cost to limit; at most 1 if the model meets all limits.

    Accuracy is compared by errors: with 8 % of errors where 4 % are allowed the ratio is 2, as with
    8 MB where 4 MB are allowed. Without limits the ratio is 0.

    Args:
        table: one row per model, with ``size_mb``, ``p50_ms`` and ``accuracy`` (0..1).
        budget: the limits.
    """
    ratios = pd.DataFrame({"none": 0.0}, index=table.index)
    if budget.max_mb is not None:
        ratios["mb"] = table["size_mb"] / max(budget.max_mb, 1e-9)
    if budget.max_ms is not None:
        ratios["ms"] = table["p50_ms"] / max(budget.max_ms, 1e-9)
    if budget.min_accuracy is not None:
        ratios["errors"] = (1 - table["accuracy"]) / max(1 - budget.min_accuracy, 1e-9)
    return ratios.max(axis=1)


def describe(table: pd.DataFrame, role: str) -> str:
    """A model in a few words: "minilm (94.1 % right, 91 % on headlines alone, 91 MB, 4.1 ms)"."""
    row = row_of(table, role)
    low, high = accuracy_interval(round(row["accuracy"] * row["rows"]), row["rows"])
    decimals = supported_decimals(low, high)
    figures = [f"{100 * row['accuracy']:.{decimals}f}\u00a0% right"]
    if pd.notna(row.get("headlines")):
        figures.append(f"{100 * row['headlines']:.0f}\u00a0% on headlines alone")
    figures.append(f"{round_sensibly(row['size_mb'])}\u00a0MB")
    figures.append(f"{round_sensibly(row['p50_ms'])}\u00a0ms")
    return f"{role} ({', '.join(figures)})"


def join(names: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    *first, last = names or [""]
    return f"{', '.join(first)} and {last}" if first else last


def round_sensibly(figure: float) -> str:
    """Round to two significant digits, but keep all digits before the decimal point.

    Times and sizes are compared by factors, and a timing is not more precise.
    """
    return f"{figure:,.0f}" if abs(figure) >= 99.5 else f"{figure:.2g}"


def misses(table: pd.DataFrame, role: str, budget: Budget) -> str:
    """Which limits a model does not meet, and by how much, in words."""
    row, found = row_of(table, role), []
    if budget.max_mb is not None and row["size_mb"] > budget.max_mb:
        found.append(f"{round_sensibly(row['size_mb'] - budget.max_mb)} MB too large")
    if budget.max_ms is not None and row["p50_ms"] > budget.max_ms:
        found.append(f"{round_sensibly(row['p50_ms'] - budget.max_ms)} ms too slow")
    if budget.min_accuracy is not None and row["accuracy"] < budget.min_accuracy:
        points = f"{100 * (budget.min_accuracy - row['accuracy']):.2g}"
        found.append(f"{points} point{'' if points == '1' else 's'} short")
    return join(found)


def row_of(table: pd.DataFrame, role: str) -> pd.Series:
    """The row of one model in a table with one row per model."""
    return table[table["role"] == role].iloc[0]
