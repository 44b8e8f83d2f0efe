"""A file as a table: names of columns, and rows of strings that are read one at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

MOST_COLUMNS = 1_000
SAMPLE_ROWS = 100
"""How many rows at the beginning are read to detect a file's form."""
_SAMPLE_CHARACTERS = 1_000_000

Cell = str | None
"""None: the file says that there is no value."""
Row = Sequence[Cell]


@dataclass(frozen=True)
class Table:
    """A file whose form is known. Its rows are not in memory."""

    names: tuple[str, ...]
    """The names of the columns, all different. Columns without a name are numbered from 1."""
    read: Callable[[Sequence[int]], Iterator[Row]]
    """Yields the cells at these positions from each row; it can be called any number of times."""
    header: bool | None = None
    """Whether the first line holds the names; None: this kind of file has no such line."""
    encoding: str | None = None
    """The codec of a text file."""
    no_texts: dict[int, str] = field(default_factory=dict)
    """The types of the columns that hold no texts, by position, if the file has types."""
    missing: frozenset[str] = frozenset()
    """Words that mean "no text", in kinds of files that have no sign for it."""
    repeated: tuple[str, ...] = ()
    """Names that occurred more than once; all but the first one got a number."""
    class_names: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """The class names of columns that hold class numbers, by position, if the file has them."""
    whole_lines: bool = False
    """Whether each line is one text, so that there are no columns to choose from."""
    part: Callable[[Sequence[int], range], Iterator[Row]] | None = None
    """Like ``read``, but yields only the rows with these numbers (from 0) and does not read all
    others. None: this kind of file can only be read from its beginning."""
    rows: int | None = None
    """The number of rows, if the file says it."""

    def sample(self) -> list[Row]:
        """The first rows with all their cells: ``SAMPLE_ROWS`` rows, or fewer if they are long."""
        rows: list[Row] = []
        characters = 0
        for row in self.read(range(len(self.names))):
            rows.append(row)
            characters += sum(len(cell or "") for cell in row)
            if len(rows) == SAMPLE_ROWS or characters > _SAMPLE_CHARACTERS:
                break
        return rows


def unique_names(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Different names for all columns, and the names that several columns had.

    Columns without a name are numbered. A second "text" becomes "text (2)".
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
