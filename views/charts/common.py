"""Colours and layout that all figures share.

Backgrounds are transparent and text has the colour of the page's theme, so that figures are legible
on light and on dark pages. Blue, vermillion and green are Okabe & Ito's (2008), which colour-blind
people can tell apart. No information is in colour alone: every group also has its own shape.
"""

from typing import Any

import plotly.graph_objects as go

BLUE, VERMILLION, GREY = "#0072B2", "#D55E00", "#8A8A8A"
GREEN, PURPLE, OCHRE = "#009E73", "#AA4499", "#8A6D00"
INK = "#000037"
"""Colour of text. In the browser, Streamlit replaces it when it first draws a chart: by the darkest
grey of a light theme, or by the lightest grey of a dark theme. Elsewhere it looks black."""
CLEAR = "rgba(0,0,0,0)"


def dress(figure: go.Figure, **layout: Any) -> go.Figure:
    """Apply the common layout: transparent background, colour of text, a legend above the chart."""
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
