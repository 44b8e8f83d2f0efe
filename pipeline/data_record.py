"""What a run's record says about its data set."""

from dataclasses import dataclass

from pydantic import with_config

from pipeline.strict import STRICT


@with_config(STRICT)
@dataclass(frozen=True)
class Declaration:
    """What the pages say about a data set; see ``pipeline.data.declarations.DataSet``."""

    name: str
    title: str
    title_first: bool
    noun: str
    nouns: str
    columns: list[str]
    label: str | None
    redistributable: bool | None
    license: str | None
    terms: str
    reference: str | None
    declared: bool
    """Whether it was one of the program's declared data sets, and not a user's own."""


@with_config(STRICT)
@dataclass(frozen=True)
class DataRecord:
    """The data set that a run was made on."""

    name: str
    fingerprint: str
    labels: list[str]
    """Class names."""
    title_first: bool
    """Whether a row begins with its title."""
    rows: dict[str, int]
    """How many rows each split has."""
    seed: int
    """The random seed of the split."""
    near_duplicates: dict[str, int] | None = None
    """By split, how many held-out rows end like a training row; ``words`` is how many last words
    were compared. None: not counted."""
    declaration: Declaration | None = None
    """None in older runs, which are on AG News or on the invented headlines."""
