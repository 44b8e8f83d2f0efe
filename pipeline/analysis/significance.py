"""How much more accurate is one model than another on the same rows? Bounds, a p-value, and words.

All pages and tables compare two models with the functions of this module, so that no two of them
can disagree. The bounds are Tango's score interval (1998) of a difference of paired proportions.
Bonferroni's correction makes them simultaneous for all models of the run: each interval has a level
of 1 - 0.05 / comparisons, so all of them hold at once in 95 of 100 test sets, however the models
depend on one another. The p-value is that of the same statistic at a difference of zero, which is
McNemar's test (1947). It is below 0.05 if and only if the bounds exclude zero.

``python -m tests.experiments.false_alarms`` compares these bounds with those of other methods:

- Wald's interval with half a row added to each cell (Agresti & Min, 2005) is the narrowest, but has
  almost no width if two models differ on few rows. With 100 to 1,000 rows and models that are one
  to three points worse, it shows some model to be better than it is in up to half of the cases. A
  bootstrap of the greatest |t| rests on the same standard errors.
- Newcombe's square-and-add interval (1998) does so in up to 3.3 %, and is as wide as Tango's.
- Tango's interval does so in up to 2.7 %, where 2.5 % are expected. It has a width even if the two
  models differ on no row. With equal models, it calls some model less accurate in 0 to 2.4 % of
  cases. If a model loses rows and never wins one, the interval misses the truth in up to 8 %: it
  then shows the model to be less accurate, which is true, but by a little too much.
- Critical values from the models' own correlations would make the bounds about 5 % narrower. But
  the verdict on two models would then depend on all others, and on which of the two is the
  reference.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import special

from pipeline.analysis.metrics import CONFIDENCE, supported_decimals
from pipeline.recipes.role_names import student_of_baseline

_HALVINGS = 50


class Difference(NamedTuple):
    """Accuracy of one model less that of another on the same rows."""

    difference: float
    """In -1..1; ``low`` and ``high`` are its simultaneous 95 % bounds."""
    low: float
    high: float
    p: float
    """p-value for equal accuracy, corrected: below 0.05 if and only if the bounds exclude zero."""

    @property
    def found(self) -> bool:
        """Whether the bounds exclude zero."""
        return not self.low <= 0 <= self.high


def paired_difference(
    right: np.ndarray, other_right: np.ndarray, comparisons: int = 1
) -> Difference:
    """How much more accurate one model is than another.

    Args:
        right: boolean, shape (n,), n at least 1: where the one model is right.
        other_right: the same of the other model.
        comparisons: number of comparisons for which all bounds hold at once.
    """
    row = differences({"one": right, "other": other_right}, "other", comparisons).loc["one"]
    return Difference(*map(float, row[list(Difference._fields)]))


def differences(
    right: Mapping[str, np.ndarray], reference: str, comparisons: int | None = None
) -> pd.DataFrame:
    """Compare all models with one of them.

    Args:
        right: by role, boolean (n,): where the model is right, on the same rows.
        reference: the role that the others are compared with.
        comparisons: see ``paired_difference``; by default, the number of other models.

    Returns:
        One row per role, indexed by role, with the fields of ``Difference``. The reference itself
        has a difference and bounds of zero.
    """
    answers = np.array([right[role] for role in right], dtype=bool)
    own = np.asarray(right[reference], bool)
    wins, losses = (answers & ~own).sum(axis=1), (~answers & own).sum(axis=1)
    comparisons = max(len(right) - 1, 1) if comparisons is None else comparisons
    low, high = score_interval(wins, losses, len(own), comparisons)
    table = pd.DataFrame(
        {
            "difference": (wins - losses) / len(own),
            "low": low,
            "high": high,
            "p": mcnemar(wins, losses, comparisons),
        },
        index=pd.Index(list(right), name="role"),
    )
    table.loc[reference] = [0.0, 0.0, 0.0, 1.0]
    return table


def teaching(right: Mapping[str, np.ndarray], comparisons: int = 1) -> pd.DataFrame:
    """What the teacher adds to each student, which is compared with its no-teacher baseline.

    Args:
        right: by role, boolean (n,), where the model is right, on the same rows.
        comparisons: see ``paired_difference``.

    Returns:
        One row for each student that has a baseline, indexed by role, with the fields of
        ``Difference``: student less baseline.
    """
    rows: dict[str, Difference] = {}
    for role in right:
        student = student_of_baseline(role)
        if student is not None and student in right:
            rows[student] = paired_difference(right[student], right[role], comparisons)
    return pd.DataFrame.from_dict(rows, orient="index", columns=Difference._fields).rename_axis(
        "role"
    )


def mcnemar(wins: np.ndarray, losses: np.ndarray, comparisons: int = 1) -> np.ndarray:
    """Two-sided p-value of McNemar's test (1947) for equal accuracy, times ``comparisons``.

    It depends only on the rows on which exactly one of the two models is right.

    Args:
        wins: number of rows on which only the one model is right; any shape.
        losses: number of rows on which only the other is right.
        comparisons: see ``paired_difference`` (Bonferroni's correction).

    Returns:
        p in 0..1; 1 if wins equal losses.
    """
    wins, losses = np.asarray(wins, float), np.asarray(losses, float)
    z = (wins - losses) / np.sqrt(np.maximum(wins + losses, 1))
    return np.minimum(1.0, comparisons * 2 * special.ndtr(-np.abs(z)))


def score_interval(
    wins: np.ndarray, losses: np.ndarray, rows: int, comparisons: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Tango's score interval (Statistics in Medicine 17, 1998) of a paired difference.

    The interval holds each difference under which the observed score would not be rare. The score's
    variance is estimated under that difference, not from the sample. So the interval has a width
    even if the two models are right on the same rows.

    Args:
        wins: number of rows on which only the one model is right, shape (m,).
        losses: number of rows on which only the other is right, shape (m,).
        rows: number of all test rows.
        comparisons: for Bonferroni's correction; 1: the plain 95 % interval.

    Returns:
        Lower and upper ends, each (m,), in -1..1.
    """
    wins, losses = np.asarray(wins, float), np.asarray(losses, float)
    critical = special.ndtri(1 - (1 - CONFIDENCE) / 2 / comparisons)
    estimate = (wins - losses) / rows

    def is_within(difference: np.ndarray) -> np.ndarray:
        a = 2 * rows
        b = (2 * rows - wins + losses) * difference - wins - losses
        c = -losses * difference * (1 - difference)
        # Most likely share of rows on which only the other is right, under this difference.
        share = (np.sqrt(np.maximum(b * b - 4 * a * c, 0)) - b) / (2 * a)
        variance = rows * (2 * share + difference * (1 - difference))
        distance = wins - losses - rows * difference
        return distance**2 <= critical**2 * np.maximum(variance, 0)

    ends = []
    for limit in (-1.0, 1.0):
        inside, outside = estimate.copy(), np.full(estimate.shape, limit)
        for _ in range(_HALVINGS):
            middle = (inside + outside) / 2
            within = is_within(middle)
            inside, outside = np.where(within, middle, inside), np.where(within, outside, middle)
        ends.append(inside)
    return ends[0], ends[1]


def in_words(low: float, high: float) -> str:
    """Bounds of a difference in accuracy, in words; rounded outwards, so that they stay true.

    "at most 0.6 points less accurate" if the bounds include zero, else "0.2 to 0.8 points less
    accurate" (or more accurate).
    """
    decimals = max(1, supported_decimals(low, high))
    if low <= 0 <= high:
        return f"at most {_points(low, decimals, up=True)} points less accurate"
    near, far = sorted((abs(low), abs(high)))
    # More decimals if needed: "0.0 to 0.9 points" would read as no difference.
    finer = max(decimals, int(np.ceil(-np.log10(100 * near))))
    return (
        f"{_points(near, finer, up=False)} to {_points(far, decimals, up=True)} points "
        f"{'less' if high < 0 else 'more'} accurate"
    )


def both_ends_in_words(low: float, high: float) -> str:
    """``in_words``, but with both ends if the bounds include zero: for gains that matter, too.

    "between 0.1 points less and 1.6 points more accurate"
    """
    if not low <= 0 <= high:
        return in_words(low, high)
    decimals = max(1, supported_decimals(low, high))
    less, more = (_points(end, decimals, up=True) for end in (low, high))
    return f"between {less} points less and {more} points more accurate"


def _points(share: float, decimals: int, up: bool) -> str:
    scaled = round(100 * abs(share) * 10**decimals, 6)
    return f"{(np.ceil(scaled) if up else np.floor(scaled)) / 10**decimals:.{decimals}f}"
