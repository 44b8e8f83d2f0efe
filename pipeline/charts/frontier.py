"""The frontier: accuracy against size."""

import math
from collections.abc import Mapping
from itertools import pairwise, product

import pandas as pd
import plotly.graph_objects as go

from pipeline.charts.common import BLUE, CLEAR, GREY, INK, VERMILLION, dress
from pipeline.families import Reported

# Of the frontier's plotting area, in pixels. The height is ours and the width the browser's, so
# labels are placed where they keep apart on a phone and on a screen alike.
_HEIGHT, _MARGIN = 520, {"l": 62, "r": 12, "t": 40, "b": 52}
_WIDTHS = (290, 740)
_LABEL = {"size": 12}
_CHARACTER, _LINE = 7.0, 16


def reported_frame(reported: Mapping[str, Reported]) -> pd.DataFrame:
    """What the source notebook reported, as ``frontier`` takes it; empty for an empty mapping."""
    rows = [(role, figures.size_mb, figures.accuracy) for role, figures in reported.items()]
    return pd.DataFrame(rows, columns=["role", "size_mb", "accuracy"])


def frontier(models: pd.DataFrame, reported: pd.DataFrame, ink: str = INK["light"]) -> go.Figure:
    """Accuracy against size, with intervals, the Pareto front and what others reported.

    Args:
        models: columns ``role``, ``size_mb`` (10^6 bytes), ``accuracy``, ``low``, ``high`` (shares
            in 0..1), ``front`` (bool); at least one row.
        reported: columns ``role``, ``size_mb``, ``accuracy``, or no row; drawn hollow. One that is
            a hundred times smaller than every model would squash them all: it is drawn as an arrow
            at the left edge, and its size stands in the legend.
        ink: colour of text.
    """
    edge = reported["size_mb"] < models["size_mb"].min() / 100
    sizes = [*models["size_mb"], *reported["size_mb"][~edge]]
    x_range = [math.log10(min(sizes) / (2.2 if edge.any() else 1.7)), math.log10(max(sizes) * 1.6)]
    accuracies = [*models["low"], *models["high"], *reported["accuracy"]]
    pad = 0.05 * (max(accuracies) - min(accuracies)) + 1e-4
    y_range = [min(accuracies) - pad, max(accuracies) + pad]
    reported = reported.assign(x=reported["size_mb"].where(~edge, 1.15 * 10 ** x_range[0]))

    figure = go.Figure()
    front = models[models["front"]].sort_values("size_mb")
    # Whatever is right of this line and below it is beaten: hence steps and not slopes.
    figure.add_scatter(
        x=front["size_mb"],
        y=front["accuracy"],
        mode="lines",
        line={"color": BLUE, "width": 2, "shape": "hv", "dash": "dot"},
        showlegend=False,
        hoverinfo="skip",
    )
    for group, name, color, symbol in (
        (front, "On the Pareto front", BLUE, "circle"),
        (models[~models["front"]], "Beaten by a smaller or better one", GREY, "square"),
    ):
        figure.add_scatter(
            x=group["size_mb"],
            y=group["accuracy"],
            mode="markers",
            name=name,
            marker={"color": color, "symbol": symbol, "size": 11},
            error_y={
                "array": group["high"] - group["accuracy"],
                "arrayminus": group["accuracy"] - group["low"],
                "color": color,
                "thickness": 1,
                "width": 3,
            },
            customdata=group[["role", "low", "high"]],
            hovertemplate="<b>%{customdata[0]}</b><br>%{y:.1%} (%{customdata[1]:.1%} – "
            "%{customdata[2]:.1%})<br>%{x:.1f} MB<extra></extra>",
        )
    sizes = ", ".join(f"{size:g}" for size in reported["size_mb"][edge].unique())
    for group, name, symbol in (
        (reported[~edge], "As the source notebook reported", "diamond-open"),
        (reported[edge], f"Reported as {sizes} MB, off this scale", "triangle-left-open"),
    ):
        if group.empty:
            continue
        figure.add_scatter(
            x=group["x"],
            y=group["accuracy"],
            mode="markers",
            name=name,
            marker={"color": VERMILLION, "symbol": symbol, "size": 11, "line": {"width": 2}},
            customdata=group[["role", "size_mb"]],
            hovertemplate="<b>%{customdata[0]}</b> as reported<br>%{y:.1%}<br>"
            "%{customdata[1]} MB<extra></extra>",
        )
    labels = [(r.role, r.size_mb, r.accuracy) for r in _rows(models)]
    labels += [(f"<i>{r.role}</i>", r.x, r.accuracy) for r in _rows(reported)]
    lines = [(r.size_mb, r.low, r.size_mb, r.high) for r in _rows(models)]
    for one, other in pairwise(_rows(front)):
        lines.append((one.size_mb, one.accuracy, other.size_mb, one.accuracy))
        lines.append((other.size_mb, one.accuracy, other.size_mb, other.accuracy))
    for text, x, y, side, shift in _place_labels(labels, lines, x_range, y_range):
        figure.add_annotation(
            text=text,
            x=math.log10(x),
            y=y,
            ax=10 * side,
            ay=shift,
            xanchor="left" if side > 0 else "right",
            arrowhead=0,
            arrowwidth=1,
            arrowcolor=GREY if shift else CLEAR,
            standoff=6,
            borderpad=0,
            font=_LABEL | {"color": ink},
        )
    figure.update_xaxes(
        title="Size of the artifact, MB (10⁶ bytes), log scale",
        type="log",
        range=x_range,
        tickvals=_ticks(*x_range),
        showgrid=True,
    )
    figure.update_yaxes(title="Accuracy on test", tickformat=".1%", range=y_range)
    return dress(figure, ink, height=_HEIGHT, margin=_MARGIN)


