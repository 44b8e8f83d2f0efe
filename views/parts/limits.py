"""Which model to deploy: three limits, a margin, and the sentence that names the model."""

from collections.abc import Callable

import streamlit as st

from pipeline.analysis.budget import MARGIN, Budget
from pipeline.analysis.recommendation import recommend, sentence
from views.glossary import meaning
from views.parts.common import View


def show_budget(view: View) -> Budget:
    """The sentence that can be read out, and under it the limits; returns them."""
    st.markdown(
        "**Which one to deploy?**",
        help="The smallest model that fits the limits and is within the margin. If none is, the "
        f"one of those that fit which is most accurate on validation. {meaning('Margin')} "
        f"{meaning('Reference')}",
    )
    place = st.container(border=True)
    budget = ask_limits()
    place.text(sentence(recommend(view.compared, budget)))
    return budget


def ask_limits(key: Callable[[str], str] = str, width: int | str = "stretch") -> Budget:
    """The three limits, each of which may be left empty, and the margin.

    Args:
        key: from what a limit is called to the key of its widget.
        width: of each widget.
    """

    def ask(
        label: str,
        name: str,
        term: str,
        step: float,
        most: float | None = None,
        value: float | None = None,
    ):
        return st.number_input(
            label,
            min_value=0.0,
            max_value=most,
            value=value,
            step=step,
            format="%g",
            key=key(name),
            help=meaning(term),
            placeholder="no limit",
            width=width,
            bind="query-params",
        )

    mb = ask("At most, MB", "mb", "Size", 5.0)
    ms = ask("At most, ms", "ms", "Latency p50", 1.0)
    accuracy = ask("At least, % right", "accuracy", "Accuracy", 0.5, 100.0)
    margin = ask("Margin, points", "margin", "Margin", 0.25, 100.0, 100 * MARGIN)
    return Budget(mb, ms, None if accuracy is None else accuracy / 100, margin / 100)
