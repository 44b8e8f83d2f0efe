"""The frontier: any figure of quality against any cost."""

import math
from collections.abc import Mapping
from itertools import pairwise, product

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pipeline.axes import REFERENCES, X_AXES, Y_AXES, Axis
from pipeline.charts.common import BLUE, CLEAR, GREEN, GREY, INK, PURPLE, VERMILLION, dress
from pipeline.families import Reported

# Of the frontier's plotting area, in pixels. The height is ours and the width the browser's, so
# labels are placed where they keep apart on a phone and on a screen alike.
_HEIGHT, _MARGIN = 460, {"l": 62, "r": 12, "t": 40, "b": 52}
_WIDTHS = (270, 500, 740)
_FONT = 12
_CHARACTER, _LINE, _LEGEND_ROW = 7.0, 16, 20
_NEAR = 72
"""A label that is not needed stands no further above or below its point."""
_TOO_MUCH = 30
"""A label that is not needed is left out if its best place still covers this much."""

# Run by run, then kinds of reference: each has a shape of its own beside its colour.
_RUN_STYLES = ((BLUE, "circle"), (VERMILLION, "square"))
_REFERENCE_STYLES = dict(
    zip(REFERENCES.values(), ((GREEN, "triangle-up"), (PURPLE, "star")), strict=True)
)


def reported_frame(reported: Mapping[str, Reported]) -> pd.DataFrame:
    """What the source notebook reported, as ``frontier`` takes it; empty for an empty mapping."""
    rows = [(role, figures.size_mb, figures.accuracy) for role, figures in reported.items()]
    return pd.DataFrame(rows, columns=["role", "x", "y"])


def frontier(
    models: pd.DataFrame,
    reported: pd.DataFrame | None = None,
    ink: str = INK["light"],
    x: Axis = X_AXES["size_mb"],
    y: Axis = Y_AXES["accuracy"],
    chosen: tuple[str, str] | None = None,
    height: int = _HEIGHT,
    font: int = _FONT,
) -> go.Figure:
    """Quality against cost, with intervals, each run's Pareto front and what others reported.

    Args:
        models: as ``axes.points`` has them, of one run or of two; at least one row. ``y``, ``low``
            and ``high`` are shares in 0..1.
        reported: columns ``role``, ``x``, ``y``, or no row; drawn hollow. One that is a hundred
            times cheaper than every model would squash them all: it is drawn as an arrow at the
            left edge, and what it reported stands in the legend.
        ink: colour of text.
        x: the cost; its axis is logarithmic.
        y: the figure.
        chosen: run and role of the model that is ringed.
        height: of the figure in pixels.
        font: size of text in pixels.
    """
    reported = reported_frame({}) if reported is None else reported
    edge = reported["x"] < models["x"].min() / 100
    costs = [*models["x"], *reported["x"][~edge]]
    x_range = [math.log10(min(costs) / (2.2 if edge.any() else 1.7)), math.log10(max(costs) * 1.6)]
    heights = [*models["low"], *models["high"], *models["y"], *reported["y"]]
    pad = 0.05 * (max(heights) - min(heights)) + 1e-4
    y_range = [min(heights) - pad, max(heights) + pad]
    reported = reported.assign(
        told=reported["x"], x=reported["x"].where(~edge, 1.15 * 10 ** x_range[0])
    )

    figure = go.Figure()
    styles = _styles(models)
    lines = [(r.x, r.low, r.x, r.high) for r in _rows(models)]
    for run, group in models[models["front"]].groupby("run", sort=False):
        front = group.sort_values("x")
        color, dash = (BLUE, "dot") if run == models["run"].iloc[0] else (VERMILLION, "dash")
        # Whatever is right of this line and on its bad side is beaten: hence steps, not slopes.
        figure.add_scatter(
            x=front["x"],
            y=front["y"],
            mode="lines",
            line={"color": color, "width": 2, "shape": "hv", "dash": dash},
            showlegend=False,
            hoverinfo="skip",
        )
        for one, other in pairwise(_rows(front)):
            lines += [(one.x, one.y, other.x, one.y), (other.x, one.y, other.x, other.y)]
    for name, group in models.groupby("group", sort=False):
        _add_models(
            figure, name, group.sort_values("front", ascending=False), styles[name], x, font - 1
        )
    _add_reported(figure, reported, edge, x, font - 1)
    for row in _rows(models):
        if (row.run, row.role) == chosen:
            figure.add_scatter(
                x=[row.x],
                y=[row.y],
                mode="markers",
                marker={"symbol": "circle-open", "size": 22, "color": ink, "line": {"width": 2}},
                showlegend=False,
                hoverinfo="skip",
            )
    inner = _inner_heights(height, [trace.name for trace in figure.data if trace.name])
    _add_labels(figure, models, reported, lines, x_range, y_range, chosen, ink, inner, font)
    figure.update_xaxes(
        title=f"{x.title}, log scale",
        type="log",
        range=x_range,
        tickvals=_ticks(*x_range),
        tickformat=",~r",
        showgrid=True,
    )
    figure.update_yaxes(title=y.title, tickformat=".1%", range=y_range, nticks=10)
    dress(figure, ink, height=height, margin=_MARGIN)
    if font != _FONT:
        for update in (figure.update_xaxes, figure.update_yaxes):
            update(tickfont_size=font, title_font_size=font, automargin=True)
        figure.update_layout(legend_font_size=font)
    return figure