def _rows(frame: pd.DataFrame) -> list:
    return list(frame.itertuples(index=False))


def _ticks(low: float, high: float) -> list[float]:
    """1, 2, 5, 10, … within a log axis; plotly's own are too few or run together."""
    decades = range(math.floor(low), math.ceil(high) + 1)
    ticks = [digit * 10.0**decade for decade in decades for digit in (1, 2, 5)]
    return [tick for tick in ticks if low <= math.log10(tick) <= high]


# --- labels that keep apart -------------------------------------------------------------------

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels."""


def _place_labels(labels, lines, x_range, y_range) -> list[tuple[str, float, float, int, int]]:
    """Where each point's label goes: beside it, moved up or down where labels would meet.

    Greedy: from left to right, each label takes the place that covers least and is nearest to its
    point. Places are compared at a phone's width and at a screen's.

    Args:
        labels: (text, x, y) of every point.
        lines: (x, y, x, y) of what a label had better not cover.
        x_range: the ends of the axis, as log10.
        y_range: the ends of the axis.

    Returns:
        Of each label its text, x, y, side (1: right, -1: left) and shift down in pixels.
    """
    inner = _HEIGHT - _MARGIN["t"] - _MARGIN["b"]

    def pixel(x: float, y: float, width: int) -> tuple[float, float]:
        across = (math.log10(x) - x_range[0]) / (x_range[1] - x_range[0])
        return across * width, (y_range[1] - y) / (y_range[1] - y_range[0]) * inner

    def box(text: str, x: float, y: float, side: int, shift: int, width: int) -> Box:
        across, down = pixel(x, y, width)
        length = _CHARACTER * len(text.removeprefix("<i>").removesuffix("</i>"))
        left = across + 10 if side > 0 else across - 10 - length
        return left, down + shift - _LINE / 2, left + length, down + shift + _LINE / 2

    covered: dict[int, list[tuple[Box, int]]] = {width: [] for width in _WIDTHS}
    for width, taken in covered.items():
        for _, x, y in labels:
            across, down = pixel(x, y, width)
            taken.append(((across - 7, down - 7, across + 7, down + 7), 40))
        for x0, y0, x1, y1 in lines:
            (left, bottom), (right, top) = pixel(x0, y0, width), pixel(x1, y1, width)
            taken.append(((left - 1, min(top, bottom) - 1, right + 1, max(top, bottom) + 1), 4))

    placed = []
    for text, x, y in sorted(labels, key=lambda label: label[1]):
        best = math.inf
        for side, shift in product((1, -1), sorted(range(-240, 241, 8), key=abs)):
            cost = abs(shift) / 8 + (side < 0)
            boxes = {width: box(text, x, y, side, shift, width) for width in _WIDTHS}
            for width, own in boxes.items():
                cost += sum(weight for other, weight in covered[width] if _meet(own, other))
                cost += 100 * (own[0] < 0 or own[2] > width or own[1] < 0 or own[3] > inner)
            if cost < best:
                best, chosen, place = cost, boxes, (text, x, y, side, shift)
        placed.append(place)
        for width, own in chosen.items():
            covered[width].append((own, 40))
    return placed


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
