"""How often are the verdicts on models wrong? A simulation, in which the truth is known.

    python -m tests.experiments.false_alarms

It tests the program's own rule first, then other intervals that the rule could use. It takes about
five minutes.

A model answers a row right if the sum of two random parts is below a threshold. One part is common
to all models, as the same rows are hard for all of them; the other is the model's own. ``shared``
is the common part's share of the variance. At 0.95, two models of 94.5 % accuracy differ on about
3 % of the rows, as the shipped ones do.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import special

from pipeline.analysis.budget import Budget
from pipeline.analysis.recommendation import LESS, NOT_SHOWN, compare, recommend
from pipeline.analysis.significance import score_interval

Interval = tuple[np.ndarray, np.ndarray]
LIMITS = (None, 50.0, 13.0, 4.0)


def answers(
    random: np.random.Generator, accuracies: np.ndarray, rows: int, shared: float
) -> np.ndarray:
    """Where models of these accuracies are right: boolean (models, rows)."""
    common = np.sqrt(shared) * random.standard_normal(rows)
    own = np.sqrt(1 - shared) * random.standard_normal((len(accuracies), rows))
    return common + own < special.ndtri(accuracies)[:, None]


def verdicts(
    models: int,
    rows: int,
    *,
    worse_by: float = 0.0,
    accuracy: float = 0.945,
    shared: float = 0.95,
    validation_rows: int = 500,
    times: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """How often a run of models gets a wrong verdict from the program's own functions.

    Args:
        models: number of models. If there are more than 3, then in half of the runs the last third
            are copies of one another.
        rows: number of test rows.
        worse_by: how much less accurate than the first model all others truly are.
        accuracy: true accuracy of the first model.
        shared: see the module's docstring.
        validation_rows: number of rows on which the reference is chosen; with ``worse_by``, the
            reference is always the first model.
        times: number of runs.
        seed: random seed.

    Returns:
        The share of runs in which some model is called less accurate than the reference, and the
        share in which some model other than the reference is called within the margin. Both count
        a verdict under any of ``LIMITS``.
    """
    random = np.random.default_rng(seed)
    truth = np.full(models, accuracy)
    truth[1:] -= worse_by
    roles = [f"m{number}" for number in range(models)]
    less = within = 0
    for time in range(times):
        held_out = answers(random, truth, validation_rows, shared).mean(axis=1)
        if worse_by:
            held_out[0] = 1.0
        right = answers(random, truth, rows, shared)
        if time % 2 and models > 3:
            right[-(models // 3) :] = right[-1]
        table = pd.DataFrame(
            {
                "role": roles,
                "size_mb": np.geomspace(1, 400, models),
                "p50_ms": 1.0,
                "accuracy": right.mean(axis=1),
                "validation": held_out,
            }
        )
        compared = compare(table, dict(zip(roles, right, strict=True)))
        called_less = called_within = False
        for limit in LIMITS:
            found = recommend(compared, Budget(max_mb=limit)).models
            # The recommended model has another verdict under limits that recommend another model.
            others = found[~found["reference"]]
            called_less |= bool((others["verdict"] == LESS).any())
            called_within |= bool((~others["verdict"].isin([LESS, NOT_SHOWN])).any())
        less, within = less + called_less, within + called_within
    return less / times, within / times


# --- the candidates -------------------------------------------------------------------------------


def tango(wins, losses, both, rows, comparisons) -> Interval:
    """Tango's score interval, which the program uses."""
    return score_interval(wins, losses, rows, comparisons)


