"""Models' answers to one text: a stacked bar per model, and the words that mattered in colour.

These pictures are HTML instead of plotly charts: their text is real text, and they adapt to the
page's theme and width. They also appear at once, while plotly has to load megabytes first. All text
from users or files is escaped here.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from views.charts.palette import MANY_CLASSES, ON_COLOR, REST, class_colors

_TOP = 3
"""With many classes, at most this many have their own part in a bar; the rest is one grey part."""
PLAIN_POINTS = 2
"""Percentage points: a word that changes the answer's probability by less is not coloured."""
_FOR, _AGAINST = "0, 114, 178", "213, 94, 0"
_WIDE, _NARROW = 0.12, 0.05
"""Least shares of a bar with room for a name and a figure, and for a figure alone."""

_STYLE = f"""<style>
.answers-box {{ container: answers / inline-size; }}
.answers {{ display: grid; gap: 0.55rem 0.6rem; align-items: center;
  grid-template-columns: minmax(7rem, max-content) 1fr; font-size: 0.875rem; }}
.answers .legend {{ grid-column: 2; display: flex; flex-wrap: wrap; gap: 0.2rem 1.1rem; }}
.answers .legend span {{ display: inline-flex; align-items: center; gap: 0.5rem; }}
.answers .legend i {{ width: 0.8em; height: 0.8em; flex: none; }}
.answers .who {{ text-align: right; overflow-wrap: anywhere; }}
.answers .who b {{ margin-right: 0.35em; }}
.answers .who small {{ font-size: inherit; white-space: nowrap; opacity: 0.75; }}
.answers .bar {{ display: flex; height: 2.1em; border-radius: 3px; overflow: hidden;
  color: {ON_COLOR}; }}
.answers .bar > span {{ container-type: inline-size; display: flex; align-items: center;
  overflow: hidden; white-space: nowrap; min-width: 0; box-sizing: border-box; }}
.answers .bar b {{ font-weight: 400; padding-left: 0.3em; display: flex; gap: 0.3em;
  min-width: 0; }}
.answers .bar .top b {{ font-weight: 600; }}
.answers .bar .long {{ display: none; overflow: hidden; text-overflow: ellipsis; }}
@container (min-width: 7.4em) {{ .answers .bar .long {{ display: block; }} }}
@container (max-width: 2.7em) {{ .answers .bar b {{ display: none; }} }}
.answers .empty {{ color: inherit; border: 1px dashed; opacity: 0.75; align-items: center;
  padding-left: 0.6em; box-sizing: border-box; }}
@container answers (max-width: 36rem) {{
  .answers {{ grid-template-columns: 1fr; row-gap: 0.15rem; }}
  .answers .legend {{ grid-column: 1; margin-bottom: 0.3rem; }}
  .answers .who {{ text-align: left; }}
  .answers .bar {{ margin-bottom: 0.45rem; }}
}}
.mattered {{ font-size: 1.45rem; line-height: 2; overflow-wrap: anywhere; }}
.mattered span {{ padding: 0.1em 0.2em; border-radius: 4px; }}
.mattered .against {{ text-decoration: underline dotted 0.1em; text-underline-offset: 0.2em; }}
.mattered sub {{ display: inline-block; font-size: 0.55em; margin-left: 0.15em; }}
</style>"""


@dataclass(frozen=True)
class Bar:
    """One model's row."""

    name: str
    note: str
    """Text beside the name: size, time."""
    probabilities: np.ndarray | None
    """Shape (k,); None: the model has not answered."""
    empty: str = "…"
    """Text in place of a missing answer."""


def stacked_bars(bars: Sequence[Bar], names: Sequence[str], size: float = 1.0) -> str:
    """HTML of one stacked bar per model, in the order of ``bars``, under a legend of the classes.

    Args:
        bars: one per model.
        names: the k class names.
        size: text size as a multiple of the page's.
    """
    colors = list(class_colors(names).values())
    in_bars = {c for b in bars if b.probabilities is not None for c in parts_of(b.probabilities)}
    legend = [_key(names[c], colors[c]) for c in sorted(in_bars)]
    if len(names) < MANY_CLASSES:
        legend = [_key(name, color) for name, color in zip(names, colors, strict=True)]
    else:
        legend.append(_key("other classes", REST))
    rows = "".join(_row(bar, names, colors) for bar in bars)
    return (
        f'{_STYLE}<div class="answers-box"><div class="answers" '
        f'style="font-size: {0.875 * size:.3g}rem">'
        f'<div class="legend">{"".join(legend)}</div>{rows}</div></div>'
    )


