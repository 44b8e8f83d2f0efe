"""The confusion matrix of one model, or its change against another model's.

All shades are light and all numbers on them dark, so that cells are legible in both themes.
"""

import pandas as pd
import plotly.graph_objects as go

from views.charts.common import VERMILLION, dress
from views.charts.palette import BETTER_FILL, MANY_CLASSES, ON_COLOR, WORSE_FILL

SHADES = [[0, "#F2F6FA"], [0.1, "#C9DDEE"], [1, "#6BAED6"]]
# Worse is orange and better is blue, which can be told apart with any kind of colour vision. The
# numbers' signs say the same without colour: more is better on the diagonal and worse elsewhere.
CHANGE_SHADES = [[0, WORSE_FILL], [0.5, "#F7F7F7"], [1, BETTER_FILL]]

_ACTUAL, _PREDICTED = "%{customdata[2]}", "%{customdata[3]}"
_WHOLE = {
    "share": f"those that are {_ACTUAL}",
    "column_share": f"those predicted as {_PREDICTED}",
}
"""By kind of share, what it is a share of, in the words of the hover."""
_LONGEST, _MOST = 14, 20
"""Maximum letters of a class's name beside the matrix, and maximum number of names there."""
_HEIGHT, _HIGH = 320, 480
"""Heights in pixels, with few and with many classes."""

Cell = tuple[str, str]
"""Actual class, predicted class."""


def figure(
    cells: pd.DataFrame,
    shares: bool = False,
    by: str = "share",
    chosen: Cell | None = None,
    nouns: str = "texts",
) -> go.Figure:
    """A confusion matrix: actual classes down, predicted ones across.

    Args:
        cells: as ``disagreement.confusion_cells`` returns them; those of ``metrics.confusion``
            lack ``column_share``.
        shares: write shares in the cells instead of counts.
        by: which share sets the shades, and is written if ``shares``: ``share`` of the actual
            class, or ``column_share`` of the predicted one.
        chosen: the cell to frame, if any.
        nouns: what is counted.
    """
    written = cells[by].map("{:.1%}".format) if shares else cells["count"].map("{:,}".format)
    hover = f"%{{customdata[0]:,}} {nouns}, %{{customdata[1]:.1%}} of {_WHOLE[by]}"
    heat = {"z": cells[by], "zmin": 0, "zmax": 1, "colorscale": SHADES}
    return _matrix(cells, heat, written, cells[["count", by]], hover, chosen)


def change_figure(
    change: pd.DataFrame,
    shares: bool = False,
    by: str = "share",
    chosen: Cell | None = None,
    limit: float = 0.0,
    nouns: str = "texts",
) -> go.Figure:
    """The change of a matrix against another model's: signed, and coloured by better and worse.

    Args:
        change: as ``disagreement.confusion_change`` returns it.
        shares: write changes of shares, in percentage points, instead of counts.
        by: which share, ``share`` or ``column_share``.
        chosen: the cell to frame, if any.
        limit: the change, of either sign, that has the full shade. A larger change in this chart
            raises it. Give charts side by side the same limit to make their shades comparable.
        nouns: what is counted.
    """
    values = change[by if shares else "count"]
    limit = max(limit, values.abs().max()) or 1
    written = values.map(lambda value: signed(100 * value, 1) if shares else signed(value))
    hover = f"%{{customdata[0]:+,}} {nouns}, %{{customdata[1]:+.1%}} of {_WHOLE[by]}"
    better = values * better_if_more(change)
    heat = {"z": better, "zmin": -limit, "zmax": limit, "colorscale": CHANGE_SHADES}
    return _matrix(change, heat, written, change[["count", by]], hover, chosen)


def frame_class(figure: go.Figure, names: list[str], sought: str) -> go.Figure:
    """Frame the row and the column of a class in a matrix of these classes."""
    place, last = names.index(sought), len(names) - 0.5
    line = {"color": VERMILLION, "width": 1.5}
    for x0, x1, y0, y1 in (
        (-0.5, last, place - 0.5, place + 0.5),
        (place - 0.5, place + 0.5, -0.5, last),
    ):
        figure.add_shape(type="rect", x0=x0, x1=x1, y0=y0, y1=y1, line=line)
    return figure


