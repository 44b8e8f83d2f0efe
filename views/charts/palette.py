"""One palette for every page: the colours of classes, and of better and worse.

The first hues are Okabe & Ito's (2008), which the colour-blind tell apart. All are light enough for
``ON_COLOR`` to be legible on them. Nothing is told by colour alone.
"""

import colorsys
from collections.abc import Sequence

ON_COLOR = "#111111"
"""Text on any class's colour: a contrast of 4.5 at least, in both themes."""

_HUES = ("#56B4E9", "#009E73", "#E69F00", "#CC79A7", "#F0E442", "#9A9AE0", "#E8845C", "#A6A6A6")
_GOLDEN = 0.618034
"""Hues that are so far apart on the circle come nowhere near one another soon."""

BETTER, WORSE = "#247BBD", "#C25700"
"""Text of a change: a contrast of 4.5 on the pages' background of either theme."""
BETTER_FILL, WORSE_FILL = "#9CCBEA", "#F4B183"
"""Marks and cells of a change, under ``ON_COLOR``."""


def class_colors(names: Sequence[str]) -> dict[str, str]:
    """A colour for every class of a run, the same on every page: by its place among the classes."""
    return {name: _HUES[i] if i < len(_HUES) else _more(i) for i, name in enumerate(names)}


def _more(place: int) -> str:
    """A light colour for one of many classes, whose names have to tell them apart."""
    red, green, blue = colorsys.hls_to_rgb(place * _GOLDEN % 1, 0.8 - 0.04 * (place % 3), 0.6)
    return "#" + "".join(f"{round(255 * part):02X}" for part in (red, green, blue))