def parts_of(probabilities: np.ndarray) -> list[int]:
    """The classes that have their own part in one model's bar, in class order.

    With few classes, these are all. With many, these are the most likely class, and the second and
    third if their parts have room for a figure. Otherwise the legend would be full of classes that
    nobody sees.

    Args:
        probabilities: shape (k,).
    """
    if len(probabilities) < MANY_CLASSES:
        return list(range(len(probabilities)))
    answer, *others = np.argsort(-probabilities, kind="stable")[:_TOP].tolist()
    return sorted([answer, *(c for c in others if probabilities[c] >= _NARROW)])


def _key(name: str, color: str) -> str:
    return f'<span><i style="background: {color}"></i>{html.escape(name)}</span>'


def _row(bar: Bar, names: Sequence[str], colors: Sequence[str]) -> str:
    name, note = html.escape(bar.name), html.escape(bar.note)
    who = f'<div class="who"><b>{name}</b><small>{note}</small></div>'
    if bar.probabilities is None:
        return f'{who}<div class="bar empty">{html.escape(bar.empty)}</div>'
    given = bar.probabilities
    shown = parts_of(given)
    parts = [(names[c], float(given[c]), colors[c], c == given.argmax()) for c in shown]
    if len(shown) < len(names):
        parts.append(("Other", max(0.0, 1 - sum(part[1] for part in parts)), REST, False))
    said = ", ".join(f"{name} {share:.0%}" for name, share, *_ in _by_share(parts)[:4])
    label = html.escape(f"{bar.name}: {said}")
    drawn = "".join(_part(*part) for part in parts if part[1] >= 0.0005)
    return f'{who}<div class="bar" role="img" aria-label="{label}" title="{label}">{drawn}</div>'


def _by_share(parts: Sequence[tuple[str, float, str, bool]]) -> list:
    return sorted(parts, key=lambda part: -part[1])


def _part(name: str, share: float, color: str, top: bool) -> str:
    figure = f"{100 * share:.0f}\u202f%"
    text = ""
    if share >= _WIDE:
        text = f'<b><span class="long">{html.escape(name)}</span>{figure}</b>'
    elif share >= _NARROW:
        text = f"<b>{figure}</b>"
    kind = ' class="top"' if top else ""
    return f'<span{kind} style="width: {100 * share:.2f}%; background: {color}">{text}</span>'


def words(said: Sequence[str], weights: np.ndarray, rest: str = "") -> str:
    """HTML of a sentence whose words are shaded by their effect on a model's answer.

    Words that support the answer have a coloured background and a figure with +. Words against it
    are also underlined and have a figure with −. So readers do not need the colours.

    Args:
        said: the n words.
        weights: shape (n,), in -1..1, as ``attribution.leave_one_word_out`` returns them.
        rest: the rest of the text, which was not examined.
    """
    parts = []
    for word, weight in zip(said, weights, strict=True):
        points = round(100 * float(weight))
        text = html.escape(word)
        if abs(points) < PLAIN_POINTS:
            parts.append(f"<span>{text}</span>")
            continue
        ground = f"background: rgba({_FOR if points > 0 else _AGAINST}, {_strength(points):.2f})"
        kind = "for" if points > 0 else "against"
        sign = f"+{points}" if points > 0 else f"−{-points}"
        parts.append(f'<span class="{kind}" style="{ground}">{text}<sub>{sign}</sub></span>')
    parts += [html.escape(rest)] if rest else []
    return f'{_STYLE}<div class="mattered">{" ".join(parts)}</div>'


def _strength(points: int) -> float:
    """Opacity of a word's background: highest from 50 points on, legible in both themes."""
    return 0.1 + 0.5 * min(abs(points), 50) / 50
