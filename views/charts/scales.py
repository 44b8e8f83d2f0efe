"""The frontier's scales: ends, ticks, points off the scale, and marks that would overlap."""

import math

import numpy as np
import pandas as pd

from views.charts import labels
from views.charts.axes import Axis

_CHEAP = 100
"""A reference that is more than this many times cheaper than every model is put at the edge."""
_SQUASHED = 0.25
"""Bad points are put at the edge if all others would otherwise have less than this share of the
height."""
_APART = 15
"""Least distance in pixels between the middles of two marks side by side."""


def on_scale(
    models: pd.DataFrame,
    references: pd.DataFrame,
    x: Axis,
    y: Axis,
    size: tuple[float, float],
) -> tuple[pd.DataFrame, pd.DataFrame, list[float], list[float]]:
    """Models and references with the positions where they are drawn, and the ends of both axes.

    Models and references get the columns ``drawn_x``, ``drawn_y`` and ``edge``. ``edge`` is "" or,
    for a point off the scale, the side where an arrow is drawn instead ("down", "up" or "left").

    Args:
        models: as ``axes.points`` returns them.
        references: as ``frontier.references_frame`` returns them.
        x: the cost; its axis is logarithmic, and its ends are returned as log10.
        y: the figure of quality.
        size: approximate width and height of the plotting area in pixels.
    """
    references = references.assign(low=references["y"], high=references["y"])
    low, high = (pd.concat([models[c], references[c]]).to_numpy(float) for c in ("low", "high"))
    bad = _squashing(low, high, y.lower_is_better)
    y_low, y_high = low[~bad].min(), high[~bad].max()
    pad = 0.05 * (y_high - y_low) + 1e-4
    y_range = [y_low - pad, y_high + pad]
    side, end, inward = ("up", 1, -1) if y.lower_is_better else ("down", 0, 1)
    if bad.any():  # with room for the arrow and its label
        y_range[end] -= 1.4 * pad * inward
    edge_y = y_range[end] + 0.035 * inward * (y_range[1] - y_range[0])

    cheap = references["x"] < models["x"].min() / _CHEAP
    costs = [*models["x"], *references["x"][~cheap]]
    x_range = [math.log10(min(costs) / (2.2 if cheap.any() else 1.7)), math.log10(max(costs) * 1.6)]

    far = np.where(bad, side, "")
    models, references = (
        frame.assign(drawn_x=frame["x"], drawn_y=frame["y"].where(edge == "", edge_y), edge=edge)
        for frame, edge in ((models, far[: len(models)]), (references, far[len(models) :]))
    )
    across = (np.log10(models["x"]) - x_range[0]) / (x_range[1] - x_range[0]) * size[0]
    down = (y_range[1] - models["drawn_y"]) / (y_range[1] - y_range[0]) * size[1]
    moved = side_by_side(across.to_numpy(float), down.to_numpy(float)) / size[0]
    models["drawn_x"] = 10 ** (x_range[0] + moved * (x_range[1] - x_range[0]))
    references["drawn_x"] = references["x"].where(~cheap, 1.15 * 10 ** x_range[0])
    references["edge"] = references["edge"].where(~cheap, "left")
    return models, references, x_range, y_range


def side_by_side(across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Move marks that would overlap apart sideways, no further than necessary.

    Args:
        across: horizontal positions of the marks' middles in pixels, shape (n,).
        down: vertical positions, shape (n,).

    Returns:
        New horizontal positions, shape (n,); unchanged where no other mark is near.
    """
    moved = across.astype(float)
    order = np.argsort(moved, kind="stable")
    for _ in range(100):  # each push may bring a mark near another
        pushed = False
        for place, one in enumerate(order):
            for other in order[place + 1 :]:
                missing = _APART - (moved[other] - moved[one])
                if missing > 0.01 and abs(down[one] - down[other]) < _APART:
                    moved[one] -= missing / 2
                    moved[other] += missing / 2
                    pushed = True
        if not pushed:
            break
    return moved


def _squashing(low: np.ndarray, high: np.ndarray, lower_is_better: bool) -> np.ndarray:
    """Which points are so bad that they would compress the scale for all others; bool, shape (n,).

    These are always fewer than half of the points, and the interval of each ends before those of
    all others begin.

    Args:
        low: lower ends of the points' intervals, shape (n,).
        high: upper ends.
        lower_is_better: whether the high side is the bad one.
    """
    if lower_is_better:
        low, high = -high, -low
    order, all_of_it = np.argsort(low), _SQUASHED * (high.max() - low.min())
    far = np.zeros(len(low), bool)
    for count in range(1, (len(low) + 1) // 2):
        worst, rest = order[:count], order[count:]
        is_apart = high[worst].max() < low[rest].min()
        if is_apart and high[rest].max() - low[rest].min() < all_of_it:
            far[worst] = True
            break
    return far


def ticks(low: float, high: float, font: int = labels.FONT, narrow: bool = True) -> list[float]:
    """Ticks of a log axis whose ends are log10: 1, 2, 5, 10, … or fewer if there is no room.

    Plotly's own ticks are too few or overlap.
    """
    decades = range(math.floor(low), math.ceil(high) + 1)
    for digits in ((1, 2, 5), (1, 3), (1,)):  # the densest ticks that there is room for
        found = [digit * 10.0**decade for decade in decades for digit in digits]
        found = [tick for tick in found if low <= math.log10(tick) <= high]
        letters = sum(len(f"{tick:,g}") + 1.5 for tick in found)
        if letters * 0.55 * font <= min(labels.WIDTHS[narrow]):
            break
    return found
