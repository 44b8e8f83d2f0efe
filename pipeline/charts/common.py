"""What all figures have in common.

Backgrounds are transparent and the colour of text is an argument, so that a figure is legible on
light and on dark. Other colours are Okabe & Ito's (2008), which the colour-blind tell apart, and
nothing is told by colour alone: every group has a shape of its own.
"""

import plotly.graph_objects as go

BLUE, VERMILLION, GREY = "#0072B2", "#D55E00", "#8A8A8A"
GREEN, PURPLE = "#009E73", "#AA4499"
INK = {"light": "#1f2328", "dark": "#e8ebee"}
CLEAR = "rgba(0,0,0,0)"


def dress(figure: go.Figure, ink: str, **layout) -> go.Figure:
    """Give a figure what all have: transparent background, ink, a legend above."""
    figure.update_xaxes(tickfont={"color": ink}, title_font={"color": ink}, zeroline=False)
    figure.update_yaxes(tickfont={"color": ink}, title_font={"color": ink}, zeroline=False)
    legend = {"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom", "font": {"color": ink}}
    return figure.update_layout(
        legend=legend,
        hovermode="closest",
        dragmode=False,
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        **layout,
    )
