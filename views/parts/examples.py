"""Example texts for Try it: drawn by class or because models disagree, with recorded answers.

They are the invented headlines if these were written for the run's classes, else its test rows.
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
"""Seed of the examples that the page opens with. It draws one headline of each class."""
_FIRST = 4
"""How many examples the page opens with."""
_OPENS = 1
"""Which of those the one-line box starts with: a headline on which models disagree."""
_MOST = 5_000
"""Most test rows that serve as examples. From more rows, evenly spaced ones are chosen."""
_ASKED_FOR_HARD = 160
"""How many examples models classify to find hard ones, if no answers are recorded."""


@dataclass(frozen=True, eq=False)
class Examples:
    """Texts that a click can enter; there are none for some runs."""

    texts: list[str]
    labels: np.ndarray
    """The class of each text, shape (n,)."""
    recorded: Mapping[str, np.ndarray]
    """By role, the probabilities that the run recorded, shape (n, k). Some models have none."""
    what: str
    """One or two sentences that say what the texts are."""
    source: str = ""
    """The attribution that the texts need, or an empty string."""

    @cached_property
    def places(self) -> dict[str, int]:
        """Each text's position; for equal texts, the first."""
        return {text: place for place, text in reversed(list(enumerate(self.texts)))}

    def places_of(self, texts: list[str]) -> list[int] | None:
        """Positions of texts among the examples; None if any text is not an example."""
        found = [self.places.get(text, -1) for text in texts]
        return None if -1 in found else found

    def answers(self, role: str, texts: list[str]) -> np.ndarray | None:
        """The model's recorded answers to n texts, float32 (n, k).

        None if the run recorded none for the model, or if any text is not an example.
        """
        if role not in self.recorded or (places := self.places_of(texts)) is None:
            return None
        return self.recorded[role][places]

    def first(self) -> list[str]:
        """The texts that the page opens with, always the same ones."""
        return self.sample(_FIRST, _SEED)

    def first_line(self) -> str:
        """The text in the one-line box when the page opens; empty if there are no examples."""
        first = self.first()
        return first[min(_OPENS, len(first) - 1)] if first else ""

    def sample(self, count: int, seed: int | None = None) -> list[str]:
        """Return ``count`` texts in random order, or all if there are fewer."""
        texts = pd.Series(self.texts, dtype=str)
        return texts.sample(min(count, len(texts)), random_state=seed).tolist()


def of_run(view: View) -> Examples:
    """The examples of a run; there are none if its texts are not available."""
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
    # ``texts_of`` returns only texts that match the fingerprint, so it identifies the texts.
    key = view.run.folder, tuple(view.run.record.files.items()), view.run.record.data.fingerprint
    return _test_rows(key, view, texts)


@st.cache_resource(max_entries=4, show_spinner=False)
def _test_rows(key: tuple, _view: View, _texts: list[str]) -> Examples:
    """A run's test rows as examples, cached by ``key``, which must change when the run does."""
    known = _view.data_set
    kept = np.linspace(0, len(_texts) - 1, min(len(_texts), _MOST)).round().astype(int)
    # The page reads one text per line.
    lines = [" ".join(_texts[place].split()) for place in kept]
    what = f"All of these are test {known.nouns}, whose classes are known."
    given = {role: p[kept] for role, p in _view.probabilities.items()}
    return Examples(lines, _view.labels[kept], given, what, source_of(known))


@st.cache_data
def read_examples() -> pd.DataFrame:
    """Read the invented headlines: columns text, and label, a position in ``data_sets.LABELS``."""
    return pd.read_csv(EXAMPLES, keep_default_na=False)


def known_labels(view: View, texts: list[str]) -> np.ndarray | None:
    """The texts' true classes, shape (n,); None if any text is not an example."""
    found = of_run(view)
    places = found.places_of(texts)
    return None if places is None else found.labels[places]


def menu(view: View) -> list[str]:
    """The kinds of example to choose from: any, one of a class, one on which models disagree."""
    known = set(of_run(view).labels.tolist())
    classes = [name for place, name in enumerate(view.run.labels) if place in known]
    if not classes:
        return []
    # In a long menu, the hard one comes before the classes.
    return [ANY, HARD, *classes] if len(classes) >= MANY_CLASSES else [ANY, *classes, HARD]


def draw(view: View, kind: str) -> str:
    """Draw a random example of a kind that ``menu`` lists."""
    random = np.random.default_rng()
    if kind == HARD:
        return str(random.choice(hard_ones(view)))
    found = of_run(view)
    if kind == ANY:
        return str(random.choice(found.texts))
    places = np.flatnonzero(found.labels == view.run.labels.index(kind))
    return found.texts[int(random.choice(places))]


def hard_ones(view: View) -> list[str]:
    """Examples on which the run's deployable models disagree; if none is known, any examples."""
    files = tuple(view.run.record.files.items())
    return _hard_ones((view.run.name, files, installed(view)), view)


@st.cache_data(max_entries=8, show_spinner="Looking for what divides the models …")
def _hard_ones(key: tuple, _view: View) -> list[str]:
    """``hard_ones``, cached by ``key``, which must change when the run or its models do."""
    found, roles = of_run(_view), list(_view.candidates["role"])
    texts = found.texts
    given = {role: found.recorded[role] for role in roles if role in found.recorded}
    if len(given) < 2:
        # Only a sample, because the user is waiting.
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
    """Roles of the installed models, the largest first."""
    return tuple(role for role in view.table["role"] if view.run.artifact(role))
