"""Which model of a run to deploy: one rule for the pages, the tables and the command line.

1. The **reference** is the model with the highest accuracy on validation, whatever its cost. If
   several models are equally accurate, it is the smallest of them. Models that exist only for
   comparison (no-teacher baselines, ablations, seed replicates) are never deployed and are left
   out. Joined models, which were trained elsewhere, are included on request only.
2. Every model is compared with the reference on the test rows (``significance``): 95 % bounds of
   the difference in accuracy, which hold for all models of the run at once. The bounds depend on
   the run alone, never on the limits. They are not biased, because the reference is chosen on
   other rows.
3. A model is **within the margin** if its lower bound is at most one point (a setting) below the
   reference. With few rows, only the reference itself is within the margin.
4. **Recommended** is the smallest model that fits the limits and is within the margin. If there is
   no such model, the recommended one is the most accurate on validation among those that fit, and
   the test results say how much accuracy it costs.
5. There is one exception. A model within the margin is passed over if a smaller model fits, is more
   accurate on validation, and is not shown to be within the margin. Without this rule, a larger
   size limit could replace that smaller model, recommended because nothing better fits, by the
   less accurate larger one.

If only the size limit grows, the recommended model never becomes less accurate on validation.
Proof, for a small and a large size limit:

- Suppose the small limit recommends a model within the margin. Then the large limit recommends the
  same model: whether a model is passed over depends on smaller models only, and those are the same.
- Otherwise the small limit recommends the most accurate model on validation that fits. The large
  limit may recommend its own most accurate model, which is no worse. Or it recommends a larger
  model within the margin. By rule 5 this one is no worse than any smaller model outside the margin,
  and one of those was the best under the small limit.

Looser limits of latency or accuracy can lower the accuracy on validation, because they also admit
*smaller* models. The recommended model is then less accurate only if it is within the margin.

If all models are equally accurate in truth, some model is called less accurate in at most 5 % of
test sets, whatever the limits: ``python -m tests.experiments.false_alarms`` simulates it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.analysis import significance
from pipeline.analysis.budget import MARGIN, Budget, describe, excess, misses, row_of
from pipeline.errors import PipelineError
from pipeline.recipes.role_names import (
    HIDDEN_FIRST,
    JOINED,
    WHOLE_ROWS,
    replicated_role,
    student_of_baseline,
)

RECOMMENDED, WITHIN, LESS, NOT_SHOWN = (
    "recommended",
    "within the margin",
    "less accurate",
    "not shown to be within the margin",
)
_ROUNDING = 1e-9


def is_deployable(role: str) -> bool:
    """Whether a model can be deployed: baselines, ablations and seed replicates can't."""
    compared_with = replicated_role(role) or student_of_baseline(role)
    return not compared_with and not role.endswith((WHOLE_ROWS, HIDDEN_FIRST))


def comparisons(roles: Iterable[str]) -> int:
    """The number of comparisons for which the bounds of a run's models hold at once.

    It is the number of models less one. Baselines and ablations count; seed replicates do not,
    because no page shows them.
    """
    return max(sum(replicated_role(role) is None for role in roles) - 1, 1)


def without_joined(models: pd.DataFrame) -> pd.DataFrame:
    """A run's own models: those that were not trained elsewhere.

    Args:
        models: one row per model, with ``method``.
    """
    return models[models["method"] != JOINED]


def compare(
    models: pd.DataFrame, right: Mapping[str, np.ndarray], joined: bool = False
) -> pd.DataFrame:
    """Compare a run's deployable models with its reference, for ``recommend``.

    Args:
        models: all models of the run, one row each, with ``role``, ``method``, ``size_mb``,
            ``p50_ms``, ``accuracy`` on test and ``validation``, the accuracy on validation (NaN
            without validation rows).
        right: by role, boolean (n,): where the model is right on test.
        joined: whether joined models are included. If not, they have no effect on the others.

    Returns:
        The rows of the deployable models with ``reference`` (whether the model is the reference),
        ``rows`` (n) and the fields of ``significance.Difference``: model less reference.

    Raises:
        PipelineError: no model is deployable.
    """
    if not joined and "method" in models:
        models = without_joined(models)
    table = models[[is_deployable(role) for role in models["role"]]].reset_index(drop=True)
    if table.empty:
        raise PipelineError("the run has no model to deploy, only models to compare with")
    # Without validation rows, the largest model is the reference.
    order, ascending = ["validation", "size_mb"], [False, True]
    if table["validation"].isna().all():
        order, ascending = ["size_mb"], [False]
    reference = table.sort_values(order, ascending=ascending, kind="stable")["role"].iloc[0]
    found = significance.differences(
        {role: right[role] for role in table["role"]}, reference, comparisons(models["role"])
    )
    columns = found.loc[table["role"]].reset_index(drop=True)
    kept = table.drop(columns=list(columns), errors="ignore")
    rows = len(right[reference])
    return kept.assign(reference=table["role"] == reference, rows=rows, **columns)


