"""The frontier: any figure of quality against any cost."""

import html
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pipeline.analysis.budget import round_sensibly
from pipeline.recipes.reported import Published, Reported
from views.charts import labels, scales
from views.charts.axes import REFERENCES, X_AXES, Y_AXES, Axis
from views.charts.common import BLUE, CLEAR, GREEN, GREY, INK, OCHRE, PURPLE, VERMILLION, dress
from views.charts.labels import Label

Key = tuple[str, str]
"""A model: its run and its role."""

HEIGHT = 360
"""Pixels: the room that a projector of 1280×720 has below the tiles."""
_MARGIN = {"l": 62, "r": 12, "t": 12, "b": 48}
_LEGEND_ROW = 20
_MANY = 20
"""The most models of a run whose names all may have room."""
_EXCLUDED = "#8F959B"
_SHADE = "rgba(128, 128, 128, 0.13)"
_HALO = "rgba(36, 123, 189, 0.35)"

# Each run and each kind of reference has its own colour and its own shape.
_RUN_STYLES = ((BLUE, "circle"), (VERMILLION, "square"))
_REFERENCE_STYLES = dict(
    zip(REFERENCES.values(), ((GREEN, "triangle-up"), (OCHRE, "hexagon")), strict=True)
)
_FOREIGN_STYLES = {"Notebook": (GREY, "diamond-open"), "Published": (PURPLE, "star-open")}


@dataclass(frozen=True)
class Marks:
    """Models and limits that a chart highlights."""

    picked: Key | None = None
    """The recommended model; it has a ring."""
    opened: Key | None = None
    """The model whose details are open; it has a halo."""
    excluded: frozenset[Key] = frozenset()
    """Models beyond the limits; they are grey."""
    most_x: float | None = None
    """The upper limit of the cost on the x axis; the area beyond it is shaded."""
    least_y: float | None = None
    """The lower limit of the figure on the y axis, if higher is better; shaded in the same way."""


@dataclass(frozen=True)
class Look:
    """How large a chart is drawn."""

    height: int = HEIGHT
    """Pixels."""
    font: int = labels.FONT
    """Pixels."""
    narrow: bool = False
    """Whether the window is narrow and has room for fewer names."""


def references_frame(
    reported: Mapping[str, Reported], published: Iterable[Published] = ()
) -> pd.DataFrame:
    """Accuracies and sizes that others reported, as ``figure`` accepts them; may be empty.

    Args:
        reported: by role, what the source notebook reported.
        published: figures from the literature.
    """
    rows = [("Notebook", r, f.size_mb, f.accuracy, "as reported") for r, f in reported.items()]
    rows += [
        ("Published", f.title, f.size_mb, f.accuracy, f"as published:<br>{f.source}")
        for f in published
    ]
    return pd.DataFrame(rows, columns=["kind", "role", "x", "y", "said"])


