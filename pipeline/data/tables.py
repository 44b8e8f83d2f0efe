"""A file as a table: names of columns, and rows of strings that are read one at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

MOST_COLUMNS = 1_000
SAMPLE_ROWS = 100
"""Rows at the beginning that a file's form is told by."""
_SAMPLE_CHARACTERS = 1_000_000

Cell = str | None
"""None: the file says that there is nothing."""
Row = Sequence[Cell]


@dataclass(frozen=True)
class Table:
    """A file whose form is known; its rows stay in the file."""

    names: tuple[str, ...]
    """Of the columns, all different; where the file has none, they are numbered from 1."""
    read: Callable[[Sequence[int]], Iterator[Row]]
    """Gives, from the first row on, the cells at these positions; it can be called again."""
    header: bool | None = None
    """Whether the first line holds the names; None: this kind of file has no such line."""
    encoding: str | None = None
    """Of a text file, as codecs call it."""
    no_texts: dict[int, str] = field(default_factory=dict)
    """By position, the type of columns that hold no texts, in files that have types."""
    missing: frozenset[str] = frozenset()
    """Words that stand for "no text", in files that have no sign for it."""
    repeated: tuple[str, ...] = ()
    """Names that stood there more than once: all but the first got a number."""
    whole_lines: bool = False
    """A text a line: there are no columns to choose from."""
    part: Callable[[Sequence[int], range], Iterator[Row]] | None = None
    """As ``read``, but only the rows of these numbers, from 0 on, and without reading all others;
    None: this kind of file can only be read from its beginning."""
    rows: int | None = None
    """Their number, where the file says it."""

    def sample(self) -> list[Row]:
        """The first rows, whole; fewer where they are long."""
        rows: list[Row] = []
        characters = 0
        for row in self.read(range(len(self.names))):
            rows.append(row)
            characters += sum(len(cell or "") for cell in row)
            if len(rows) == SAMPLE_ROWS or characters > _SAMPLE_CHARACTERS:
                break
        return rows


def unique_names(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names for columns, and the names that were given to several.

    Those without a name are numbered; a second "text" is "text (2)".
    """
    given: list[str] = []
    repeated: list[str] = []
    counts: dict[str, int] = {}
    taken = set()
    for position, name in enumerate(names, start=1):
        name = " ".join(name.split())[:60] or f"column {position}"
        if name in taken and name not in repeated:
            repeated.append(name)
        free = name
        while free in taken:
            counts[name] = counts.get(name, 1) + 1
            free = f"{name} ({counts[name]})"
        taken.add(free)
        given.append(free)
    return tuple(given), tuple(repeated)
