"""Pure functions: a frame in, a plotly figure out; one kind of figure a file."""

from pipeline.charts.common import INK
from pipeline.charts.confusion import confusion
from pipeline.charts.frontier import frontier, reported_frame

__all__ = ["INK", "confusion", "frontier", "reported_frame"]
