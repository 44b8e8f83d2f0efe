"""A recommendation in one line: how much smaller, how much faster, at what cost in accuracy.

The recommended model is compared with the teacher, from which compression starts. The headline says
"does the work of" only if two comparisons show it: with the reference (from the recommendation) and
with the teacher. Both lower bounds must be within the budget's margin and within ``budget.MARGIN``.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.analysis import significance
from pipeline.analysis.budget import MARGIN, round_sensibly, row_of
from pipeline.analysis.recommendation import Recommendation
from pipeline.analysis.significance import Difference

TEACHER = "teacher"
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Takeaway:
    """A model, and how it compares with the one that compression starts from."""

    role: str
    """The recommended model; the nearest one if no model fits the limits."""
    origin: str
    """The teacher; the largest model in a run without a teacher."""
    fits: bool
    size_mb: float
    origin_mb: float
    ms: float
    """Median time for one text."""
    origin_ms: float
    accuracy: float
    origin_accuracy: float
    difference: Difference
    """Accuracy on test, model less ``origin``, with simultaneous bounds."""
    shown: bool
    """Whether both comparisons show the model within the margin and within ``MARGIN``."""

    @property
    def is_origin(self) -> bool:
        return self.role == self.origin

    @property
    def smaller(self) -> float:
        """How many times smaller than ``origin``."""
        return self.origin_mb / self.size_mb

    @property
    def faster(self) -> float:
        """How many times faster; meaningless unless both were timed under the same conditions."""
        return self.origin_ms / self.ms


def take_away(found: Recommendation, right: Mapping[str, np.ndarray], comparisons: int) -> Takeaway:
    """Return the takeaway of a recommendation.

    Args:
        found: the recommendation.
        right: by role, boolean (n,): where the model is right on test.
        comparisons: the number of comparisons for which the run's bounds hold at once.
    """
    models, role = found.models, found.recommended or found.nearest
    assert role is not None  # one of the two is always set
    roles = list(models["role"])
    origin = TEACHER if TEACHER in roles else roles[int(models["size_mb"].to_numpy().argmax())]
    row, other = row_of(models, role), row_of(models, origin)
    difference = significance.paired_difference(right[role], right[origin], comparisons)
    margin = min(found.budget.margin, MARGIN) + _ROUNDING
    return Takeaway(
        role=role,
        origin=origin,
        fits=found.recommended is not None,
        size_mb=float(row["size_mb"]),
        origin_mb=float(other["size_mb"]),
        ms=float(row["p50_ms"]),
        origin_ms=float(other["p50_ms"]),
        accuracy=float(row["accuracy"]),
        origin_accuracy=float(other["accuracy"]),
        difference=difference,
        shown=bool(row["low"] >= -margin and difference.low >= -margin),
    )


def headline(told: Takeaway) -> str:
    """The takeaway as a heading: what the model replaces, or what it costs; plain text."""
    small, large = f"{round_sensibly(told.size_mb)} MB", f"{round_sensibly(told.origin_mb)} MB"
    if not told.fits:
        return f"No model fits: the nearest has {small}"
    if told.is_origin:
        return f"Nothing smaller is shown to match {large}"
    if told.size_mb >= told.origin_mb:
        return f"{article(small).capitalize()} {small} model is recommended"
    if told.shown:
        return f"{article(small).capitalize()} {small} model does the work of {large}"
    return f"{article(small).capitalize()} {small} model {cost(told.difference)}"


def cost(difference: Difference) -> str:
    """What a model costs, or gains, in accuracy: "costs 0.3 to 1.5 points"."""
    words = significance.in_words(difference.low, difference.high)
    verb = "gains" if difference.low > 0 else "costs"
    for end in (" less accurate", " more accurate"):
        words = words.removesuffix(end)
    return f"{verb} {words}"


def worst_points(difference: Difference) -> float:
    """The lower bound in points of accuracy, rounded down so that it stays a lower bound."""
    return math.floor(round(1000 * difference.low, 6)) / 10


def gain(told: Takeaway, timed_alike: bool) -> str:
    """What compression gains, as the title of a slide: smaller, faster, and what it costs.

    Args:
        told: the takeaway.
        timed_alike: whether the two models' times were taken under the same conditions.
    """
    if told.is_origin:
        return headline(told)
    parts = [times(told.smaller, "smaller", "larger")]
    if timed_alike:
        parts.append(times(told.faster, "faster", "slower"))
    parts.append(significance.in_words(told.difference.low, told.difference.high))
    said = ", ".join(parts)
    return f"{said[0].upper()}{said[1:]}"


def times(ratio: float, more: str, less: str) -> str:
    """A ratio in words: "47 times smaller"; "1.6 times slower" below 1."""
    if round_sensibly(max(ratio, 1 / ratio)) == "1":
        return f"no {more}"
    return f"{round_sensibly(max(ratio, 1 / ratio))} times {more if ratio >= 1 else less}"


def article(number: str) -> str:
    """The article before a number that is read out: "a 9.3", "an 8.1", "an 11", "an 18"."""
    whole = number.split()[0].split(".")[0]
    return "an" if whole.startswith("8") or whole in ("11", "18") else "a"
