"""Widgets for the limits: a slider for the size; behind a button, other limits and the margin."""

from collections.abc import Callable, Iterable
from typing import Literal

import streamlit as st

from pipeline.analysis.budget import MARGIN, Budget
from pipeline.data.declarations import DataSet
from views.glossary import meaning
from views.parts import choice

NONE = "none"
"""The slider's value for no size limit; it is the default and left out of the URL."""
HEIGHT = 72
"""Height of the slider's box in pixels."""
_STEPS = (1, 2.5, 5)


def presets(sizes: Iterable[float]) -> list[float]:
    """Round size limits in ascending order; each admits some of the models, but not all.

    Args:
        sizes: sizes of a run's models in MB; at least one.
    """
    steps = (step * 10.0**decade for decade in range(-3, 7) for step in _STEPS)
    known = list(sizes)
    return [step for step in steps if min(known) <= step < max(known)]


def ask_limits(
    sizes: Iterable[float],
    known: DataSet,
    key: Callable[[str], str] = str,
    popover: str = "More limits",
) -> Budget:
    """Draw the slider and the button beside it.

    Args:
        sizes: sizes in MB of the models that are limited.
        known: the data set; the explanations use its words.
        key: maps a limit's name to the key of its widget, which is also its name in the URL.
        popover: the button's label.
    """
    # A fixed height: the slider appears later than the heading beside it, and would move it.
    box = st.container(height=HEIGHT, border=False)
    with box, st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        mb = ask_size(sizes, known, key("mb"))
        active = any(key(name) in st.query_params for name in ("ms", "accuracy", "margin"))
        kind: Literal["primary", "secondary"] = "primary" if active else "secondary"
        with st.popover(popover, icon=":material/tune:", type=kind, key=key("limits")):
            return ask_others(mb, known, key)


def ask_size(sizes: Iterable[float], known: DataSet, key: str) -> float | None:
    """Draw the slider; return the largest size allowed in MB or None. The URL may set any size."""
    steps = {f"{step:g}": step for step in presets(sizes)}
    if (own := _number(st.query_params.get(key, NONE))) is not None:
        steps[f"{own:g}"] = own
        st.query_params[key] = f"{own:g}"
    if (own := _number(st.session_state.get(key, NONE))) is not None:
        steps[f"{own:g}"] = own
    options = [*sorted(steps, key=steps.__getitem__), NONE]
    choice.read(key, options, NONE)
    chosen = st.select_slider(
        "Max size",
        options,
        format_func=lambda option: "no limit" if option == NONE else f"{option} MB",
        key=key,
        help=meaning("Size", known),
    )
    choice.write(key, chosen, NONE)
    return steps.get(chosen)


def read_size(key: str) -> float | None:
    """The largest size allowed in MB or None; works before the slider is drawn, or without it."""
    return _number(choice.value_of(key, NONE))


def _number(text: str) -> float | None:
    """The size in MB that a text from the URL says; None if it is not a valid size."""
    try:
        size = float(text)
    except ValueError:
        return None
    return size if 0 <= size < 1e7 else None


def ask_others(max_mb: float | None, known: DataSet, key: Callable[[str], str] = str) -> Budget:
    """Draw the boxes of the other limits, which may be empty, and of the margin."""

    def ask(label: str, name: str, term: str, step: float, **options: float) -> float | None:
        return st.number_input(
            label,
            min_value=0.0,
            value=options.get("value"),
            max_value=options.get("most"),
            step=step,
            format="%g",
            key=key(name),
            help=meaning(term, known),
            placeholder="no limit",
            bind="query-params",
        )

    ms = ask("Max latency, ms", "ms", "Latency p50", 1.0)
    accuracy = ask("Min accuracy, %", "accuracy", "Accuracy", 0.5, most=100.0)
    margin = ask("Margin, points", "margin", "Margin", 0.25, most=100.0, value=100 * MARGIN)
    share = None if accuracy is None else accuracy / 100
    return Budget(max_mb, ms, share, MARGIN if margin is None else margin / 100)
