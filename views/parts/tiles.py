"""Four tiles: which model, how small, how fast, how accurate, each against the teacher."""

from typing import Any

import streamlit as st

from pipeline.analysis import metrics
from pipeline.analysis.budget import round_sensibly
from pipeline.analysis.takeaway import Takeaway, times, worst_points
from pipeline.results.storage import Run
from views.charts.confusion import signed
from views.glossary import meaning
from views.parts import names
from views.parts.common import View, plain


def timed_alike(run: Run, *roles: str) -> bool:
    """Whether the times of these models were taken on one machine, with one number of threads."""
    places = [dict(run.by_role[role].measured_on["latency"]) for role in roles]
    for place in places:
        place.pop("taken", None)
    return all(place == places[0] for place in places)


def show_tiles(view: View, told: Takeaway) -> None:
    """A row of four tiles of one height."""
    for column, tile in zip(st.columns([1.3, 1, 1, 1.15]), tiles(view, told), strict=True):
        column.metric(**tile, border=True, height="stretch", delta_arrow="off")


def tiles(view: View, told: Takeaway) -> list[dict[str, Any]]:
    """The tiles, each as the arguments of ``st.metric``; the names in them are escaped.

    Args:
        view: of the run.
        told: what the recommendation comes to.
    """
    origin = plain(names.names(view.run)[told.origin])
    row = view.table.set_index("role").loc[told.role]
    digits = metrics.supported_decimals(row["low"], row["high"])
    found = [
        {
            "label": "Recommended model" if told.fits else "Nearest model",
            "value": plain(names.names(view.run)[told.role]),
            "delta": plain(told.role),
            "delta_color": "off",
            "help": meaning("Recommended model"),
        },
        {
            "label": "Size",
            "value": f"{round_sensibly(told.size_mb)} MB",
            "help": meaning("Size"),
            **_ratio(told.smaller, ("smaller", "larger")),
        },
        {
            "label": "Time per text",
            "value": f"{round_sensibly(told.ms)} ms",
            "help": meaning("Latency p50"),
            **_ratio(told.faster, ("faster", "slower")),
        },
        {
            "label": "Accuracy",
            "value": f"{100 * told.accuracy:.{digits}f} %",
            "delta": _difference(told),
            "delta_color": "off",
            "help": f"Against {origin}. {meaning('Simultaneous bounds')}",
        },
    ]
    if told.is_origin:
        for tile in found[1:]:
            tile |= {"delta": None}
    elif not timed_alike(view.run, told.role, told.origin):
        found[2] |= {"delta": "timed on another machine than the teacher", "delta_color": "off"}
    return found


def _ratio(ratio: float, words: tuple[str, str]) -> dict[str, Any]:
    said = times(ratio, *words)
    good = ratio >= 1 and not said.startswith("no ")
    return {"delta": said.replace(" times ", "× "), "delta_color": "green" if good else "off"}


def _difference(told: Takeaway) -> str:
    """The difference from the teacher and its lower bound: −0.3 points (at worst −0.9)."""
    points = signed(100 * told.difference.difference, 1)
    worst = signed(worst_points(told.difference), 1)
    unit = "point" if points in ("+1.0", "−1.0") else "points"
    return f"{points} {unit} ({'at worst' if told.difference.low < 0 else 'at least'} {worst})"
