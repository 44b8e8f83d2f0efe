"""One palette for every page: the colours of classes, and of better and worse.

The first five hues are Okabe & Ito's (2008), which colour-blind people can tell apart. All hues are
light enough for ``ON_COLOR`` to be legible on them. No information is in colour alone.
"""

import colorsys
import itertools
from collections.abc import Sequence
from functools import cache

import numpy as np

ON_COLOR = "#111111"
"""Colour of text on any class's colour: its contrast is at least 4.5, in both themes."""

_HUES = ("#56B4E9", "#009E73", "#E69F00", "#CC79A7", "#F0E442", "#9A9AE0", "#E8845C", "#A6A6A6")
REST = "#B8B8B8"
"""Colour of all classes that have no colour of their own in a picture."""
_MOST = 200
"""Maximum number of classes of a run."""
_LEAST_LUMINANCE = 0.21
"""Luminance of a colour on which ``ON_COLOR`` has a contrast slightly above 4.5."""

MANY_CLASSES = 12
"""From this number of classes on, one colour or one column per class is too much."""

BETTER, WORSE = "#247BBD", "#C25700"
"""Text colours of a change: a contrast of 4.5 on the page's background in both themes."""
BETTER_FILL, WORSE_FILL = "#9CCBEA", "#F4B183"
"""Colours of marks and cells of a change; text on them is in ``ON_COLOR``."""


def class_colors(names: Sequence[str]) -> dict[str, str]:
    """By class name, a colour; it depends on the class's position, so all pages show the same."""
    if len(names) < MANY_CLASSES:
        return dict(zip(names, (*_HUES, *_more()), strict=False))
    # With many classes, grey is the colour of the rest.
    return dict(zip(names, (*_HUES[:-1], *_more()), strict=False))


@cache
def _more() -> tuple[str, ...]:
    """Colours for many classes, each as far as possible from all colours before it.

    So many colours can't be told apart without the classes' names, but no colour occurs twice.
    """
    grid = itertools.product(np.arange(0, 1, 1 / 48), np.arange(0.4, 0.88, 0.04), (0.35, 0.6, 0.85))
    offered = np.array([colorsys.hls_to_rgb(*point) for point in grid])
    offered = np.unique(np.round(255 * offered) / 255, axis=0)
    offered = offered[_linear(offered) @ _LUMINANCE >= _LEAST_LUMINANCE]
    known = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in (*_HUES, REST)])
    spots, found = _lab(offered), []
    distance = np.linalg.norm(spots[:, None] - _lab(known), axis=2).min(axis=1)
    for _ in range(_MOST - len(_HUES) + 1):
        best = int(distance.argmax())
        found.append("#" + "".join(f"{round(255 * part):02X}" for part in offered[best]))
        distance = np.minimum(distance, np.linalg.norm(spots - spots[best], axis=1))
    return tuple(found)


_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], _LUMINANCE, [0.0193, 0.1192, 0.9505]])


def _linear(colors: np.ndarray) -> np.ndarray:
    """Convert sRGB colours in 0..1, shape (n, 3), to linear RGB."""
    return np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)


def _lab(colors: np.ndarray) -> np.ndarray:
    """Convert sRGB colours, shape (n, 3), to CIELAB: distances are close to perceived ones."""
    x, y, z = np.cbrt(_linear(colors) @ _TO_XYZ.T / [0.9505, 1.0, 1.089]).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)
