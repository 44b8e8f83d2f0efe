"""What all figures have in common.

Backgrounds are transparent and text has the colour of the page's theme, so that a figure is legible
on light and on dark. Other colours are Okabe & Ito's (2008), which the colour-blind tell apart, and
nothing is told by colour alone: every group has a shape of its own.
"""

from typing import Any

import plotly.graph_objects as go

BLUE, VERMILLION, GREY = "#0072B2", "#D55E00", "#8A8A8A"
GREEN, PURPLE, OCHRE = "#009E73", "#AA4499", "#8A6D00"
INK = "#000037"
"""Colour of text. As a chart is first drawn, Streamlit puts its theme's darkest grey (on dark, its
lightest) in the place of this one, in the browser. Elsewhere it is as good as black."""
CLEAR = "rgba(0,0,0,0)"


def dress(figure: go.Figure, **layout: Any) -> go.Figure:
    """Give a figure what all have: transparent background, ink, a legend above."""
    figure.update_xaxes(tickfont={"color": INK}, title_font={"color": INK}, zeroline=False)
    figure.update_yaxes(tickfont={"color": INK}, title_font={"color": INK}, zeroline=False)
    legend = {"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom", "font": {"color": INK}}
    return figure.update_layout(
        legend=legend,
        hovermode="closest",
        dragmode=False,
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        **layout,
    )