def figure(
    models: pd.DataFrame,
    references: pd.DataFrame | None = None,
    x: Axis = X_AXES["size_mb"],
    y: Axis = Y_AXES["accuracy"],
    marks: Marks = Marks(),
    look: Look = Look(),
) -> go.Figure:
    """Quality against cost, with intervals, each run's Pareto front and figures of others.

    A point so far off that it would compress the scale for the others is drawn as an arrow at the
    edge, with its figure in its label. Marks that would overlap stand side by side; their hovers
    show the exact cost.

    The returned figure's ``meta["arrows"]`` says whether there are arrows.

    Args:
        models: as ``axes.points`` returns them, of one run or two; at least one row. A column
            ``name`` is needed if names differ from roles. ``y``, ``low``, ``high`` are in 0..1.
        references: as ``references_frame`` returns them, drawn hollow; None: there are none.
        x: the cost; its axis is logarithmic.
        y: the figure of quality.
        marks: what to highlight.
        look: how large to draw the chart.
    """
    references = references_frame({}) if references is None else references
    if "name" not in models:
        models = models.assign(name=models["role"])
    inner = labels.WIDTHS[look.narrow][-1], look.height - _MARGIN["t"] - _MARGIN["b"]
    models, references, x_range, y_range = scales.on_scale(models, references, x, y, inner)
    keys = list(zip(models["run"], models["role"], strict=True))
    models["excluded"] = [key in marks.excluded for key in keys]

    figure = go.Figure()
    lines = [(r.drawn_x, r.low, r.drawn_x, r.high) for r in _rows(models) if not r.edge]
    lines += _add_fronts(figure, models)
    halo = {} if marks.opened == marks.picked else {marks.opened: _HALO}
    _add_rings(figure, models, halo, symbol="circle", size=26)
    size = look.font + 1
    styles = _styles(models)
    groups = {str(name): group for name, group in models.groupby("group", sort=False)}
    for name in sorted(groups, key=lambda name: name in _REFERENCE_STYLES):  # runs come first
        for excluded, group in groups[name].groupby("excluded", sort=True):
            # The legend shows the mark of the group's first model.
            group = group.sort_values(["edge", "front"], ascending=[True, False])
            color, shape = styles[name]
            style = _EXCLUDED if excluded else color, shape
            legend = not excluded or bool(groups[name]["excluded"].all())
            _add_models(figure, name, group, style, (x, y), size, legend)
    for kind, group in references.groupby("kind", sort=False):
        _add_references(figure, str(kind), group.sort_values("edge"), x, size)
    _add_rings(figure, models, {marks.picked: INK}, symbol="circle-open", size=24)
    wanted = _labels(models, references, marks, x, look.narrow)
    groups_shown = sorted({trace.name for trace in figure.data if trace.name})
    # A single run needs no legend, not even with classical or joined models: labels name them.
    named = len(set(groups_shown) - {*_REFERENCE_STYLES}) > 1
    heights = _inner_heights(look.height, groups_shown if named else [], look.narrow)
    placed = labels.place(wanted, lines, x_range, y_range, heights, look.font, look.narrow)
    _add_labels(figure, placed, look.font)
    _shade(figure, marks, x_range, y_range)
    figure.update_xaxes(
        title=f"{x.title}, log scale",
        type="log",
        range=x_range,
        tickvals=scales.ticks(x_range[0], x_range[1], look.font, look.narrow),
        tickformat=",~r",
        showgrid=True,
    )
    figure.update_yaxes(title=y.title, tickformat=".1%", range=y_range, nticks=10)
    margin = _MARGIN | {"t": 40} if named else _MARGIN
    arrows = bool((models["edge"] != "").any() or (references["edge"] != "").any())
    dress(figure, height=look.height, margin=margin, showlegend=named, meta={"arrows": arrows})
    if look.font != labels.FONT:
        for update in (figure.update_xaxes, figure.update_yaxes):
            update(tickfont_size=look.font, title_font_size=look.font, automargin=True)
        figure.update_layout(legend_font_size=look.font)
    return figure


