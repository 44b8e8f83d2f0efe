"""What a model card says of the data that a model was trained and tested on.

All of it stands here, until a data set's own declaration has it.
"""

from dataclasses import dataclass

from pipeline.data import data_sets
from pipeline.results.records import RunRecord


@dataclass(frozen=True)
class DataFacts:
    """One data set, as far as people who deploy a model must know it."""

    title: str
    noun: str = "text"
    """What one text is called."""
    hub_id: str | None = None
    """Its name on the Hub."""
    language: str | None = None
    """ISO 639-1."""
    license: str | None = None
    """As the Hub spells it; ``other`` has a name and a link. None: nobody said."""
    license_name: str | None = None
    license_link: str | None = None
    terms: str = "Its licence is not known here; ask those who gave the texts before you publish."
    """The licence in a sentence."""
    intended_use: str = "Sorting texts of the kind that it was trained on."
    limits: str = ""
    """What the texts are not."""


AG_NEWS = DataFacts(
    title="AG News",
    noun="headline",
    hub_id=data_sets.HUB_NAME,
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
BANKING77 = DataFacts(
    title="BANKING77",
    noun="question",
    hub_id="PolyAI/banking77",
    language="en",
    license="cc-by-4.0",
    terms="Creative Commons Attribution 4.0.",
    intended_use="Telling what a customer of a bank asks for, in English.",
    limits="It has no class for what is none of its 77 intents.",
)
INVENTED = DataFacts(
    title="the project's invented headlines",
    noun="headline",
    language="en",
    license="mit",
    terms="MIT, as the project itself.",
    intended_use="Trying the program. This is a small, randomly initialised model.",
)


def facts(record: RunRecord) -> DataFacts:
    """What is known of a run's data set; of an unknown one, its name."""
    name = str(record.data.get("name", ""))
    if record.toy:
        return INVENTED
    if tuple(record.data["labels"]) == data_sets.LABELS:
        return AG_NEWS
    if "banking77" in name.lower():
        return BANKING77
    return DataFacts(title=name or "a data set without a name")