def _inner_heights(height: int, names: list[str]) -> np.ndarray:
    """Of the plotting area at each of ``_WIDTHS``: the legend above it takes a row more or less."""
    columns = np.maximum(1, np.array(_WIDTHS) // (40 + 6.5 * max(map(len, names))))
    legend = 10 + _LEGEND_ROW * np.ceil(len(names) / columns)
    return height - np.maximum(_MARGIN["t"], legend) - _MARGIN["b"]


def _styles(models: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Colour and shape of every group: the first run's, the second's, each kind of reference's."""
    runs = [name for name in models["group"].unique() if name not in _REFERENCE_STYLES]
    return dict(zip(runs, _RUN_STYLES, strict=False)) | _REFERENCE_STYLES


def _add_models(
    figure: go.Figure, name: str, group: pd.DataFrame, style: tuple[str, str], x: Axis, size: int
) -> None:
    """One group's points with their intervals: filled on the front, hollow off it."""
    color, shape = style
    figure.add_scatter(
        x=group["x"],
        y=group["y"],
        mode="markers",
        name=name,
        marker={
            "color": color,
            "symbol": [shape if front else f"{shape}-open" for front in group["front"]],
            "size": size,
            "line": {"width": 2, "color": color},
        },
        error_y={
            "array": group["high"] - group["y"],
            "arrayminus": group["y"] - group["low"],
            "color": color,
            "thickness": 1,
            "width": 3,
        },
        customdata=group[["role", "low", "high", "run"]],
        hovertemplate="<b>%{customdata[0]}</b> of %{customdata[3]}<br>%{y:.1%} "
        "(%{customdata[1]:.1%} – %{customdata[2]:.1%})<br>"
        f"%{{x:,.3~r}} {x.unit}<extra></extra>",
        # A click marks a model with the ring of ``chosen``; fading the others says nothing more.
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
    )


def _add_reported(
    figure: go.Figure, reported: pd.DataFrame, edge: pd.Series, x: Axis, size: int
) -> None:
    told = ", ".join(f"{cost:g}" for cost in reported["told"][edge].unique())
    for group, name, symbol in (
        (reported[~edge], "Notebook", "diamond-open"),
        (reported[edge], f"Notebook: {told} {x.unit}", "triangle-left-open"),
    ):
        if group.empty:
            continue
        figure.add_scatter(
            x=group["x"],
            y=group["y"],
            mode="markers",
            name=name,
            marker={"color": GREY, "symbol": symbol, "size": size, "line": {"width": 2}},
            customdata=group[["role", "told"]],
            hovertemplate="<b>%{customdata[0]}</b> as reported<br>%{y:.1%}<br>"
            f"%{{customdata[1]}} {x.unit}<extra></extra>",
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 1}},
        )


def _add_labels(
    figure, models, reported, lines, x_range, y_range, chosen, ink, inner, font
) -> None:
    """Every point's name beside it; of two runs, off the front only where there is room."""
    single = models["run"].nunique() == 1
    needed = [single or r.front or (r.run, r.role) == chosen for r in _rows(models)]
    labels = [(r.role, r.x, r.y, need) for r, need in zip(_rows(models), needed, strict=True)]
    labels += [(f"<i>{r.role}</i>", r.x, r.y, False) for r in _rows(reported)]
    placed = _place_labels(labels, lines, x_range, y_range, inner, font)
    # All at once: plotly goes over all annotations again each time that one is added.
    figure.update_layout(
        annotations=[
            {
                "text": text,
                "x": math.log10(x),
                "y": y,
                "ax": 10 * side,
                "ay": shift,
                "xanchor": "left" if side > 0 else "right",
                "arrowhead": 0,
                "arrowwidth": 1,
                "arrowcolor": GREY if shift else CLEAR,
                "standoff": 6,
                "borderpad": 0,
                "font": {"size": font, "color": ink},
            }
            for text, x, y, side, shift in placed
        ]
    )


