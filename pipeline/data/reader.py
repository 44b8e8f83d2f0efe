"""The reader of all texts: of data sets, of files to classify, and of uploads."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pipeline.data import (
    column_rules,
    delimited,
    json_files,
    parquet_files,
    sources,
    text_encoding,
)
from pipeline.data.sources import Source
from pipeline.data.tables import Row, Table
from pipeline.errors import PipelineError


@dataclass(frozen=True)
class Form:
    """What the user says about a file's form; the rest is detected in the file."""

    columns: tuple[str, ...] = ()
    """Names of the columns that make a text, or their numbers from 1."""
    header: bool | None = None
    """Whether the first row holds the columns' names; None: detected."""


AS_IT_IS = Form()


@dataclass(frozen=True)
class TextFile:
    """A file whose columns of texts are known. The texts are not read yet."""

    source: Source
    table: Table
    columns: tuple[int, ...]
    """Positions of the columns whose cells make a text, joined with spaces."""
    _counts: list[tuple[int, int]] = field(default_factory=list)

    def texts(self) -> Iterator[str | None]:
        """Yield the text of each row, from the first row on; None if a row has no text.

        Raises:
            PipelineError: a row can't be read; the message names its line.
        """
        with sources.readable(self.source.name):
            for row in self.table.read(self.columns):
                yield text_of(row, self.table)

    def count(self) -> tuple[int, int]:
        """The number of rows, and of rows without a text. The first call reads the whole file.

        Raises:
            PipelineError: a row can't be read; the message names its line.
        """
        if not self._counts:
            rows = missing = 0
            for text in self.texts():
                rows += 1
                missing += text is None
            self._counts.append((rows, missing))
        return self._counts[0]

    def summary(self) -> str:
        """One line that says what is read: columns, rows, header, and other decisions."""
        rows, missing = self.count()
        return summary(self.table, self.columns, rows, missing)


def open_texts(source: Source, form: Form = AS_IT_IS, most_bytes: int | None = None) -> TextFile:
    """Find out where a file's texts are.

    Args:
        source: the file.
        form: what the user says about it.
        most_bytes: the most bytes that a parquet file may have uncompressed; None: no limit.

    Raises:
        PipelineError: it can't be read, has no such column, or the column holds no texts.
    """
    table = open_table(source, form.header, most_bytes)
    if form.columns:
        columns = column_rules.asked_columns(table, form.columns, source.name)
    else:
        columns = column_rules.text_columns(table)
    for place in columns:
        if place in table.no_texts:
            kind = table.no_texts[place]
            raise PipelineError(
                f"column {table.names[place]!r} of {source.name} holds {kind}, not texts"
            )
    return TextFile(source, table, columns)


def open_table(source: Source, header: bool | None = None, most_bytes: int | None = None) -> Table:
    """A file of any kind as a table.

    Raises:
        PipelineError: it can't be read.
    """
    with sources.readable(source.name):
        if source.kind in (".csv", ".tsv"):
            return delimited.read_table(source, header)
        if header is not None:
            raise PipelineError(
                f"{source.name} has no line that could be a header; "
                "only .csv and .tsv are asked for one"
            )
        if source.kind == ".parquet":
            return parquet_files.read_table(source, most_bytes)
        if source.kind == ".txt":
            return _lines(source)
        return json_files.read_table(source)


def text_of(row: Row, table: Table) -> str | None:
    """The text of a row: its cells that are not empty, joined with spaces; None without such cells.

    Words that mean "no text" in this table count as empty.
    """
    if len(row) == 1:  # a fast path: most files have one column, and some have millions of rows
        (only,) = row
        bare = only.strip() if only else ""
        return only if bare and bare not in table.missing else None
    cells = [cell for cell in row if cell and cell.strip() and cell.strip() not in table.missing]
    return " ".join(cells) if cells else None


def summary(table: Table, columns: Sequence[int], rows: int, missing: int) -> str:
    """One line about what was read: ``read columns 'Title' and 'Description' of 3, 4 rows``."""
    parts = [f"{rows:,} {'line' if table.whole_lines else 'row'}{'s' * (rows != 1)}"]
    if table.whole_lines:
        parts[0] = f"read {parts[0]}"
    else:
        several = "s" * (len(columns) > 1)
        parts.insert(0, f"read column{several} {named(table, columns)} of {len(table.names)}")
    if table.header is not None:
        parts.append("with a header" if table.header else "no header")
    if twice := [name for name in table.repeated if name in {table.names[p] for p in columns}]:
        parts.append(f"the first column {twice[0]!r} of several")
    if missing:
        parts.append(f"{missing:,} without text")
    if table.encoding not in (None, "utf-8", "utf-8-sig"):
        parts.append(text_encoding.name_of(table.encoding))
    return ", ".join(parts)


def named(table: Table, columns: Sequence[int]) -> str:
    """The names of columns for messages, or their numbers if the file has no header."""
    return " and ".join(
        str(place + 1) if table.header is False else repr(table.names[place]) for place in columns
    )


def _lines(source: Source) -> Table:
    """A text file as a table with one column and one row per line."""
    encoding = text_encoding.find_encoding(source.chunks, source.name)

    def read(positions: Sequence[int]) -> Iterator[Row]:
        with io.TextIOWrapper(source.open(), encoding) as file:
            for line in file:
                yield [line.rstrip("\n")] * len(positions)

    return Table(("text",), read, encoding=encoding, whole_lines=True)
