"""The invented headlines as examples: drawn by class, hard ones, and what models said of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from pipeline.data import data_sets
from pipeline.errors import PipelineError
from views import answers
from views.parts.common import View, load_classifier

EXAMPLES = Path(__file__).parents[2] / "pipeline" / "data" / "headlines.csv"
ANY, HARD = "Surprise me", "A hard one: the models disagree"
_ASKED_FOR_HARD = 160
"""Examples that models are asked in search of hard ones, where no answers are recorded."""


@st.cache_data
def read_examples() -> pd.DataFrame:
    """The invented headlines: columns text and label, a position in ``data_sets.LABELS``."""
    return pd.read_csv(EXAMPLES, keep_default_na=False)


def known_labels(texts: list[str], names: list[str]) -> np.ndarray | None:
    """The classes of headlines that are all examples, shape (n,); of others, nobody knows them.

    Args:
        texts: the headlines.
        names: of the run's classes; examples were written for those of AG News.
    """
    if tuple(names) != data_sets.LABELS:
        return None
    known = read_examples().set_index("text")["label"].reindex(texts)
    return None if known.isna().any() else known.to_numpy(np.int64)


def recorded(view: View, role: str, texts: list[str]) -> np.ndarray | None:
    """What a run recorded of a model's answers to examples, float32 (n, k).

    None where it recorded none, or where one of the texts is no example.
    """
    given = view.headlines.get(role)
    places = pd.Index(read_examples()["text"]).get_indexer(texts)
    if given is None or (places < 0).any() or len(given) != len(read_examples()):
        return None
    return given[places]


def menu(names: list[str]) -> list[str]:
    """What an example can be asked for by: any, one of a class, one that divides the models."""
    classes = list(names) if tuple(names) == data_sets.LABELS else []
    return [ANY, *classes, HARD]


def draw(view: View, kind: str) -> str:
    """One example of a kind of ``menu``, another one each time."""
    examples = read_examples()
    if kind == HARD:
        return str(np.random.default_rng().choice(hard_ones(view)))
    if kind != ANY:
        examples = examples[examples["label"] == view.run.labels.index(kind)]
    return str(examples["text"].sample(1).iloc[0])


def hard_ones(view: View) -> list[str]:
    """Examples on which the run's models to deploy disagree; any examples, where none is known."""
    files = tuple(view.run.record.files.items())
    return _hard_ones((view.run.name, files, installed(view)), view)


@st.cache_data(max_entries=8, show_spinner="Looking for headlines that divide the models …")
def _hard_ones(key: tuple, _view: View) -> list[str]:
    """``key`` tells one state of a run from another."""
    texts = read_examples()["text"].tolist()
    roles = list(_view.candidates["role"])
    given = {r: p for r in roles if (p := recorded(_view, r, texts)) is not None}
    if len(given) < 2:
        # A sample, for the example is waited for.
        texts = read_examples()["text"].sample(_ASKED_FOR_HARD, random_state=0).tolist()
        given = {}
        for role in set(roles) & set(installed(_view)):
            try:
                given[role] = load_classifier(_view, role).predict_proba(texts)
            except (PipelineError, OSError):  # the page says what is wrong with it
                continue
    if len(given) < 2:
        return texts
    hard = np.flatnonzero(answers.differ(given))
    return [texts[place] for place in hard] or texts


def installed(view: View) -> tuple[str, ...]:
    """Roles of the models that can be asked here, the largest first."""
    return tuple(role for role in view.table["role"] if view.run.artifact(role))