def newcombe(wins, losses, both, rows, comparisons) -> Interval:
    """Square-and-add of Wilson's intervals (Newcombe, 1998, method 10)."""
    z = special.ndtri(1 - 0.025 / comparisons)
    neither = rows - wins - losses - both

    def wilson(count):
        middle = count + z * z / 2
        half = z * np.sqrt(count * (rows - count) / rows + z * z / 4)
        return (middle - half) / (rows + z * z), (middle + half) / (rows + z * z)

    one, other = both + wins, both + losses
    product = both * neither - wins * losses
    corrected = np.where(product > 0, np.maximum(product - rows / 2, 0), product)
    spread = np.sqrt(one * (rows - one) * other * (rows - other))
    phi = np.divide(corrected, spread, out=np.zeros(np.shape(wins)), where=spread > 0)
    (low, high), (other_low, other_high) = wilson(one), wilson(other)
    p, q = one / rows, other / rows

    def joined(a, b):
        return np.sqrt(np.maximum(a * a - 2 * phi * a * b + b * b, 0))

    return p - q - joined(p - low, other_high - q), p - q + joined(high - p, q - other_low)


def agresti_min(wins, losses, both, rows, comparisons) -> Interval:
    """Wald's interval after half a row is added to each cell (Agresti & Min, 2005)."""
    z = special.ndtri(1 - 0.025 / comparisons)
    total, b, c = rows + 2, wins + 0.5, losses + 0.5
    middle = (b - c) / total
    half = z * np.sqrt(b + c - (b - c) ** 2 / total) / total
    return middle - half, middle + half


CANDIDATES: dict[str, Callable[..., Interval]] = {
    "Tango": tango,
    "Newcombe": newcombe,
    "Agresti-Min": agresti_min,
}


def candidates(
    models: int, rows: int, lost: float, won: float, times: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """How often each interval is wrong if models lose and win rows independently of each other.

    Independent comparisons are the hardest case for a correction.

    Args:
        models: number of models, including the reference.
        rows: number of test rows.
        lost: true share of the rows on which only the reference is right.
        won: true share of the rows on which only the other model is right.
        times: number of runs.
        seed: random seed.

    Returns:
        By candidate, in percent of the runs: ``missed`` (some interval misses the truth),
        ``within`` (some model is shown to be better than it truly is, as every false "within the
        margin" requires), and ``points``, the mean of half the width in points.
    """
    random, comparisons = np.random.default_rng(seed), models - 1
    cells = random.multinomial(
        rows, [won, lost, 0.9 - lost, 0.1 - won], (times, comparisons)
    ).astype(float)
    wins, losses, both = cells[..., 0], cells[..., 1], cells[..., 2]
    table, truth = {}, won - lost
    for name, interval in CANDIDATES.items():
        low, high = interval(wins, losses, both, rows, comparisons)
        better = low > truth + 1e-9
        table[name] = {
            "missed": 100 * (better | (high < truth - 1e-9)).any(axis=1).mean(),
            "within": 100 * better.any(axis=1).mean(),
            "points": 100 * (high - low).mean() / 2,
        }
    return pd.DataFrame.from_dict(table, orient="index")


def main() -> None:
    print("Equal models: some model is called less accurate (at most 5 % is the promise)")
    for rows in (100, 1000, 7600):
        for models in (2, 5, 15, 25):
            less, _ = verdicts(models, rows, times=300 if rows > 1000 else 1000)
            print(f"  {models:2} models, {rows:,} rows: {100 * less:.1f} %", flush=True)
    print("All but the reference truly 1 point worse: some model is called within the margin")
    for rows in (100, 1000, 7600):
        for models in (2, 5, 15, 25):
            _, within = verdicts(models, rows, worse_by=0.01, times=300 if rows > 1000 else 1000)
            print(f"  {models:2} models, {rows:,} rows: {100 * within:.1f} %", flush=True)
    print("Intervals, all by Bonferroni's correction (%, %, points)")
    for models, rows, lost, won in (
        (15, 100, 0.03, 0.0),
        (15, 500, 0.03, 0.0),
        (25, 1000, 0.01, 0.0),
        (5, 1000, 0.01, 0.005),
        (15, 1000, 0.02, 0.02),
        (15, 7600, 0.01, 0.0),
        (15, 7600, 0.02, 0.01),
    ):
        print(f"{models} models, {rows:,} rows, {lost:.1%} lost and {won:.1%} won")
        print(candidates(models, rows, lost, won).to_string(float_format="{:.2f}".format))


if __name__ == "__main__":
    main()
