"""Texts of a run's data set as examples: drawn by class, hard ones, and what models said of them.

They are the invented headlines where these were written for the run's classes, else its test rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from pipeline.data import data_sets
from pipeline.errors import PipelineError
from views import answers
from views.charts.palette import MANY_CLASSES
from views.parts.common import View, load_classifier
from views.parts.texts import source_of, texts_of

EXAMPLES = Path(__file__).parents[2] / "pipeline" / "data" / "headlines.csv"
ANY, HARD = "Surprise me", "A hard one: the models disagree"
_SEED = 52
"""Of the examples that the page opens with: of the headlines, one of each class."""
_FIRST = 4
_OPENS = 1
"""Which of those is the line that the page opens with: models disagree on that headline."""
_MOST = 5_000
"""Test rows that are examples; of more, some at even distances."""
_ASKED_FOR_HARD = 160
"""Examples that models are asked in search of hard ones, where no answers are recorded."""


@dataclass(frozen=True, eq=False)
class Examples:
    """What can be asked by a click; of some runs, nothing."""

    texts: list[str]
    labels: np.ndarray
    """The class of each, shape (n,)."""
    recorded: Mapping[str, np.ndarray]
    """By role, the probabilities that the run recorded, shape (n, k); of some models, none."""
    what: str
    """What they are, in a sentence."""
    source: str = ""
    """Whose they are, where that has to be said."""

    @cached_property
    def places(self) -> dict[str, int]:
        """Of each text; of equal ones, the first."""
        return {text: place for place, text in reversed(list(enumerate(self.texts)))}

    def places_of(self, texts: list[str]) -> list[int] | None:
        """Where some texts stand among the examples; None where one of them is none."""
        found = [self.places.get(text, -1) for text in texts]
        return None if -1 in found else found

    def answers(self, role: str, texts: list[str]) -> np.ndarray | None:
        """What the run recorded of a model's answers to some texts, float32 (n, k).

        None where it recorded none, or where one of the texts is no example.
        """
        if role not in self.recorded or (places := self.places_of(texts)) is None:
            return None
        return self.recorded[role][places]

    def first(self) -> list[str]:
        """What the page opens with, the same for everybody."""
        return self.sample(_FIRST, _SEED)

    def first_line(self) -> str:
        """The one that stands in the line to type into; empty where there is none."""
        first = self.first()
        return first[min(_OPENS, len(first) - 1)] if first else ""

    def sample(self, count: int, seed: int | None = None) -> list[str]:
        """So many of them, or all, in a random order."""
        texts = pd.Series(self.texts, dtype=str)
        return texts.sample(min(count, len(texts)), random_state=seed).tolist()


def of_run(view: View) -> Examples:
    """The examples of a run; none where its texts are not at hand."""
    known = view.data_set
    if known.examples and tuple(view.run.labels) == data_sets.LABELS:
        invented = read_examples()
        given = {r: p for r, p in view.headlines.items() if len(p) == len(invented)}
        what = "All of these are examples, each written with a class in mind."
        if not known.learns_examples:
            what += f" They are {known.nouns} alone; rows of {known.title} have more."
        return Examples(invented["text"].tolist(), invented["label"].to_numpy(), given, what)
    texts, _ = texts_of(view)
    if texts is None:
        return Examples([], np.empty(0, np.int64), {}, "")
    # The fingerprint is that of the texts: others would have been refused.
    key = view.run.folder, tuple(view.run.record.files.items()), view.run.record.data.fingerprint
    return _test_rows(key, view, texts)


@st.cache_resource(max_entries=4, show_spinner=False)
def _test_rows(key: tuple, _view: View, _texts: list[str]) -> Examples:
    """A run's test rows as examples; ``key`` tells one state of a run from another."""
    known = _view.data_set
    kept = np.linspace(0, len(_texts) - 1, min(len(_texts), _MOST)).round().astype(int)
    # The page takes one text a line.
    lines = [" ".join(_texts[place].split()) for place in kept]
    what = f"All of these are test {known.nouns}, whose classes are known."
    given = {role: p[kept] for role, p in _view.probabilities.items()}
    return Examples(lines, _view.labels[kept], given, what, source_of(known))


@st.cache_data
def read_examples() -> pd.DataFrame:
    """The invented headlines: columns text and label, a position in ``data_sets.LABELS``."""
    return pd.read_csv(EXAMPLES, keep_default_na=False)


def known_labels(view: View, texts: list[str]) -> np.ndarray | None:
    """The classes of texts that are all examples, shape (n,); of others, nobody knows them."""
    found = of_run(view)
    places = found.places_of(texts)
    return None if places is None else found.labels[places]


def menu(view: View) -> list[str]:
    """What an example can be asked for by: any, one of a class, one that divides the models."""
    known = set(of_run(view).labels.tolist())
    classes = [name for place, name in enumerate(view.run.labels) if place in known]
    if not classes:
        return []
    # Nobody should have to pass by all of many classes.
    return [ANY, HARD, *classes] if len(classes) >= MANY_CLASSES else [ANY, *classes, HARD]


def draw(view: View, kind: str) -> str:
    """One example of a kind of ``menu``, another one each time."""
    random = np.random.default_rng()
    if kind == HARD:
        return str(random.choice(hard_ones(view)))
    found = of_run(view)
    if kind == ANY:
        return str(random.choice(found.texts))
    places = np.flatnonzero(found.labels == view.run.labels.index(kind))
    return found.texts[int(random.choice(places))]


def hard_ones(view: View) -> list[str]:
    """Examples on which the run's models to deploy disagree; any examples, where none is known."""
    files = tuple(view.run.record.files.items())
    return _hard_ones((view.run.name, files, installed(view)), view)


@st.cache_data(max_entries=8, show_spinner="Looking for what divides the models …")
def _hard_ones(key: tuple, _view: View) -> list[str]:
    """``key`` tells one state of a run from another."""
    found, roles = of_run(_view), list(_view.candidates["role"])
    texts = found.texts
    given = {role: found.recorded[role] for role in roles if role in found.recorded}
    if len(given) < 2:
        # A sample, for the example is waited for.
        texts, given = found.sample(_ASKED_FOR_HARD, 0), {}
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
