"""How far models agree on many texts: one bar, with a part for each number of agreeing models.

The bar is HTML, as those in ``charts.answers`` are.
"""

import html

import numpy as np
from plotly.colors import sample_colorscale

_SHADES = ("#56B4E9", "#8FCDF0", "#C5E5F7", "#F7D9A8", "#F0B560", "#E69F00", "#D55E00")
"""From "all models agree" to "none agree"."""
_STYLE = """<style>
.agreement { font-size: 0.875rem; }
.agreement .bar { display: flex; height: 2.4em; border-radius: 3px; overflow: hidden; }
.agreement ul { list-style: none; margin: 0.5rem 0 0; padding: 0; display: flex; flex-wrap: wrap;
  gap: 0.2rem 1.1rem; }
.agreement li { display: inline-flex; align-items: center; gap: 0.5rem; margin: 0; }
.agreement i { width: 0.8em; height: 0.8em; flex: none; }
</style>"""


def levels(votes: np.ndarray) -> dict[int, int]:
    """By the number of models that agree on a text, the number of such texts; most models first.

    If a text gets several answers, the models that give its most frequent one are counted.

    Args:
        votes: class numbers, shape (texts, models).
    """
    if not votes.size:
        return {}
    largest = np.array([np.bincount(row).max() for row in np.unique(votes, axis=0)])
    _, which = np.unique(votes, axis=0, return_inverse=True)
    found, counts = np.unique(largest[which.ravel()], return_counts=True)
    return dict(zip(found[::-1].tolist(), counts[::-1].tolist(), strict=True))


def bar(found: dict[int, int], models: int) -> str:
    """HTML of the bar with its legend.

    Args:
        found: as ``levels`` returns it.
        models: number of models that voted.
    """
    total = sum(found.values())
    parts, legend = [], []
    for level, count in found.items():
        color = _color(models - level, models)
        parts.append(
            f'<span style="width: {100 * count / total:.2f}%; background: {color}"></span>'
        )
        share = f"{count:,} ({percent(count / total)})"
        square = f'<i style="background: {color}"></i>'
        legend.append(f"<li>{square}{name(level, models)}: {html.escape(share)}</li>")
    label = "; ".join(f"{name(level, models)}: {count:,}" for level, count in found.items())
    return (
        f'{_STYLE}<div class="agreement"><div class="bar" role="img" aria-label="{label}">'
        f"{''.join(parts)}</div><ul>{''.join(legend)}</ul></div>"
    )


def name(level: int, models: int) -> str:
    """ "All 5 agree", "4 of 5 agree", "All 3 differ"."""
    if level == models:
        return f"{'Both' if models == 2 else f'All {models}'} agree"
    if level == 1:
        return f"{'Both' if models == 2 else f'All {models}'} differ"
    return f"{level} of {models} agree"


def percent(share: float) -> str:
    """A share in whole percent; "<1 %" or ">99 %" if it would wrongly be rounded to 0 or 100 %."""
    if 0 < share < 0.005:
        return "<1\u202f%"
    if 0.995 <= share < 1:
        return ">99\u202f%"
    return f"{100 * share:.0f}\u202f%"


def _color(dissenting: int, models: int) -> str:
    """The shade of a part: the more models dissent, the warmer. No two parts share a shade."""
    return str(sample_colorscale(list(_SHADES), dissenting / max(models - 1, 1))[0])