def better_if_more(cells: pd.DataFrame) -> pd.Series:
    """1 on the diagonal, where more rows are better; −1 elsewhere."""
    return (cells["true"] == cells["predicted"]).map({True: 1, False: -1})


def signed(value: float, decimals: int = 0) -> str:
    """A number with its sign, + or −; 0 has none."""
    text = f"{value:+,.{decimals}f}"
    return "0" if text.strip("+-0.") == "" else text.replace("-", "−")


def _matrix(
    cells: pd.DataFrame,
    heat: dict,
    written: pd.Series,
    told: pd.DataFrame,
    hover: str,
    chosen: Cell | None,
) -> go.Figure:
    """The matrix; the template ``hover`` shows the columns of ``told`` for each cell."""
    names = list(dict.fromkeys(cells["true"]))
    square, is_many = (len(names), len(names)), len(names) >= MANY_CLASSES
    figure = go.Figure()
    figure.add_heatmap(
        x=names,
        y=names,
        **heat | {"z": heat["z"].to_numpy().reshape(square)},
        text=written.to_numpy().reshape(square),
        texttemplate=None if is_many else "%{text}",
        textfont={"size": 13, "color": ON_COLOR},
        showscale=False,
        xgap=0 if is_many else 2,
        ygap=0 if is_many else 2,
        hoverinfo="skip",
    )
    # A heatmap's cells can't be selected in Streamlit (streamlit#8760), but invisible squares on
    # top of them can. The squares fill their cells. Where cells are narrower and squares overlap, a
    # click selects the nearest one. If there are many cells, only non-empty ones get a square:
    # browsers are slow with thousands.
    if is_many:
        there = cells["count"] != 0
        cells, told = cells[there], told[there]
    figure.add_scatter(
        x=cells["predicted"],
        y=cells["true"],
        mode="markers",
        marker={"symbol": "square", "size": 10 if is_many else 60, "opacity": 0},
        # Otherwise plotly dims the squares that are not selected, and selected ones become visible.
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        customdata=told.assign(
            true=cells["true"].map(_as_text), predicted=cells["predicted"].map(_as_text)
        ),
        hovertemplate=f"actual {_ACTUAL}, predicted {_PREDICTED}<br>{hover}<extra></extra>",
        showlegend=False,
    )
    if chosen and set(chosen) <= set(names):
        down, across = (names.index(name) for name in chosen)
        figure.add_shape(
            type="rect",
            x0=across - 0.47,
            x1=across + 0.47,
            y0=down - 0.47,
            y1=down + 0.47,
            line={"color": VERMILLION, "width": 4},
        )
    last = len(names) - 0.5
    figure.update_xaxes(title="Predicted", range=[-0.5, last], autotickangles=[0, -30, -90])
    figure.update_yaxes(title="Actual", range=[last, -0.5])
    # With many classes, only every n-th is named. Axes are of type "category", because plotly would
    # read names that look like numbers as numbers.
    named = names[:: -(-len(names) // _MOST)]
    short = [_as_text(shortened(name)) for name in named]
    for update in (figure.update_xaxes, figure.update_yaxes):
        update(showgrid=False, ticks="", ticklabelstandoff=4, automargin=False)
        update(type="category", tickvals=named, ticktext=short)
        update(tickfont={"size": 11})  # three charts side by side leave a class 50 pixels
    # The margins have room for eight letters, AG News's longest names. Longer names need more.
    more = 6 * max(0, max(map(len, map(shortened, named))) - 8)
    # On a phone, the names of many classes are vertical and need room above the axis's title.
    height, below = (_HIGH, 92) if is_many else (_HEIGHT, 64)
    return dress(figure, height=height, margin={"l": 74 + more, "r": 2, "t": 4, "b": below + more})


def shortened(name: str) -> str:
    """A class's name, cut to the room beside the matrix."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _as_text(name: str) -> str:
    """A name escaped for plotly, which would read some tags in it as markup."""
    return name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
