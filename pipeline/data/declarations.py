"""Data sets as declarations: what is known of each, beside its rows.

What somebody brings with ``--data`` is declared from what the command line and the files say.
"""

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
    """What is known of a data set."""

    name: str
    """As ``--dataset`` takes it; of somebody's own, the file's name."""
    title: str
    labels: tuple[str, ...] | None = None
    """Class names; None: as the data have them."""
    classes: int | None = None
    """How many there must be, where only their number is declared."""
    title_first: bool = False
    """Whether a row begins with its title."""
    noun: str = "text"
    """What one text is called."""
    nouns: str = "texts"
    columns: tuple[str, ...] = ()
    """That make a text; none: as the files tell."""
    label: str | None = None
    """Column of the labels; None: as the files tell."""
    hub_id: str | None = None
    """Its name on the Hugging Face Hub."""
    examples: Path | None = None
    """Texts with labels that were written for it, a ``text,label,split`` file."""
    learns_examples: bool = False
    """Its rows are the examples."""
    reported: Mapping[str, Reported] = field(default_factory=dict)
    """By role, what the source notebook reported."""
    published: tuple[Published, ...] = ()
    """What the literature reports."""
    mistakes: tuple[str, ...] = ()
    """In what the source notebook reported."""
    redistributable: bool | None = None
    """Whether its texts may be passed on; None: nobody said."""
    reference: str | None = None
    """Who made it, to be named where texts of it are shown."""
    language: str | None = None
    """ISO 639-1."""
    license: str | None = None
    """As the Hub spells it; ``other`` has a name and a link. None: nobody said."""
    license_name: str | None = None
    license_link: str | None = None
    terms: str = _UNKNOWN_TERMS
    """The licence in a sentence."""
    intended_use: str = "Sorting texts of the kind that it was trained on."
    """Of its models."""
    limits: str = ""
    """What the texts are not."""

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
    limits="It has no class for what is none of its 77 intents.",
)
TOY = DataSet(
    name="toy",
    title="the project's invented headlines",
    labels=AGNEWS.labels,
    # A headline is nothing but a title.
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
"""By name, those that ``--dataset`` takes."""

_RECORDED = (
    *("name", "title", "title_first", "noun", "nouns", "columns", "label", "redistributable"),
    *("license", "terms", "reference"),
)
"""What ``run.json`` has of a declaration."""


def own(name: str, columns: tuple[str, ...] = (), label: str | None = None) -> DataSet:
    """The declaration of somebody's own texts."""
    return DataSet(name=name, title=name, columns=columns, label=label)


UNKNOWN = own("texts")
"""Of texts that nobody has said anything about."""


def entry(data_set: DataSet) -> Declaration:
    """A declaration as ``run.json`` has it among its data."""
    content = {name: getattr(data_set, name) for name in _RECORDED}
    columns = list(data_set.columns)
    return Declaration(**content | {"columns": columns}, declared=is_declared(data_set))


def of_run(data: DataRecord, toy: bool) -> DataSet:
    """The data set that a run was made on, with the run's class names.

    Args:
        data: of the run's record.
        toy: whether it is a toy run. Older runs say nothing else of what their data are: they
            were made on AG News, or on the invented headlines.
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
    return DataSet(**content | {"columns": tuple(recorded.columns)}, labels=names)


def is_declared(data_set: DataSet) -> bool:
    """Whether it is one of ``DECLARED``, and not somebody's own of the same name."""
    return data_set.hub_id is not None or data_set.learns_examples


def is_agnews(data_set: DataSet) -> bool:
    """Whether it is AG News."""
    return is_declared(data_set) and data_set.name == AGNEWS.name
