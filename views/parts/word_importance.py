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
"""Most characters shown of one word, and of the text after the examined words."""


@st.cache_data(max_entries=256, show_spinner=False)
def explain(text: str, _view: View, role: str, folder: Path, stamps: Stamp) -> np.ndarray:
    """``attribution``'s weights of a text's n words, shape (n,).

    ``folder`` and ``stamps`` identify the model for the cache.
    """
    return attribution.leave_one_word_out(load_classifier(_view, role), text)[1]


def show(view: View, text: str, roles: list[str], given: dict[str, np.ndarray]) -> None:
    """Ask for a model, and colour the words of the text by their weight in its answer.

    Args:
        view: the run.
        text: the text that was classified.
        roles: the models that can be asked, the largest first; with none, nothing is shown.
        given: by role, the probabilities of the answer, shape (k,).
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
    except (PipelineError, OSError):  # the model was removed after it answered
        st.text("This model can't be asked any more.")
        return
    said = attribution.words_of(text)
    rest = " ".join(text.split()[len(said) :])[:_MOST_CHARACTERS]
    shown = [word[:_MOST_CHARACTERS] for word in said]
    st.html(words(shown, weights, rest))
    answer = view.run.labels[int(given[role].argmax())]
    st.caption(plain(explanation(answer, len(said), bool(rest))))


def explanation(answer: str, count: int, is_cut: bool) -> str:
    """A sentence that explains the colours and figures, as plain text."""
    said = (
        f"Points of probability that {answer} loses when the word is left out. + spoke for it; "
        f"− and underlined, against it; plain: less than {PLAIN_POINTS} points."
    )
    return said + (f" Only the first {count} words were left out." if is_cut else "")
