"""Reading what people upload: headlines from a .txt, or a column of a .csv.

Everything here takes bytes that nobody has checked. What can't be read is a PipelineError of one
line; what is read in spite of a doubt comes with a remark.
"""

import codecs
import csv
import io
import itertools
from collections.abc import Iterator
from typing import TextIO

import pandas as pd

from pipeline.errors import PipelineError

# The same as maxUploadSize in .streamlit/config.toml, which refuses larger files beforehand.
MAX_BYTES = 10 * 1024 * 1024
MAX_COLUMNS = 100
# Far more than is read of a text, and it bounds what an unclosed quote can take in.
LONGEST_FIELD = 1_000_000
csv.field_size_limit(LONGEST_FIELD)  # the process's, so not to be changed while others read
ARCHIVES = {b"PK\x03\x04": "a zip archive or an Excel file", b"\x1f\x8b": "a gzip archive"}
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# What a column of headlines is called, the likeliest first.
LIKELY = ("headline", "headlines", "text", "title", "sentence")
_ODD = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b"))


def decode(data: bytes) -> tuple[str, list[str]]:
    """A text file's text, and a remark where its encoding had to be guessed.

    UTF-8 and UTF-16 are known by their mark, UTF-8 also by being valid; anything else is taken
    for Windows-1252, which browsers, too, read where Latin-1 is meant.

    Raises:
        PipelineError: the file is empty, too large, or no text.
    """
    if len(data) > MAX_BYTES:
        raise PipelineError(f"The file is larger than {MAX_BYTES // 2**20} MB.")
    for start, kind in ARCHIVES.items():
        if data.startswith(start):
            raise PipelineError(f"The file is {kind}, not text. Save it as CSV (UTF-8) first.")
    encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), None)
    remarks = []
    try:
        text = data.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        if encoding:
            raise PipelineError(
                f"The file is marked as {encoding.removesuffix('-sig').upper()} and holds bytes "
                "that are not. Save it anew as UTF-8."
            ) from error
        text = data.decode("cp1252", errors="replace")
        remarks.append(
            "The file is not UTF-8 and was read as Latin-1 (Windows-1252): check accented letters."
        )
    if "\0" in text:
        raise PipelineError("The file holds null bytes: it is not a text file.")
    if encoding != "utf-16" and len(data) - len(data.translate(None, _ODD)) > len(data) / 100:
        raise PipelineError("The file is full of control characters: it is not a text file.")
    if not text.strip():
        raise PipelineError("The file is empty.")
    return text, remarks


def csv_rows(file: TextIO) -> Iterator[list[str]]:
    """The rows of a CSV file one at a time, its header among them, blank lines left out.

    The separator is the one of comma, semicolon and tab that the first line has most of.

    Args:
        file: from its beginning, opened with ``newline=""``.

    Raises:
        csv.Error: a row has another number of fields than the first, or a quote is never closed.
    """
    lines = (file.readline(LONGEST_FIELD) for _ in range(100))
    first = next((line for line in lines if line.strip()), "")
    file.seek(0)
    reader = csv.reader(file, delimiter=max(",;\t", key=first.count), strict=True)
    fields = 0
    try:
        for row in filter(None, reader):
            fields = fields or len(row)
            if len(row) != fields:
                raise csv.Error(
                    f"{len(row):,} fields where the first has {fields:,}; "
                    "a headline that holds the separator must stand in quotes"
                )
            yield row
    except csv.Error as error:
        raise csv.Error(f"line {reader.line_num:,}: {error}") from None


def read_csv(text: str, max_rows: int, header: bool = True) -> tuple[pd.DataFrame, list[str]]:
    """A table of strings, and remarks on what was cut.

    Args:
        text: of the whole file.
        max_rows: rows that are read; of more, only their being there is noticed.
        header: whether the first row holds the columns' names.

    Raises:
        PipelineError: the text is no CSV, or there are no rows or too many columns.
    """
    try:
        rows = csv_rows(io.StringIO(text, newline=""))
        first = next(rows, [])
        if len(first) > MAX_COLUMNS:
            raise PipelineError(f"The file has more than {MAX_COLUMNS} columns.")
        below = rows if header else itertools.chain([first], rows)
        found = list(itertools.islice(below, max_rows + 1))
    except csv.Error as error:
        raise PipelineError(f"The file can't be read as CSV: {error}.") from error
    if not (first and found):
        raise PipelineError("The file has no row below its header.")
    names = unique_names(first if header else [""] * len(first))
    remarks = [cut_remark(max_rows)] if len(found) > max_rows else []
    return pd.DataFrame(found[:max_rows], columns=names, dtype=str), remarks


def cut_remark(max_rows: int) -> str:
    return (
        f"Only the first {max_rows:,} headlines are classified here; "
        "`python -m pipeline classify` takes a file of any length."
    )


def unique_names(names: list[str]) -> list[str]:
    """Names for columns: those without one are numbered, and a second "text" is "text (2)"."""
    given: list[str] = []
    for position, name in enumerate(names, start=1):
        name = " ".join(name.split())[:60] or f"column {position}"
        numbered = (f"{name} ({count})" for count in itertools.count(2))
        given.append(name if name not in given else next(n for n in numbered if n not in given))
    return given


def likely_column(table: pd.DataFrame) -> str:
    """The column that holds the headlines: by its name, else the one with the longest texts."""
    by_name = {name.lower(): name for name in reversed(table.columns)}
    for name in LIKELY:
        if name in by_name:
            return by_name[name]
    return max(table.columns, key=lambda name: table[name].str.len().mean())


def column(table: pd.DataFrame, name: str) -> str:
    """One column as lines, a headline each, whatever line breaks its fields hold.

    Raises:
        PipelineError: there is no such column.
    """
    if name not in table:
        raise PipelineError(f"The file has no column {name!r}.")
    return "\n".join(" ".join(field.split()) for field in table[name])
