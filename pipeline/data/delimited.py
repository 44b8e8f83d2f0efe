"""Read CSV and similar files, and detect their separator, their quotes and their header."""

import csv
import io
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.data import column_rules, text_encoding
from pipeline.data.sources import Source
from pipeline.data.tables import MOST_COLUMNS, SAMPLE_ROWS, Row, Table, unique_names
from pipeline.errors import PipelineError

SEPARATORS = ",;\t|"
NO_SEPARATOR = "\x1f"
"""A character that is in no text, so that each line is one field."""
MISSING = frozenset({"NaN", "nan", "NA", "<NA>", "N/A", "#N/A", "null", "NULL", "None"})
"""What pandas, R, databases and Excel write for a missing value, since CSV has no sign for it."""
# Models read far less of a text. The limit bounds how much text an unclosed quote can include.
LONGEST_FIELD = 1_000_000
csv.field_size_limit(LONGEST_FIELD)  # for the whole process, so never changed later
_LONGEST_LINE = 10_000_000
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*$')


@dataclass(frozen=True)
class Dialect:
    """How a file writes its fields."""

    separator: str
    backslashes: bool = False
    r"""Whether a quote in a field is written \" (and not "")."""
    quotes: bool = True
    """Whether fields may be in quotes; if not, a quote is a character like any other."""


def read_table(source: Source, header: bool | None) -> Table:
    """A .csv or .tsv as a table.

    Args:
        source: the file.
        header: whether its first row holds the columns' names; None: detected from the rows.

    Raises:
        PipelineError: it is not a text file, is empty, or has too many columns.
    """
    encoding = text_encoding.find_encoding(source.chunks, source.name)
    dialect = _find_dialect(source, encoding)
    first = list(itertools.islice(_checked_rows(source, encoding, dialect), SAMPLE_ROWS))
    if not first:
        raise PipelineError(f"{source.name} is empty")
    if len(first[0]) > MOST_COLUMNS:
        raise PipelineError(f"{source.name} has more than {MOST_COLUMNS:,} columns")
    if header is None:
        header = column_rules.first_row_is_header(first)
    names, repeated = unique_names(first[0] if header else [""] * len(first[0]))

    def read(positions: Sequence[int]) -> Iterator[Row]:
        rows = _checked_rows(source, encoding, dialect)
        for row in itertools.islice(rows, 1 if header else 0, None):
            yield [row[position] for position in positions]

    return Table(names, read, header, encoding, missing=MISSING, repeated=repeated)


def _find_dialect(source: Source, encoding: str) -> Dialect:
    """Return a dialect in which the first rows all have the same number of fields.

    Dialects with more than one field come first. After that, the separator that is most frequent
    in the first line comes first (in a .tsv, the tab). A line ``sep=…`` names the only separator.
    If no dialect fits, the result is one that raises an error later, when the rows are read.
    """
    with _open(source, encoding) as file:
        lines = iter(lambda: file.readline(LONGEST_FIELD), "")
        line = next(filter(str.strip, lines), "")
        if said := _SEPARATOR_LINE.match(line):
            found = [said[1]]
        else:
            found = [separator for separator in SEPARATORS if separator in line]
    found.sort(key=lambda one: (source.kind == ".tsv" and one == "\t", line.count(one)))
    if not found:
        return Dialect(NO_SEPARATOR)
    dialects = []
    for separator in reversed(found):
        dialects += [Dialect(separator), Dialect(separator, backslashes=True)]
        if separator == "\t":
            dialects.append(Dialect(separator, quotes=False))
    fields = {dialect: _fields(source, encoding, dialect) for dialect in dialects}
    fitting = [dialect for dialect in dialects if fields[dialect]]
    several = [dialect for dialect in fitting if fields[dialect] > 1]
    return [*several, *fitting, *dialects][0]


def _fields(source: Source, encoding: str, dialect: Dialect) -> int:
    """The number of fields in each of the first rows; 0 if it differs or they can't be read."""
    try:
        rows = list(itertools.islice(_checked_rows(source, encoding, dialect), SAMPLE_ROWS))
    except PipelineError:
        return 0
    return len(rows[0]) if rows else 0


def _checked_rows(source: Source, encoding: str, dialect: Dialect) -> Iterator[list[str]]:
    """Yield the rows, the header included. Blank lines and extra empty fields are left out.

    Raises:
        PipelineError: a row has another number of fields than the first, or a quote is never
            closed; the message names the line.
    """
    fields = 0
    with _open(source, encoding) as file:
        lines = _lines(file, dialect)
        reader = csv.reader(
            lines,
            delimiter=dialect.separator,
            strict=True,
            quoting=csv.QUOTE_MINIMAL if dialect.quotes else csv.QUOTE_NONE,
        )
        try:
            for row in reader:
                if not row or (len(row) == 1 and fields != 1 and not row[0].strip()):
                    continue
                fields = fields or len(row)
                if len(row) > fields and not any(cell.strip() for cell in row[fields:]):
                    row = row[:fields]
                if len(row) != fields:
                    raise csv.Error(
                        f"{len(row):,} fields where the first has {fields:,}; "
                        "a text that holds the separator must stand in quotes "
                        "(a file of texts alone, one a line, is a .txt)"
                    )
                yield row
        except csv.Error as error:
            raise PipelineError(
                f"{source.name} can't be read as CSV: line {reader.line_num:,}: {_said(error)}"
            ) from error


def _lines(file: io.TextIOWrapper, dialect: Dialect) -> Iterator[str]:
    """Yield the lines with their ends. Excel's line ``sep=…`` becomes a blank line."""
    first = True
    while line := file.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise csv.Error(f"longer than {_LONGEST_LINE:,} characters")
        if first and line.strip():
            first = False
            if _SEPARATOR_LINE.match(line):
                line = "\n"
        yield line.replace('\\"', '""') if dialect.backslashes else line


def _open(source: Source, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(source.open(), encoding, newline="")


def _said(error: csv.Error) -> str:
    """The csv module's message, changed so that it tells users what to do."""
    said = str(error)
    if "expected after" in said:
        return "text follows a closing quote; double each quote that belongs to a text"
    if "unexpected end of data" in said:
        return "a quote is never closed"
    return said
