"""The words that mattered to one model's answer, as a coloured sentence."""

from pathlib import Path

import numpy as np
import streamlit as st

from pipeline.errors import PipelineError
from pipeline.inference import attribution
from views.charts.answers import PLAIN_POINTS, words
from views.parts.choice import CARRIED
from views.parts.common import Stamp, View, load_classifier, plain, stamp
from views.parts.names import names

WORDS = (
    "Each word is left out in turn, and the model is asked again (Li et al. 2016, *representation "
    "erasure*). Words that say the same shield each other, so the figures do not add up."
)
_MOST_CHARACTERS = 2_000
"""Of the text beyond the words that are examined, how much is shown."""


@st.cache_data(max_entries=256, show_spinner=False)
def explain(text: str, _view: View, role: str, folder: Path, stamps: Stamp) -> np.ndarray:
    """What ``attribution`` says of one text and model; ``folder`` and ``stamps`` name it."""
    return attribution.leave_one_word_out(load_classifier(_view, role), text)[1]


def show(view: View, text: str, roles: list[str], given: dict[str, np.ndarray]) -> None:
    """Ask for a model, and colour the words of its text.

    Args:
        view: of the run.
        text: that was classified.
        roles: the models that can be asked, the largest first; with none, nothing is shown.
        given: by role, the probabilities of its answer, shape (k,).
    """
    if not roles:
        return
    called, smallest_first = names(view.run), roles[::-1]
    carried = st.session_state.get(CARRIED, {}).get("model")
    role = st.radio(
        "Words that mattered to",
        smallest_first,
        index=smallest_first.index(carried) if carried in smallest_first else 0,
        format_func=lambda role: plain(called[role]),
        horizontal=True,
        key="words",
        help=WORDS,
    )
    try:
        folder = view.run.artifact_folder(role)
        weights = explain(text, view, role, folder, stamp(folder, "*"))
    except (PipelineError, OSError):  # gone since it answered
        st.text("This model can't be asked any more.")
        return
    said = attribution.words_of(text)
    rest = " ".join(text.split()[len(said) :])[:_MOST_CHARACTERS]
    shown = [word[:_MOST_CHARACTERS] for word in said]
    st.html(words(shown, weights, rest))
    answer = view.run.labels[int(given[role].argmax())]
    st.caption(plain(explanation(answer, len(said), bool(rest))))


def explanation(answer: str, count: int, is_cut: bool) -> str:
    """What the colours say, as text."""
    said = (
        f"Points of probability that {answer} loses when the word is left out. + spoke for it; "
        f"− and underlined, against it; plain: less than {PLAIN_POINTS} points."
    )
    return said + (f" Only the first {count} words were left out." if is_cut else "")
