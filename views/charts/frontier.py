"""The frontier: any figure of quality against any cost."""

import math
from collections.abc import Iterable, Mapping
from itertools import pairwise

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pipeline.recipes.reported import Published, Reported
from views.charts import labels
from views.charts.axes import REFERENCES, X_AXES, Y_AXES, Axis
from views.charts.common import BLUE, CLEAR, GREEN, GREY, INK, OCHRE, PURPLE, VERMILLION, dress
from views.charts.labels import Label

_HEIGHT, _MARGIN = 460, {"l": 62, "r": 12, "t": 40, "b": 52}
_LEGEND_ROW = 20
_CHEAP = 100
"""A reference that is so many times cheaper than every model is put at the edge."""
_SQUASHED = 0.25
"""Bad points are put at the edge if all others would else share less than this of the height."""

# Run by run, then kinds of reference: each has a shape of its own beside its colour.
_RUN_STYLES = ((BLUE, "circle"), (VERMILLION, "square"))
_REFERENCE_STYLES = dict(
    zip(REFERENCES.values(), ((GREEN, "triangle-up"), (OCHRE, "hexagon")), strict=True)
)
_FOREIGN_STYLES = {"Notebook": (GREY, "diamond-open"), "Published": (PURPLE, "star-open")}


def references_frame(
    reported: Mapping[str, Reported], published: Iterable[Published] = ()
) -> pd.DataFrame:
    """What others say of accuracy and size, as ``frontier`` takes it; empty for nothing.

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
    chosen: tuple[str, str] | None = None,
    height: int = _HEIGHT,
    font: int = labels.FONT,
    narrow: bool = False,
) -> go.Figure:
    """Quality against cost, with intervals, each run's Pareto front and what others say.

    What lies so far off that it would squash everything else is drawn as an arrow at the edge, with
    its figure in its label: a reference ``_CHEAP`` times cheaper than every model, and points so
    bad that all others would share less than ``_SQUASHED`` of the height.

    Args:
        models: as ``axes.points`` has them, of one run or of two; at least one row. ``y``, ``low``
            and ``high`` are shares in 0..1.
        references: as ``references_frame`` has them, or none; drawn hollow.
        x: the cost; its axis is logarithmic.
        y: the figure.
        chosen: run and role of the model that is ringed.
        height: of the figure in pixels.
        font: size of text in pixels.
        narrow: whether the figure is for a narrow window, which has room for fewer names.
    """
    references = references_frame({}) if references is None else references
    models, references, x_range, y_range = _on_scale(models, references, x, y)

    figure = go.Figure()
    styles = _styles(models)
    lines = [(r.x, r.low, r.x, r.high) for r in _rows(models) if not r.edge]
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
    groups = dict(list(models.groupby("group", sort=False)))
    for name in sorted(groups, key=lambda name: name in _REFERENCE_STYLES):  # runs come first
        # The legend shows the mark of the first one.
        group = groups[name].sort_values(["edge", "front"], ascending=[True, False])
        _add_models(figure, name, group, styles[name], x, y, font - 1)
    for kind, group in references.groupby("kind", sort=False):
        _add_references(figure, kind, group.sort_values("edge"), x, font - 1)
    for row in _rows(models):
        if (row.run, row.role) == chosen:
            figure.add_scatter(
                x=[row.x],
                y=[row.drawn_y],
                mode="markers",
                marker={"symbol": "circle-open", "size": 22, "color": INK, "line": {"width": 2}},
                showlegend=False,
                hoverinfo="skip",
            )
    wanted = _labels(models, references, chosen, x)
    heights = _inner_heights(height, [trace.name for trace in figure.data if trace.name], narrow)
    placed = labels.place(wanted, lines, x_range, y_range, heights, font, narrow)
    _add_labels(figure, placed, font)
    figure.update_xaxes(
        title=f"{x.title}, log scale",
        type="log",
        range=x_range,
        tickvals=_ticks(*x_range, font),
        tickformat=",~r",
        showgrid=True,
    )
    figure.update_yaxes(title=y.title, tickformat=".1%", range=y_range, nticks=10)
    dress(figure, height=height, margin=_MARGIN)
    if font != labels.FONT:
        for update in (figure.update_xaxes, figure.update_yaxes):
            update(tickfont_size=font, title_font_size=font, automargin=True)
        figure.update_layout(legend_font_size=font)
    return figure


# --- the scales -----------------------------------------------------------------------------------


def _on_scale(
    models: pd.DataFrame, references: pd.DataFrame, x: Axis, y: Axis
) -> tuple[pd.DataFrame, pd.DataFrame, list[float], list[float]]:
    """Models and references with where they are drawn, and the ends of the axes.

    Both get ``drawn_x``, ``drawn_y`` and ``edge``: "", or the side at which an arrow stands for a
    point that is further off ("down", "up" or "left").
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
    references["drawn_x"] = references["x"].where(~cheap, 1.15 * 10 ** x_range[0])
    references["edge"] = references["edge"].where(~cheap, "left")
    return models, references, x_range, y_range


