"""Which model to deploy within a budget, and which others do as well, in a sentence to read out.

The rule: of the models within the budget, the most accurate on test is chosen (of equally accurate
ones, the smallest). Each other model within the budget is compared with it by McNemar's exact test
on the same test rows, and the p-values are corrected by Holm for their number. Those that are not
told apart are tied with it; if one of them is smaller, the smallest is offered as the thrifty
alternative. The others are worse.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.analysis import accuracy_interval, holm, mcnemar, supported_decimals

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Budget:
    """Limits; None is no limit."""

    max_mb: float | None = None
    max_ms: float | None = None
    """Of the median time of one headline."""
    min_accuracy: float | None = None
    """A share, 0..1."""

    def words(self) -> str:
        limits = []
        if self.max_mb is not None:
            limits.append(f"at most {self.max_mb:g} MB")
        if self.max_ms is not None:
            limits.append(f"at most {self.max_ms:g} ms")
        if self.min_accuracy is not None:
            limits.append(f"at least {100 * self.min_accuracy:g} % accuracy")
        return join(limits)


@dataclass(frozen=True)
class Verdict:
    """What ``decide`` finds; models are named by role."""

    chosen: str | None
    """None where nothing fits."""
    tied: tuple[str, ...] = ()
    """Not told apart from the chosen one; the smallest first."""
    worse: tuple[str, ...] = ()
    """The most accurate first."""
    thrifty: str | None = None
    """The smallest of the tied ones, if it is smaller than the chosen one."""
    p: Mapping[str, float] | None = None
    """Holm's p of each comparison with the chosen one."""
    nearest: str | None = None
    """Where nothing fits, the model that is the least beyond the limits."""


def decide(table: pd.DataFrame, right: Mapping[str, np.ndarray], budget: Budget) -> Verdict:
    """The model to deploy within a budget; the module's docstring has the rule.

    Args:
        table: one row a model, with ``role``, ``size_mb``, ``p50_ms`` and ``accuracy`` (0..1).
        right: by role, boolean of shape (n,): where the model is right, on the same rows.
        budget: the limits.
    """
    excess = _excess(table, budget)
    fitting = table[excess <= 1 + 1e-9]
    if fitting.empty:
        nearest = table.assign(excess=excess).sort_values(["excess", "size_mb"])
        return Verdict(None, nearest=nearest["role"].iloc[0])
    ranked = fitting.sort_values(["accuracy", "size_mb"], ascending=[False, True])
    chosen, *others = ranked["role"]
    corrected = holm([mcnemar(right[chosen], right[role]) for role in others])
    p = dict(zip(others, corrected.tolist(), strict=True))
    size = dict(zip(table["role"], table["size_mb"], strict=True))
    tied = sorted((role for role in others if p[role] >= SIGNIFICANT), key=size.get)
    worse = [role for role in others if p[role] < SIGNIFICANT]
    thrifty = tied[0] if tied and size[tied[0]] < size[chosen] else None
    return Verdict(chosen, tuple(tied), tuple(worse), thrifty, p)


def _excess(table: pd.DataFrame, budget: Budget) -> pd.Series:
    """How many times each model takes the limit that it fits worst; 1 and less is within.

    An accuracy is held to its limit by the errors that it leaves: 8 % of errors where 4 % are
    allowed is twice the limit, as 8 MB are where 4 are.
    """
    ratios = pd.DataFrame({"none": 0.0}, index=table.index)
    if budget.max_mb is not None:
        ratios["mb"] = table["size_mb"] / max(budget.max_mb, 1e-9)
    if budget.max_ms is not None:
        ratios["ms"] = table["p50_ms"] / max(budget.max_ms, 1e-9)
    if budget.min_accuracy is not None:
        ratios["errors"] = (1 - table["accuracy"]) / max(1 - budget.min_accuracy, 1e-9)
    return ratios.max(axis=1)


def sentence(verdict: Verdict, table: pd.DataFrame, budget: Budget, rows: int) -> str:
    """The verdict in words that can be read out; plain text.

    Args:
        verdict: as ``decide`` has it.
        table: the one that it was decided on.
        budget: the limits.
        rows: of the test split.
    """
    limits = budget.words()
    if verdict.chosen is None:
        return (
            f"No model has {limits}. The nearest is {describe(table, verdict.nearest, rows)}: "
            f"{_misses(table, verdict.nearest, budget)}."
        )
    parts = [
        f"{f'With {limits}' if limits else 'With no limit set'}, deploy "
        f"{describe(table, verdict.chosen, rows)}."
    ]
    if not verdict.p:
        parts.append("No other model fits." if limits else "There is no other model.")
    if verdict.tied:
        what = "is tied with it: the" if len(verdict.tied) == 1 else "are tied with it: the"
        parts.append(f"{join(verdict.tied)} {what} {rows:,} test headlines don't tell them apart.")
    if verdict.thrifty:
        size = _row(table, verdict.thrifty)["size_mb"]
        which = "It" if len(verdict.tied) == 1 else f"The smallest of them, {verdict.thrifty},"
        parts.append(f"{which} would do with {round_sensibly(size)}\u00a0MB.")
    if verdict.worse:
        parts.append(f"{join(verdict.worse)} {'is' if len(verdict.worse) == 1 else 'are'} worse.")
    return " ".join(parts)


def describe(table: pd.DataFrame, role: str, rows: int) -> str:
    """A model in a few words: "minilm (94.1 % right, 91 % on headlines alone, 91 MB, 4.1 ms)"."""
    row = _row(table, role)
    low, high = accuracy_interval(round(row["accuracy"] * rows), rows)
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
    """Three digits: a timing or a size is not known to more."""
    return f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:.3g}"


def _misses(table: pd.DataFrame, role: str, budget: Budget) -> str:
    """Which limits a model is beyond, and by how much."""
    row, found = _row(table, role), []
    if budget.max_mb is not None and row["size_mb"] > budget.max_mb:
        found.append(f"{round_sensibly(row['size_mb'] - budget.max_mb)} MB too large")
    if budget.max_ms is not None and row["p50_ms"] > budget.max_ms:
        found.append(f"{round_sensibly(row['p50_ms'] - budget.max_ms)} ms too slow")
    if budget.min_accuracy is not None and row["accuracy"] < budget.min_accuracy:
        points = f"{100 * (budget.min_accuracy - row['accuracy']):.2g}"
        found.append(f"{points} point{'' if points == '1' else 's'} short")
    return join(found)


def _row(table: pd.DataFrame, role: str) -> pd.Series:
    return table[table["role"] == role].iloc[0]
