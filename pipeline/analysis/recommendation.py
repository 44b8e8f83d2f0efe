"""Which model of a run to deploy: one rule, for the pages, the tables and the command line.

1. The **reference** is the model that is most accurate on validation, whatever it costs; of
   equally accurate ones the smallest. Models that are there to be compared with (no-teacher
   baselines, ablations, seed replicates) are never deployed, and take no part. Joined models,
   which were trained elsewhere, take part where that is asked for.
2. Every model is compared with the reference on the test rows (``significance``): 95 % bounds of
   the difference in accuracy that hold for all models of the run at once. They depend on the
   run alone, never on the limits. As the reference is chosen on other rows, they are not biased.
3. A model is **within the margin** if its lower bound is: if it is at most one point (a setting)
   less accurate than the reference. With few rows, only the reference is.
4. **Recommended** is the smallest model that fits the limits and is within the margin. If none is,
   it is the most accurate one on validation that fits, with what the test says of its cost.
5. One exception: a model within the margin is passed over if a smaller one that fits is more
   accurate on validation, but not shown to be within the margin. Without it, a larger size limit
   could turn the latter, recommended for want of better, into the less accurate former.

A larger size limit, with other limits as they are, never recommends a model that is less accurate
on validation. Proof: if the smaller budget recommends a model within the margin, the larger one
recommends the same, for whether one is passed over depends on smaller models only, and those are
the same. If the smaller budget recommends its best on validation, then the larger one either
recommends its own best, which is no worse; or a larger model within the margin, which is no worse
than any smaller one outside the margin, and none inside was better than those (5). Looser limits
of latency or accuracy may do otherwise, for they let in *smaller* models: what is then recommended
may be less accurate on validation, but only if it is within the margin.

With equal models, some model is called less accurate in at most 5 % of test sets, whatever the
limits: ``python -m tests.experiments.false_alarms`` simulates it.
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
    """Whether a model is more than something to compare with."""
    compared_with = replicated_role(role) or student_of_baseline(role)
    return not compared_with and not role.endswith((WHOLE_ROWS, HIDDEN_FIRST))


def comparisons(roles: Iterable[str]) -> int:
    """For how many comparisons the bounds of a run's models hold at once.

    All of its models but one, baselines and ablations among them; seed replicates have no place on
    the pages.
    """
    return max(sum(replicated_role(role) is None for role in roles) - 1, 1)


def without_joined(models: pd.DataFrame) -> pd.DataFrame:
    """A run's own models: those that were not trained elsewhere.

    Args:
        models: one row each, with ``method``.
    """
    return models[models["method"] != JOINED]


def compare(
    models: pd.DataFrame, right: Mapping[str, np.ndarray], joined: bool = False
) -> pd.DataFrame:
    """A run's deployable models against its reference: all that a recommendation rests on.

    Args:
        models: all of the run, one row each, with ``role``, ``method``, ``size_mb``, ``p50_ms``,
            ``accuracy`` on test and ``validation``, the accuracy on validation (NaN without
            validation rows).
        right: by role, boolean (n,): where the model is right on test.
        joined: whether joined models take part. Where they do not, they change nothing for the
            others.

    Returns:
        The rows of the deployable models with ``reference`` (whether it is), ``rows`` (n) and the
        fields of ``significance.Difference``, from the reference.

    Raises:
        PipelineError: no model is deployable.
    """
    if not joined and "method" in models:
        models = without_joined(models)
    table = models[[is_deployable(role) for role in models["role"]]].reset_index(drop=True)
    if table.empty:
        raise PipelineError("the run has no model to deploy, only models to compare with")
    # Without validation rows nothing can be chosen on them: the largest model has to do.
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
    """What ``recommend`` finds; models are named by role."""

    budget: Budget
    models: pd.DataFrame
    """As ``compare`` has it, with ``fits`` (the limits) and ``verdict``."""
    reference: str
    recommended: str | None
    """None where nothing fits."""
    nearest: str | None = None
    """Where nothing fits, the model that is the least beyond the limits."""
    passed_over: str | None = None
    """The smallest model within the margin, if rule 5 keeps it from being recommended."""

    def verdict(self, role: str) -> str:
        return row_of(self.models, role)["verdict"]


def recommend(compared: pd.DataFrame, budget: Budget) -> Recommendation:
    """The model to deploy within a budget; the module's docstring has the rule.

    Args:
        compared: as ``compare`` has it, at least one row.
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
    """Positions of the model to recommend, and of the smallest that fits within the margin."""
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
    """A recommendation in words that can be read out; plain text."""
    table, limits = found.models, found.budget.words()
    if found.recommended is None:
        assert found.nearest is not None  # it stands in where nothing fits
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
    """Why this model: what the test says of it and the reference."""
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
        ``recommended`` (None where nothing fits), ``reason``, ``reference``, and ``models``: a list
        with ``role``, ``size_mb``, ``fits``, ``difference``, ``low``, ``high`` (of accuracy, in
        -1..1, from the reference) and ``verdict``.
    """
    columns = ["role", "size_mb", "fits", "difference", "low", "high", "verdict"]
    return {
        "recommended": found.recommended,
        "reason": sentence(found).replace("\u00a0", " "),
        "reference": found.reference,
        "models": found.models[columns].to_dict("records"),
    }


def in_points(found: Recommendation) -> pd.DataFrame:
    """The same models, the smallest first, to read in a terminal: differences in points."""
    table = found.models.sort_values("size_mb", kind="stable")
    shown = pd.DataFrame({"role": table["role"], "MB": table["size_mb"].map("{:.1f}".format)})
    for name in ("difference", "low", "high"):
        shown[name] = [f"{points:+.1f}" for points in (100 * table[name]).round(1) + 0.0]
    fits = table["fits"].map({True: "yes", False: "no"})
    return shown.assign(fits=fits, verdict=table["verdict"])
