"""Declarations of data sets: what is known about each one besides its rows.

The declaration of a user's own data (``--data``) is made from the command line and the files.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.data_record import DataRecord, Declaration
from pipeline.recipes.reported import (
    PUBLISHED,
    REPORTED,
    REPORTED_ON,
    SOURCE_MISTAKES,
    Published,
    Reported,
)

_HEADLINES = Path(__file__).with_name("headlines.csv")
_UNKNOWN_TERMS = "Its licence is not known here; ask those who gave the texts before you publish."


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """What is known about a data set."""

    name: str
    """The value of ``--dataset``; for a user's own data, the name of the file."""
    title: str
    labels: tuple[str, ...] | None = None
    """Class names; None: read from the data."""
    classes: int | None = None
    """The number of classes, if only their number is declared."""
    title_first: bool = False
    """Whether a row begins with its title."""
    noun: str = "text"
    """What one text is called."""
    nouns: str = "texts"
    columns: tuple[str, ...] = ()
    """Columns that make a text; empty: detected in the files."""
    label: str | None = None
    """Column of the labels; None: detected in the files."""
    hub_id: str | None = None
    """Its name on the Hugging Face Hub."""
    examples: Path | None = None
    """A ``text,label,split`` file with texts that were written for this data set."""
    learns_examples: bool = False
    """Whether the examples are its rows, so that its models learn from them."""
    reported: Mapping[str, Reported] = field(default_factory=dict)
    """What the source notebook reported, by role."""
    published: tuple[Published, ...] = ()
    """What the literature reports."""
    mistakes: tuple[str, ...] = ()
    """Mistakes in what the source notebook reported."""
    redistributable: bool | None = None
    """Whether its texts may be redistributed; None: unknown."""
    reference: str | None = None
    """Who made the data set. Pages that show its texts name this."""
    language: str | None = None
    """ISO 639-1."""
    license: str | None = None
    """The Hub's identifier; ``other`` comes with a name and a link. None: unknown."""
    license_name: str | None = None
    license_link: str | None = None
    terms: str = _UNKNOWN_TERMS
    """The licence in a sentence."""
    intended_use: str = "Sorting texts of the kind that it was trained on."
    """What its models are for."""
    limits: str = ""
    """What the texts or the classes do not cover."""

    @property
    def short(self) -> str:
        """What to call one of the short texts on which latency is measured.

        These texts are the invented headlines for every data set.
        """
        return self.noun if self.examples else "text"

    @property
    def is_passed_on(self) -> bool:
        """Whether a run stores the texts of its test rows.

        It does if they may be redistributed and are not part of the program already.
        """
        return self.redistributable is True and not self.learns_examples

    @property
    def has_unseen_examples(self) -> bool:
        """Whether there are examples that none of its models has learned from."""
        return self.examples is not None and not self.learns_examples


AGNEWS = DataSet(
    name=REPORTED_ON,
    title="AG News",
    labels=("World", "Sports", "Business", "Sci/Tech"),
    title_first=True,
    noun="headline",
    nouns="headlines",
    hub_id="fancyzhx/ag_news",
    examples=_HEADLINES,
    reported=REPORTED,
    published=PUBLISHED,
    mistakes=SOURCE_MISTAKES,
    redistributable=False,
    reference="Antonio Gulli's corpus of news articles; Zhang et al., 2015, arXiv:1509.01626",
    language="en",
    license="other",
    license_name="ag-news-non-commercial",
    license_link="http://groups.di.unipi.it/~gulli/AG_corpus_of_news_articles.html",
    terms="Its texts are provided for research and any other non-commercial activity; they may "
    "not be redistributed, and none is in this folder.",
    intended_use="Sorting English news headlines and short articles by topic.",
    limits="The articles were collected from 2004 on: names and topics of later years are new to "
    "the model.",
)
BANKING77 = DataSet(
    name="banking77",
    title="BANKING77",
    classes=77,
    noun="question",
    nouns="questions",
    columns=("text",),
    label="category",
    hub_id="PolyAI/banking77",
    redistributable=True,
    reference="Casanueva et al., 2020, arXiv:2003.04807",
    language="en",
    license="cc-by-4.0",
    terms="Creative Commons Attribution 4.0.",
    intended_use="Telling what a customer of a bank asks for, in English.",
    limits="It has no class for a question with none of its 77 intents.",
)
TOY = DataSet(
    name="toy",
    title="the project's invented headlines",
    labels=AGNEWS.labels,
    # A headline is only a title.
    title_first=True,
    noun="headline",
    nouns="headlines",
    examples=_HEADLINES,
    learns_examples=True,
    redistributable=True,
    language="en",
    license="mit",
    terms="MIT, as the project itself.",
    intended_use="Trying the program. This is a small, randomly initialised model.",
)
DECLARED = {data_set.name: data_set for data_set in (AGNEWS, BANKING77, TOY)}
"""The data sets that ``--dataset`` accepts, by name."""

_RECORDED = (
    *("name", "title", "title_first", "noun", "nouns", "columns", "label", "redistributable"),
    *("license", "terms", "reference"),
)
"""The fields of a declaration that ``run.json`` stores."""
_NOUN = re.compile(r"(?=.{1,16}\Z)[^\W\d_]+( [^\W\d_]+)*")
"""At most 16 letters and spaces: pages use the noun in titles, and it must not be markup."""


def own(name: str, columns: tuple[str, ...] = (), label: str | None = None) -> DataSet:
    """The declaration of a user's own texts."""
    return DataSet(name=name, title=name, columns=columns, label=label)


UNKNOWN = own("texts")
"""The declaration of texts about which nothing is known."""


def entry(data_set: DataSet) -> Declaration:
    """A declaration in the form in which ``run.json`` stores it."""
    content = {name: getattr(data_set, name) for name in _RECORDED}
    columns = list(data_set.columns)
    return Declaration(**content | {"columns": columns}, declared=is_declared(data_set))


def of_run(data: DataRecord, toy: bool) -> DataSet:
    """The data set that a run was made on, with the run's class names.

    Args:
        data: the data set in the run's record.
        toy: whether it is a toy run. Older records say nothing else about their data: such runs
            were made on AG News, toy runs on the invented headlines.
    """
    names, recorded = tuple(data.labels), data.declaration
    if recorded is None:
        known = TOY if toy else AGNEWS
        if names == known.labels:
            return known
        title = data.name or "a data set without a name"
        return replace(own(title), labels=names, title_first=data.title_first)
    if recorded.declared and recorded.name in DECLARED:
        return replace(DECLARED[recorded.name], labels=names)
    content = {name: getattr(recorded, name) for name in _RECORDED}
    content |= {"columns": tuple(recorded.columns)}
    if not (_NOUN.fullmatch(recorded.noun) and _NOUN.fullmatch(recorded.nouns)):
        content |= {"noun": DataSet.noun, "nouns": DataSet.nouns}
    return DataSet(**content, labels=names)


def is_declared(data_set: DataSet) -> bool:
    """Whether it is one of ``DECLARED``, and not a user's own data set of the same name."""
    return data_set.hub_id is not None or data_set.learns_examples


def is_agnews(data_set: DataSet) -> bool:
    """Whether it is AG News."""
    return is_declared(data_set) and data_set.name == AGNEWS.name
