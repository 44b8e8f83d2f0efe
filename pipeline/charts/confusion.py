"""The confusion matrix."""

import pandas as pd
import plotly.graph_objects as go

from pipeline.charts.common import BLUE, INK, dress


def confusion(cells: pd.DataFrame, shares: bool = False, ink: str = INK["light"]) -> go.Figure:
    """A confusion matrix: true classes down, predicted ones across, shaded by share of the row.

    Args:
        cells: as ``analysis.confusion`` returns them.
        shares: write the share of the true class in each cell instead of the count.
        ink: colour of text outside the cells; within, plotly picks what the shade asks for.
    """
    names = list(dict.fromkeys(cells["true"]))
    square = (len(names), len(names))
    written = cells["share"].map("{:.1%}".format) if shares else cells["count"].map("{:,}".format)
    figure = go.Figure()
    figure.add_heatmap(
        x=names,
        y=names,
        z=cells["share"].to_numpy().reshape(square),
        zmin=0,
        zmax=1,
        text=written.to_numpy().reshape(square),
        texttemplate="%{text}",
        textfont={"size": 13},
        colorscale=[[0, "#F2F6FA"], [0.1, "#C9DDEE"], [1, BLUE]],
        showscale=False,
        xgap=2,
        ygap=2,
        hoverinfo="skip",
    )
    # A heatmap's cells can't be selected in Streamlit (streamlit#8760); unseen squares on top can.
    figure.add_scatter(
        x=cells["predicted"],
        y=cells["true"],
        mode="markers",
        marker={"symbol": "square", "size": 40, "opacity": 0},
        customdata=cells[["count", "share"]],
        hovertemplate="truly %{y}, called %{x}<br>%{customdata[0]:,} headlines, "
        "%{customdata[1]:.1%} of %{y}<extra></extra>",
        showlegend=False,
    )
    last = len(names) - 0.5
    figure.update_xaxes(title="Predicted", range=[-0.5, last], autotickangles=[0, -30])
    figure.update_yaxes(title="True", range=[last, -0.5])
    for update in (figure.update_xaxes, figure.update_yaxes):
        update(showgrid=False, ticks="", ticklabelstandoff=4, automargin=False)
    return dress(figure, ink, height=320, margin={"l": 78, "r": 2, "t": 4, "b": 64})
