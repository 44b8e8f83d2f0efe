"""Four tiles: the recommended model, and its size, time and accuracy against the teacher's."""

from dataclasses import dataclass

import streamlit as st

from pipeline.analysis import metrics
from pipeline.analysis.budget import round_sensibly, row_of
from pipeline.analysis.takeaway import Takeaway, times, worst_points
from pipeline.results import conditions
from pipeline.results.storage import Run
from views.charts.confusion import signed
from views.parts import names, window
from views.parts.common import View, plain


def timed_alike(run: Run, *roles: str) -> bool:
    """Whether the models were timed under the same conditions.

    The date may differ, and the number of texts: a slow model is timed on fewer of them.
    """
    places = [conditions.as_taken(run.by_role[role].measured_on.latency) for role in roles]
    for place in places:
        place.pop("taken", None)
        place.pop("texts", None)
    return all(place == places[0] for place in places)


@dataclass(frozen=True)
class Tile:
    """A figure, its label, and a note on how it compares; all three are markdown."""

    label: str
    value: str
    change: str = ""
    good: bool = False
    """Whether the change is a gain."""
    help: str | None = None


def show_tiles(view: View, told: Takeaway) -> None:
    """Show four tiles in a row; on a phone, two rows of two."""
    one, other = st.columns([1.25, 1])
    # The first tile is wider, for the model's name.
    columns = [*one.columns([1.45, 1], wrap=False), *other.columns([1, 1.15], wrap=False)]
    for column, tile in zip(columns, tiles(view, told), strict=True):
        with column:
            show_tile(tile)


def show_tile(tile: Tile) -> None:
    """Show a tile. Unlike ``st.metric``, it appears at once: that waits for a chart library."""
    with st.container(border=True, height="stretch", gap=None):
        st.caption(tile.label, help=tile.help)
        st.subheader(tile.value, anchor=False)
        if tile.change:
            st.markdown(f":{'green' if tile.good else 'gray'}-badge[{tile.change}]")


def tiles(view: View, told: Takeaway) -> list[Tile]:
    """Return the tiles of the model, its size, its time and its accuracy.

    Args:
        view: the run.
        told: the takeaway of the recommendation.
    """
    called = names.names(view.run)
    row = row_of(view.table, told.role)
    digits = metrics.supported_decimals(row["low"], row["high"])
    smaller = _ratio(told.smaller, "smaller", "larger")
    if timed_alike(view.run, told.role, told.origin):
        faster = _ratio(told.faster, "faster", "slower")
    else:
        faster = "the teacher was timed elsewhere", False
    accuracy = _difference(told)
    if told.is_origin:
        smaller, faster, accuracy = ("", False), ("", False), ""
    return [
        Tile(
            "Recommended model" if told.fits else "Nearest model",
            plain(called[told.role]),
            plain(told.role),
            help=view.meaning("Recommended model"),
        ),
        Tile("Size", f"{round_sensibly(told.size_mb)} MB", *smaller, help=view.meaning("Size")),
        Tile(
            "Time per text",
            f"{round_sensibly(told.ms)} ms",
            *faster,
            help=view.meaning("Latency p50"),
        ),
        Tile(
            "Accuracy",
            f"{100 * told.accuracy:.{digits}f} %",
            accuracy,
            help=f"Against {plain(called[told.origin])}. {view.meaning('Simultaneous bounds')}",
        ),
    ]


def _ratio(ratio: float, more: str, less: str) -> tuple[str, bool]:
    """A ratio in a few words, such as "3× smaller", and whether it is a gain."""
    said = times(ratio, more, less)
    return said.replace(" times ", "× "), said.endswith(more) and not said.startswith("no ")


def _difference(told: Takeaway) -> str:
    """The difference from the teacher and its lower bound: "−0.3 points (at worst −0.9)"."""
    points = signed(100 * told.difference.difference, 1)
    worst = signed(worst_points(told.difference), 1)
    unit = "point" if points in ("+1.0", "−1.0") else "points"
    if window.is_narrow():
        return f"{points} ({'at worst' if told.difference.low < 0 else 'at least'} {worst})"
    return f"{points} {unit} ({'at worst' if told.difference.low < 0 else 'at least'} {worst})"
