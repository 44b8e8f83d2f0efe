"""Pure functions: a frame in, a plotly figure out; one kind of figure a file."""

from pipeline.charts.calibration import reliability
from pipeline.charts.common import INK
from pipeline.charts.confusion import Cell, confusion, confusion_change, signed
from pipeline.charts.frontier import frontier, reported_frame

__all__ = [
    "INK",
    "Cell",
    "confusion",
    "confusion_change",
    "frontier",
    "reliability",
    "reported_frame",
    "signed",
]
