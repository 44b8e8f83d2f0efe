"""Figures that others reported, to stand beside ours."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reported:
    """What the source notebook reported, on the 7,600 test rows."""

    accuracy: float
    size_mb: float
    note: str = ""
    """What is wrong with the figure, if anything."""


@dataclass(frozen=True)
class Published:
    """A figure from the literature, to stand beside ours: it has no predictions to test with."""

    title: str
    accuracy: float
    """On the 7,600 test rows, trained on all 120,000."""
    size_mb: float
    source: str