@dataclass(frozen=True)
class Recommendation:
    """The result of ``recommend``; models are named by role."""

    budget: Budget
    models: pd.DataFrame
    """The table of ``compare``, with ``fits`` (whether within the limits) and ``verdict``."""
    reference: str
    recommended: str | None
    """None if no model fits."""
    nearest: str | None = None
    """If no model fits, the one that exceeds the limits least."""
    passed_over: str | None = None
    """The smallest model that fits and is within the margin, if rule 5 passes it over."""

    def verdict(self, role: str) -> str:
        return row_of(self.models, role)["verdict"]


def recommend(compared: pd.DataFrame, budget: Budget) -> Recommendation:
    """Recommend the model to deploy within a budget; the module's docstring has the rule.

    Args:
        compared: the table of ``compare``, at least one row.
        budget: the limits and the margin.
    """
    roles, size = compared["role"].to_list(), compared["size_mb"].to_numpy()
    validation = compared["validation"].fillna(0.0).to_numpy()
    beyond = excess(compared, budget).to_numpy()
    fits = beyond <= 1 + _ROUNDING
    within = compared["low"].to_numpy() >= -budget.margin - _ROUNDING
    verdicts = [
        WITHIN if is_within else LESS if high < 0 else NOT_SHOWN
        for is_within, high in zip(within, compared["high"], strict=True)
    ]
    recommended = passed_over = nearest = None
    if fits.any():
        chosen, smallest = _choose(size, validation, within, fits)
        recommended, verdicts[chosen] = roles[chosen], RECOMMENDED
        passed_over = roles[smallest] if smallest not in (None, chosen) else None
    else:
        nearest = roles[min(range(len(roles)), key=lambda i: (beyond[i], size[i]))]
    return Recommendation(
        budget,
        compared.assign(fits=fits, verdict=verdicts),
        roles[int(compared["reference"].to_numpy().argmax())],
        recommended,
        nearest,
        passed_over,
    )


def _choose(
    size: np.ndarray, validation: np.ndarray, within: np.ndarray, fits: np.ndarray
) -> tuple[int, int | None]:
    """Positions of the recommended model, and of the smallest that fits and is within the margin.

    The second is None if no model that fits is within the margin.
    """
    by_size = sorted(np.flatnonzero(fits).tolist(), key=lambda i: (size[i], -validation[i]))
    inside = [i for i in by_size if within[i]]
    smallest = inside[0] if inside else None
    for i in inside:
        if not any(
            size[j] < size[i] and validation[j] > validation[i] for j in by_size if not within[j]
        ):
            return i, smallest
    return max(by_size, key=lambda i: validation[i]), smallest


def sentence(found: Recommendation) -> str:
    """A recommendation in whole sentences, as plain text."""
    table, limits = found.models, found.budget.words()
    if found.recommended is None:
        assert found.nearest is not None  # always set if no model fits
        return (
            f"No model has {limits}. The nearest is {describe(table, found.nearest)}: "
            f"{misses(table, found.nearest, found.budget)}."
        )
    fit = " that fits" if limits else ""
    parts = [
        f"{f'With {limits}' if limits else 'With no limit set'}, deploy "
        f"{describe(table, found.recommended)}.",
        _reason(found, found.recommended, fit),
    ]
    if found.passed_over:
        parts.append(
            f"{found.passed_over} is within the margin, but a smaller model{fit} is more accurate "
            "on validation."
        )
    return " ".join(parts)


def _reason(found: Recommendation, role: str, fit: str) -> str:
    """Why this model is recommended: how it compares with the reference on test."""
    row = row_of(found.models, role)
    margin = f"{100 * found.budget.margin:g} point{'s' * (found.budget.margin != MARGIN)}"
    smaller = "" if found.passed_over else f"no smaller model{fit} is shown to be within {margin}"
    best = "the most accurate on validation"
    if row["reference"]:
        return f"It is {best}{smaller and f', and {smaller} of it'}."
    said = f"It is {significance.in_words(row['low'], row['high'])} (95 %) than {found.reference}"
    if row["low"] >= -found.budget.margin - _ROUNDING:
        return f"{said}, {best}{smaller and f'; {smaller}'}."
    none = "" if found.passed_over else f"No model{fit} is shown to be within {margin}. "
    return f"{said}, {best}. {none}Of those that fit, it is {best}."


def to_json(found: Recommendation) -> dict:
    """A recommendation for programs.

    Returns:
        ``recommended`` (None if no model fits), ``reason``, ``reference``, and ``models``: a list
        with ``role``, ``size_mb``, ``fits``, ``difference``, ``low``, ``high`` (accuracy less that
        of the reference, in -1..1) and ``verdict``.
    """
    columns = ["role", "size_mb", "fits", "difference", "low", "high", "verdict"]
    return {
        "recommended": found.recommended,
        "reason": sentence(found).replace("\u00a0", " "),
        "reference": found.reference,
        "models": found.models[columns].to_dict("records"),
    }


def in_points(found: Recommendation) -> pd.DataFrame:
    """The compared models as a table for a terminal: smallest first, differences in points."""
    table = found.models.sort_values("size_mb", kind="stable")
    shown = pd.DataFrame({"role": table["role"], "MB": table["size_mb"].map("{:.1f}".format)})
    for name in ("difference", "low", "high"):
        shown[name] = [f"{points:+.1f}" for points in (100 * table[name]).round(1) + 0.0]
    fits = table["fits"].map({True: "yes", False: "no"})
    return shown.assign(fits=fits, verdict=table["verdict"])