def _inner_heights(height: int, names: list[str], narrow: bool) -> np.ndarray:
    """Heights of the plotting area at each width; a legend has more rows in a narrow window."""
    widths = np.array(labels.WIDTHS[narrow])
    if not names:
        return np.full(len(widths), height - _MARGIN["t"] - _MARGIN["b"])
    columns = np.maximum(1, widths // (40 + 6.5 * max(map(len, names))))
    legend = 10 + _LEGEND_ROW * np.ceil(len(names) / columns)
    return height - np.maximum(40, legend) - _MARGIN["b"]


# --- fronts, limits, rings ------------------------------------------------------------------------


def _add_fronts(figure: go.Figure, models: pd.DataFrame) -> list[tuple[float, float, float, float]]:
    """Add each run's Pareto front; return its lines as ``labels.place`` accepts them."""
    lines = []
    for run, group in models[models["front"]].groupby("run", sort=False):
        front = group.sort_values("drawn_x")
        color, dash = (BLUE, "dot") if run == models["run"].iloc[0] else (VERMILLION, "dash")
        # A model right of this line and on its bad side is beaten: hence steps, not slopes.
        figure.add_scatter(
            x=front["drawn_x"],
            y=front["y"],
            mode="lines",
            line={"color": color, "width": 2, "shape": "hv", "dash": dash},
            showlegend=False,
            hoverinfo="skip",
        )
        for one, other in pairwise(_rows(front)):
            lines += [
                (one.drawn_x, one.y, other.drawn_x, one.y),
                (other.drawn_x, one.y, other.drawn_x, other.y),
            ]
    return lines


def _add_rings(
    figure: go.Figure,
    models: pd.DataFrame,
    colors: Mapping[Key | None, str],
    symbol: str,
    size: int,
) -> None:
    """Add a ring or a halo around each model that ``colors`` names."""
    for row in _rows(models):
        if color := colors.get((row.run, row.role)):
            figure.add_scatter(
                x=[row.drawn_x],
                y=[row.drawn_y],
                mode="markers",
                marker={"symbol": symbol, "size": size, "color": color, "line": {"width": 2}},
                showlegend=False,
                hoverinfo="skip",
            )


def _shade(figure: go.Figure, marks: Marks, x_range: list[float], y_range: list[float]) -> None:
    """Shade the area beyond each axis's limit, and draw a line at the limit."""
    left, right = (10**end for end in x_range)
    everything = {"x0": left, "x1": right, "y0": y_range[0], "y1": y_range[1]}
    boxes = []
    if marks.most_x is not None and marks.most_x < right:
        edge = max(marks.most_x, left)
        boxes.append((everything | {"x0": edge}, everything | {"x0": edge, "x1": edge}))
    if marks.least_y is not None and marks.least_y > y_range[0]:
        edge = min(marks.least_y, y_range[1])
        boxes.append((everything | {"y1": edge}, everything | {"y0": edge, "y1": edge}))
    for box, line in boxes:
        figure.add_shape(type="rect", layer="below", line_width=0, fillcolor=_SHADE, **box)
        style = {"color": GREY, "width": 2, "dash": "dash"}
        figure.add_shape(type="line", layer="below", line=style, **line)


# --- points and labels ----------------------------------------------------------------------------


def _styles(models: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """By group, its colour and shape: the first run, the second run, each kind of reference."""
    runs = [name for name in models["group"].unique() if name not in _REFERENCE_STYLES]
    return dict(zip(runs, _RUN_STYLES, strict=False)) | _REFERENCE_STYLES


def _add_models(
    figure: go.Figure,
    name: str,
    group: pd.DataFrame,
    style: tuple[str, str],
    axes: tuple[Axis, Axis],
    size: int,
    legend: bool,
) -> None:
    """Add one group's points with their intervals: filled on the front, hollow off it."""
    (color, shape), (x, y) = style, axes
    shapes = [f"triangle-{edge}" if edge else shape for edge in group["edge"]]
    shown = group["edge"] == ""
    beyond = "<br>Beyond the limits" if group["excluded"].iloc[0] else ""
    figure.add_scatter(
        x=group["drawn_x"],
        y=group["drawn_y"],
        mode="markers",
        name=name,
        showlegend=legend,
        legendgroup=name,
        marker={
            "color": color,
            "symbol": [
                shape if front else f"{shape}-open"
                for shape, front in zip(shapes, group["front"], strict=True)
            ],
            "size": size,
            "line": {"width": 2, "color": color},
        },
        error_y={
            "array": (group["high"] - group["y"]).where(shown),
            "arrayminus": (group["y"] - group["low"]).where(shown),
            "color": color,
            "thickness": 1,
            "width": 3,
        },
        customdata=group[["role", "low", "high", "run", "y", "x", "name"]].assign(
            x=group["x"].map(round_sensibly), name=group["name"].map(html.escape)
        ),
        hovertemplate="<b>%{customdata[6]}</b> · %{customdata[0]} of %{customdata[3]}<br>"
        f"{y.term}: %{{customdata[4]:.1%}} "
        "(%{customdata[1]:.1%} – %{customdata[2]:.1%})<br>"
        f"{x.term}: %{{customdata[5]}} {x.unit}{beyond}<extra></extra>",
        # A click opens a model's details, so the other models need not fade.
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
    )


def _add_references(figure: go.Figure, kind: str, group: pd.DataFrame, x: Axis, size: int) -> None:
    color, shape = _FOREIGN_STYLES[kind]
    figure.add_scatter(
        x=group["drawn_x"],
        y=group["drawn_y"],
        mode="markers",
        name=kind,
        marker={
            "color": color,
            "symbol": [f"triangle-{edge}-open" if edge else shape for edge in group["edge"]],
            "size": size,
            "line": {"width": 2},
        },
        customdata=group[["role", "x", "y", "said"]],
        hovertemplate="<b>%{customdata[0]}</b> %{customdata[3]}<br>"
        f"%{{customdata[2]:.1%}}<br>%{{customdata[1]}} {x.unit}<extra></extra>",
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
    )


def _labels(
    models: pd.DataFrame, references: pd.DataFrame, marks: Marks, x: Axis, narrow: bool
) -> list[Label]:
    """Every point's label.

    Highlighted models and points on the front always keep theirs. Other labels may be left out if
    there is no room, and with two runs more of them are. If a single run has more than ``_MANY``
    models, only the ends of its front always keep theirs, and models off the front have none.
    """
    single = models["run"].nunique() == 1
    crowded = single and len(models) > _MANY
    front = models[models["front"]]
    ends = {*front.nsmallest(1, "drawn_x")["role"], *front.nlargest(1, "drawn_x")["role"]}
    wanted = []
    for row in _rows(models):
        key, name = (row.run, row.role), html.escape(row.name)
        needed = row.role in ends if crowded else row.front
        needed = needed or (single and (row.role == "teacher" or (row.edge and not narrow)))
        set_off = key in (marks.picked, marks.opened)
        if crowded and not (needed or set_off or row.front):
            continue
        text = f"{name} {row.y:.1%}" if row.edge else name
        rank = -1 if set_off else 0 if needed else 1 if single and not crowded else 2
        text = f"<b>{text}</b>" if set_off else text
        wanted.append(Label(text, row.drawn_x, row.drawn_y, rank))
    for row in _rows(references):
        figure_of = f"{row.x:g} {x.unit}" if row.edge == "left" else f"{row.y:.1%}"
        text = f"<i>{row.role} {figure_of}</i>" if row.edge else f"<i>{row.role}</i>"
        wanted.append(Label(text, row.drawn_x, row.drawn_y, 0 if row.edge else 2))
    return wanted


def _add_labels(figure: go.Figure, placed: list[labels.Placed], font: int) -> None:
    """Add the labels, with a thin line to the point if a label is not next to it."""
    # All at once, because plotly checks all annotations again each time one is added.
    figure.update_layout(
        annotations=[
            {
                "text": label.text,
                "x": math.log10(label.x),
                "y": label.y,
                # A highlighted model's label stands beside its ring or halo, not on it.
                "ax": (16 if label.text.startswith("<b>") else 10) * side,
                "ay": shift,
                "xanchor": "left" if side > 0 else "right",
                "arrowhead": 0,
                "arrowwidth": 1,
                "arrowcolor": GREY if shift else CLEAR,
                "standoff": 6,
                "borderpad": 0,
                "font": {"size": font, "color": INK},
            }
            for label, side, shift in placed
        ]
    )


def _rows(frame: pd.DataFrame) -> list:
    return list(frame.itertuples(index=False))