def _squashing(low: np.ndarray, high: np.ndarray, lower_is_better: bool) -> np.ndarray:
    """Which points are so bad that they would squash all others: fewer than half of them, if any.

    Args:
        low: lower ends of the points' intervals, shape (n,).
        high: upper ends.
        lower_is_better: which side is the bad one.
    """
    if lower_is_better:
        low, high = -high, -low
    order, all_of_it = np.argsort(low), _SQUASHED * (high.max() - low.min())
    far = np.zeros(len(low), bool)
    for count in range(1, (len(low) + 1) // 2):
        rest = order[count:]
        if high[rest].max() - low[rest].min() < all_of_it:
            far[order[:count]] = True
            break
    return far


def _ticks(low: float, high: float, font: int = labels.FONT) -> list[float]:
    """1, 2, 5, 10, … within a log axis; plotly's own are too few or run together."""
    decades = range(math.floor(low), math.ceil(high) + 1)
    for digits in ((1, 2, 5), (1, 3), (1,)):  # the most that there is room for on a phone
        ticks = [digit * 10.0**decade for decade in decades for digit in digits]
        ticks = [tick for tick in ticks if low <= math.log10(tick) <= high]
        letters = sum(len(f"{tick:,g}") + 1.5 for tick in ticks)
        if letters * 0.55 * font <= min(labels.WIDTHS[True]):
            break
    return ticks


def _inner_heights(height: int, names: list[str], narrow: bool) -> np.ndarray:
    """Of the plotting area at each width: the legend above it takes a row more or less."""
    widths = np.array(labels.WIDTHS[narrow])
    columns = np.maximum(1, widths // (40 + 6.5 * max(map(len, names))))
    legend = 10 + _LEGEND_ROW * np.ceil(len(names) / columns)
    return height - np.maximum(_MARGIN["t"], legend) - _MARGIN["b"]


# --- points and labels ----------------------------------------------------------------------------


def _styles(models: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Colour and shape of every group: the first run's, the second's, each kind of reference's."""
    runs = [name for name in models["group"].unique() if name not in _REFERENCE_STYLES]
    return dict(zip(runs, _RUN_STYLES, strict=False)) | _REFERENCE_STYLES


def _add_models(
    figure: go.Figure,
    name: str,
    group: pd.DataFrame,
    style: tuple[str, str],
    x: Axis,
    y: Axis,
    size: int,
) -> None:
    """One group's points with their intervals: filled on the front, hollow off it."""
    color, shape = style
    shapes = [f"triangle-{edge}" if edge else shape for edge in group["edge"]]
    shown = group["edge"] == ""
    figure.add_scatter(
        x=group["drawn_x"],
        y=group["drawn_y"],
        mode="markers",
        name=name,
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
        customdata=group[["role", "low", "high", "run", "y"]],
        hovertemplate="<b>%{customdata[0]}</b> of %{customdata[3]}<br>"
        f"{y.term}: %{{customdata[4]:.1%}} "
        "(%{customdata[1]:.1%} – %{customdata[2]:.1%})<br>"
        f"{x.term}: %{{x:,.3~r}} {x.unit}<extra></extra>",
        # A click marks a model with the ring of ``chosen``; fading the others says nothing more.
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
    models: pd.DataFrame, references: pd.DataFrame, chosen: tuple[str, str] | None, x: Axis
) -> list[Label]:
    """Every point's name; off the front, of two runs above all, only where there is room."""
    single = models["run"].nunique() == 1
    wanted = []
    for row in _rows(models):
        needed = row.front or row.edge or row.role == "teacher" or (row.run, row.role) == chosen
        text = f"{row.role} {row.y:.1%}" if row.edge else row.role
        wanted.append(Label(text, row.drawn_x, row.drawn_y, 0 if needed else 1 if single else 2))
    for row in _rows(references):
        figure_of = f"{row.x:g} {x.unit}" if row.edge == "left" else f"{row.y:.1%}"
        text = f"<i>{row.role} {figure_of}</i>" if row.edge else f"<i>{row.role}</i>"
        wanted.append(Label(text, row.drawn_x, row.drawn_y, 0 if row.edge else 2))
    return wanted


def _add_labels(figure: go.Figure, placed: list[labels.Placed], font: int) -> None:
    """The names that have a place, with a thin line to the point where one is not next to it."""
    # All at once: plotly goes over all annotations again each time that one is added.
    figure.update_layout(
        annotations=[
            {
                "text": label.text,
                "x": math.log10(label.x),
                "y": label.y,
                "ax": 10 * side,
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
