"""Places for the labels of points, so that labels do not overlap on a phone or a wide screen."""

import math
import re
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

WIDTHS = {True: (270, 330, 440), False: (425, 540, 740)}
"""Widths of the plotting area in pixels, by whether the window is narrow. The browser chooses the
width, so places are compared at all three widths."""
FONT = 12
"""Font size in pixels for which the lengths below hold."""
_CHARACTER, _LINE = 7.0, 16
_POINT = 7
"""Pixels from a point's middle to its edge."""
_NEAR = 72
"""An optional label is at most this many pixels above or below its point."""
_TOO_MUCH = {True: {1: 55, 2: 15}, False: {1: 150, 2: 30}}
"""By whether the window is narrow, and by rank: a label is left out if even its best place has this
cost. A phone has room for fewer labels; a point's hover also shows its name."""
_TAGS = re.compile("</?[bi]>")
_SIDES, _SHIFTS = np.array(list(product((1, -1), sorted(range(-240, 241, 8), key=abs)))).T
"""Possible places of a label: its side (1 right of the point, -1 left), and pixels below it."""

# Cost of covering each kind of thing: by a label, and by the thin line from it to its point.
_COVERS = {"point": (60, 20), "label": (150, 20), "line": (12, 3), "leader": (10, 5)}


class Label(NamedTuple):
    """A point's name; ``x`` is on a log axis and above 0."""

    text: str
    x: float
    y: float
    rank: int
    """-1: never left out, and placed first; 0: never left out; 1: left out rather than put on
    another label; 2: optional."""


class Placed(NamedTuple):
    """Where a label goes."""

    label: Label
    side: int
    """1: right of its point, -1: left."""
    shift: int
    """Pixels below its point."""


def place(
    labels: Sequence[Label],
    lines: Sequence[tuple[float, float, float, float]],
    x_range: Sequence[float],
    y_range: Sequence[float],
    heights: np.ndarray,
    font: int = FONT,
    narrow: bool = False,
) -> list[Placed]:
    """Place each point's label beside it, moved up or down where labels would overlap.

    Greedy: by rank, then from left to right, each label gets the place with the lowest cost. The
    cost grows with what the label and its line cover, and with the distance to the point. Labels
    without a good place are left out, except those of rank 0 and -1.

    Args:
        labels: one per point.
        lines: (x0, y0, x1, y1) of vertical or horizontal lines that labels should not cover.
        x_range: the ends of the axis, as log10.
        y_range: the ends of the axis.
        heights: heights of the plotting area in pixels, at each of the ``WIDTHS``.
        font: size of the labels in pixels.
        narrow: whether the window is narrow, which selects the ``WIDTHS``.
    """
    scale, widths, too_much = font / FONT, np.array(WIDTHS[narrow], float), _TOO_MUCH[narrow]

    def pixels(x: float, y: float) -> tuple[np.ndarray, np.ndarray]:
        across = (math.log10(x) - x_range[0]) / (x_range[1] - x_range[0])
        return across * widths, (y_range[1] - y) / (y_range[1] - y_range[0]) * heights

    # Boxes that are already taken, each of shape (widths, 4): left, top, right, bottom.
    taken, kinds = [], []
    for label in labels:
        across, down = pixels(label.x, label.y)
        taken.append(_boxes(across - _POINT, down - _POINT, across + _POINT, down + _POINT))
        kinds.append("point")
    for x0, y0, x1, y1 in lines:
        (left, bottom), (right, top) = pixels(x0, y0), pixels(x1, y1)
        top, bottom = np.minimum(top, bottom), np.maximum(top, bottom)
        taken.append(_boxes(left - 1, top - 1, right + 1, bottom + 1))
        kinds.append("line")

    placed = []
    for label in sorted(labels, key=lambda label: (label.rank, label.x)):
        across, down = pixels(label.x, label.y)
        length = _CHARACTER * scale * len(_TAGS.sub("", label.text))
        left = across[None] + np.where(_SIDES > 0, 10, -10 - length)[:, None]
        middle = down[None] + _SHIFTS[:, None]
        half = _LINE * scale / 2
        own = _boxes(left, middle - half, left + length, middle + half)  # (places, widths, 4)
        leader = _leaders(across, down)
        others, weights = np.stack(taken, axis=1), np.array([_COVERS[kind] for kind in kinds])
        cost = np.abs(_SHIFTS) / 8 + (_SIDES < 0)
        cost = cost + _meet(own, others) @ weights[:, 0] + _meet(leader, others) @ weights[:, 1]
        outside = (own[..., 0] < 0) | (own[..., 2] > widths)
        outside |= (own[..., 1] < 0) | (own[..., 3] > heights)
        cost += 100 * outside.sum(axis=1)
        if label.rank == 2:
            cost += np.where(np.abs(_SHIFTS) > _NEAR, too_much[2], 0)
        best = int(cost.argmin())
        if cost[best] >= too_much.get(label.rank, np.inf):
            continue
        placed.append(Placed(label, int(_SIDES[best]), int(_SHIFTS[best])))
        taken += [own[best], leader[best]]
        kinds += ["label", "leader"]
    return placed


def _leaders(across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """The line from a point to its label in each place, as boxes (places, widths, 4).

    It begins outside the point and beside the point's vertical error bar. It is NaN, which overlaps
    nothing, where the label is next to its point.
    """
    shifts = np.where(np.abs(_SHIFTS) > _POINT + 1, _SHIFTS, np.nan)
    near, far = np.sign(shifts) * (_POINT + 1), shifts
    top, bottom = np.minimum(near, far), np.maximum(near, far)
    left, right = np.where(_SIDES > 0, 2, -10), np.where(_SIDES > 0, 10, -2)
    return _boxes(
        across + left[:, None], down + top[:, None], across + right[:, None], down + bottom[:, None]
    )


def _boxes(left: np.ndarray, top: np.ndarray, right: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Boxes in pixels, shape (…, 4)."""
    return np.stack(np.broadcast_arrays(left, top, right, bottom), axis=-1)


def _meet(own: np.ndarray, others: np.ndarray) -> np.ndarray:
    """At how many widths each place overlaps each box that is taken.

    Args:
        own: shape (places, widths, 4).
        others: shape (widths, taken, 4).

    Returns:
        Shape (places, taken).
    """
    one, other = own[:, :, None], others[None]
    across = (one[..., 0] < other[..., 2]) & (other[..., 0] < one[..., 2])
    down = (one[..., 1] < other[..., 3]) & (other[..., 1] < one[..., 3])
    return (across & down).sum(axis=1)
