"""Which model to deploy: three limits, and the sentence that names it."""

from collections.abc import Callable

import streamlit as st

from pipeline.budget import Budget, decide, sentence
from pipeline.glossary import meaning
from views.common import View


def ask_budget() -> Budget:
    """The three limits under their heading."""
    st.markdown(
        "**Which one to deploy?**",
        help="Of the models within the budget, the most accurate. The others within it are "
        "compared with it by McNemar's test, with Holm's correction; of those that are tied "
        "with it, the smallest is named too. " + meaning("Tied"),
    )
    return ask_limits()


def ask_limits(key: Callable[[str], str] = str, width: int | str = "stretch") -> Budget:
    """The three limits; each may be left empty.

    Args:
        key: from what a limit is called to the key of its widget.
        width: of each widget.
    """

    def ask(label: str, name: str, term: str, step: float, most: float | None = None):
        return st.number_input(
            label,
            min_value=0.0,
            max_value=most,
            value=None,
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
    return Budget(mb, ms, None if accuracy is None else accuracy / 100)


def show_verdict(view: View, budget: Budget) -> None:
    """The sentence that can be read out."""
    verdict = decide(view.candidates, view.right(), budget)
    with st.container(border=True):
        st.text(sentence(verdict, view.candidates, budget, len(view.labels)))
