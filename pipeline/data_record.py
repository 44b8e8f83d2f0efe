"""What a run's record says of its data set."""

from dataclasses import dataclass

from pydantic import with_config

from pipeline.strict import STRICT


@with_config(STRICT)
@dataclass(frozen=True)
class Declaration:
    """What the pages say of a data set: see ``pipeline.data.declarations.DataSet``."""

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
    """Whether the program knew it, and not only its file's name."""


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
    """By split."""
    seed: int
    """Of the split."""
    near_duplicates: dict[str, int] | None = None
    """By split, held-out rows that repeat a training row; None: nobody counted."""
    declaration: Declaration | None = None
    """None in older runs, which are on AG News or on the invented headlines."""
