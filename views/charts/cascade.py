"""Accuracy over mean time of a cascade, as the threshold of its first member moves."""

import pandas as pd
import plotly.graph_objects as go

from views.charts.common import BLUE, INK, dress


def figure(curve: pd.DataFrame, chosen: float) -> go.Figure:
    """The curve, with a mark at its point nearest to the threshold chosen on validation rows.

    Args:
        curve: as ``analysis.cascades.curve`` returns it.
        chosen: the threshold of the cascade.
    """
    figure = go.Figure()
    hover = (
        "Threshold %{customdata[0]:.3f}<br>Answered by the first model: %{customdata[1]:.0%}<br>"
        "Accuracy: %{y:.2%}<br>Mean time: %{x:.2f} ms<extra></extra>"
    )
    line = {"mode": "lines", "name": "Other thresholds", "line": {"color": INK, "width": 1.5}}
    mark = {
        "mode": "markers",
        "name": "Chosen on validation",
        "marker": {"color": BLUE, "size": 13},
    }
    nearest = curve.loc[[(curve["threshold"] - chosen).abs().idxmin()]]
    for points, style in ((curve, line), (nearest, mark)):
        figure.add_scatter(
            x=points["mean_ms"],
            y=points["accuracy"],
            customdata=points[["threshold", "share"]],
            hovertemplate=hover,
            **style,
        )
    figure.update_xaxes(title="Mean time, ms a text")
    figure.update_yaxes(title="Accuracy on test", tickformat=".1%")
    return dress(figure, height=280, margin={"l": 64, "r": 8, "t": 4, "b": 48})
