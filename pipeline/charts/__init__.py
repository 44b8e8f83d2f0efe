"""Pure functions: a frame in, a plotly figure out; one kind of figure a file."""

from pipeline.charts.calibration import reliability
from pipeline.charts.confusion import Cell, confusion, confusion_change, signed
from pipeline.charts.frontier import frontier, references_frame

__all__ = [
    "Cell",
    "confusion",
    "confusion_change",
    "frontier",
    "references_frame",
    "reliability",
    "signed",
]
