"""The reliability diagram."""

import math

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from views.charts.common import BLUE, GREY, INK, dress


def figure(bins: pd.DataFrame, nouns: str = "texts") -> go.Figure:
    """How often a model is right, by its confidence; below that, the number of rows per bar.

    Args:
        bins: as ``calibration.reliability`` returns them.
        nouns: what the rows are called.
    """
    full = bins[bins["count"] > 0]
    middle, width = (full["start"] + full["end"]) / 2, full["end"] - full["start"]
    figure = make_subplots(2, 1, shared_xaxes=True, row_heights=[0.65, 0.35], vertical_spacing=0.05)
    figure.add_bar(
        x=middle,
        y=full["accuracy"],
        width=0.9 * width,
        name="Correct, with 95 % interval",
        marker={"color": BLUE},
        error_y={
            "array": full["high"] - full["accuracy"],
            "arrayminus": full["accuracy"] - full["low"],
            "color": INK,
            "thickness": 1,
            "width": 3,
        },
        customdata=full[["start", "end", "confidence", "low", "high", "count"]],
        hovertemplate="Confidence %{customdata[0]:.0%} – %{customdata[1]:.0%}, "
        "on average %{customdata[2]:.1%}<br>Correct: %{y:.1%} "
        "(%{customdata[3]:.1%} – %{customdata[4]:.1%})<br>"
        f"%{{customdata[5]:,}} {nouns}<extra></extra>",
        row=1,
        col=1,
    )
    first = bins["start"].min()
    figure.add_scatter(
        x=[first, 1],
        y=[first, 1],
        mode="lines",
        name="Perfectly calibrated",
        line={"color": INK, "width": 1.5, "dash": "dash"},
        hoverinfo="skip",
        row=1,
        col=1,
    )
    # Most rows are in the last bin: on a log scale the others can be seen too.
    figure.add_bar(
        x=middle,
        y=full["count"],
        width=0.9 * width,
        marker={"color": GREY},
        customdata=full[["start", "end"]],
        hovertemplate="Confidence %{customdata[0]:.0%} – %{customdata[1]:.0%}<br>"
        f"%{{y:,}} {nouns}<extra></extra>",
        showlegend=False,
        row=2,
        col=1,
    )
    figure.update_xaxes(range=[first - 0.01, 1.01], tickformat=".0%", showgrid=False)
    figure.update_xaxes(tickvals=[0, 0.2, 0.4, 0.6, 0.8, 1])
    figure.update_xaxes(title="Confidence", row=2, col=1)
    figure.update_yaxes(
        title="Correct", range=[0, 1.02], tickformat=".0%", dtick=0.25, row=1, col=1
    )
    figure.update_yaxes(
        title="Rows, log scale",
        type="log",
        # The axis starts below 1, so that a bar of one row is visible. It reaches at least 10.
        range=[-0.3, max(math.log10(full["count"].max()), 1) + 0.15],
        tickvals=[1, 10, 100, 1_000, 10_000, 100_000],
        tickformat=",",
        row=2,
        col=1,
    )
    figure.update_yaxes(automargin=False, title_standoff=14)
    return dress(figure, height=440, margin={"l": 62, "r": 18, "t": 44, "b": 48})