def _rows(frame: pd.DataFrame) -> list:
    return list(frame.itertuples(index=False))


def _ticks(low: float, high: float) -> list[float]:
    """1, 2, 5, 10, … within a log axis; plotly's own are too few or run together."""
    decades = range(math.floor(low), math.ceil(high) + 1)
    ticks = [digit * 10.0**decade for decade in decades for digit in (1, 2, 5)]
    return [tick for tick in ticks if low <= math.log10(tick) <= high]


# --- labels that keep apart -------------------------------------------------------------------

_SHIFTS = list(product((1, -1), sorted(range(-240, 241, 8), key=abs)))
"""Where a label may stand: right or left of its point, and so many pixels below it."""


def _place_labels(
    labels, lines, x_range, y_range, inner, font
) -> list[tuple[str, float, float, int, int]]:
    """Where each point's label goes: beside it, moved up or down where labels would meet.

    Greedy: those that are needed first, then from left to right, each label takes the place that
    covers least and is nearest to its point. Places are compared at a phone's width and at
    screens'. One that is not needed and finds no free place is left out.

    Args:
        labels: (text, x, y, needed) of every point.
        lines: (x, y, x, y) of what a label had better not cover.
        x_range: the ends of the axis, as log10.
        y_range: the ends of the axis.
        inner: height of the plotting area in pixels at each of ``_WIDTHS``.
        font: size of the labels in pixels.

    Returns:
        Of each label its text, x, y, side (1: right, -1: left) and shift down in pixels.
    """
    scale = font / _FONT
    widths = np.array(_WIDTHS, float)

    def pixels(x: float, y: float) -> tuple[np.ndarray, np.ndarray]:
        across = (math.log10(x) - x_range[0]) / (x_range[1] - x_range[0])
        return across * widths, (y_range[1] - y) / (y_range[1] - y_range[0]) * inner

    # What is taken already, by width: boxes (widths, taken, 4) as left, top, right, bottom.
    taken, weights = [], []
    for _, x, y, _ in labels:
        across, down = pixels(x, y)
        taken.append(_boxes(across - 7, down - 7, across + 7, down + 7))
        weights.append(40)
    for x0, y0, x1, y1 in lines:
        (left, bottom), (right, top) = pixels(x0, y0), pixels(x1, y1)
        taken.append(
            _boxes(left - 1, np.minimum(top, bottom) - 1, right + 1, np.maximum(top, bottom) + 1)
        )
        weights.append(4)

    sides, shifts = np.array(_SHIFTS).T
    placed = []
    for text, x, y, needed in sorted(labels, key=lambda label: (not label[3], label[1])):
        across, down = pixels(x, y)
        length = _CHARACTER * scale * len(text.removeprefix("<i>").removesuffix("</i>"))
        left = across[None] + np.where(sides > 0, 10, -10 - length)[:, None]
        middle = down[None] + shifts[:, None]
        half = _LINE * scale / 2
        own = _boxes(left, middle - half, left + length, middle + half)  # (places, widths, 4)
        cost = np.abs(shifts) / 8 + (sides < 0)
        cost = cost + _meet(own, np.stack(taken, axis=1)) @ np.array(weights)
        outside = (own[..., 0] < 0) | (own[..., 2] > widths)
        outside |= (own[..., 1] < 0) | (own[..., 3] > inner)
        cost += 100 * outside.sum(axis=1)
        if not needed:
            cost += np.where(np.abs(shifts) > _NEAR, _TOO_MUCH, 0)
        best = int(cost.argmin())
        if not needed and cost[best] >= _TOO_MUCH:
            continue
        placed.append((text, x, y, int(sides[best]), int(shifts[best])))
        taken.append(own[best])
        weights.append(40)
    return placed


def _boxes(left, top, right, bottom) -> np.ndarray:
    """Boxes in pixels, shape (…, 4)."""
    return np.stack(np.broadcast_arrays(left, top, right, bottom), axis=-1)


def _meet(own: np.ndarray, others: np.ndarray) -> np.ndarray:
    """At how many widths each place meets each thing that is taken.

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
