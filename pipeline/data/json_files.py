"""Read JSON Lines, or a JSON list of objects, one value at a time."""

import io
import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.data import text_encoding
from pipeline.data.sources import Source
from pipeline.data.tables import SAMPLE_ROWS, Cell, Row, Table, unique_names
from pipeline.errors import PipelineError

_CHUNK = 1 << 16
_LONGEST_VALUE = 100_000_000
"""The most characters of one value. If a file has only one, it may hold all rows."""
_NEAR = 16
"""An error within this many characters of the buffer's end may mean that more must be read."""


def read_table(source: Source) -> Table:
    """A .jsonl or .json as a table; its columns are the keys of the first objects.

    A file may also be one object of lists (one list per column), one object with a list of objects
    under its only key that holds a list, or only texts.

    Raises:
        PipelineError: the file is none of these.
    """
    encoding = text_encoding.find_encoding(source.chunks, source.name)

    def rows() -> Iterator[dict[str, Any]]:
        for number, value in enumerate(_values(source, encoding), start=1):
            if isinstance(value, dict):
                yield value
            elif isinstance(value, str) or value is None:
                yield {"text": value}
            else:
                raise PipelineError(
                    f"{source.name}: row {number:,} is a {_type(value)}; each row must be an "
                    "object with named fields, or a text"
                )

    keys: dict[str, None] = {}
    kinds: dict[str, str] = {}
    for row in itertools.islice(rows(), SAMPLE_ROWS):
        keys |= dict.fromkeys(row)
        kinds |= {key: _type(value) for key, value in row.items() if value is not None}
    if not keys:
        raise PipelineError(f"{source.name} holds no text")
    names, repeated = unique_names(list(keys))
    no_texts = {
        place: kinds[key] for place, key in enumerate(keys) if kinds.get(key, "text") != "text"
    }

    def read(positions: Sequence[int]) -> Iterator[Row]:
        wanted = [list(keys)[position] for position in positions]
        for row in rows():
            yield [_cell(row.get(key)) for key in wanted]

    return Table(names, read, encoding=encoding, no_texts=no_texts, repeated=repeated)


def _cell(value: Any) -> Cell:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _type(value: Any) -> str:
    """The name of a JSON value's type, for messages."""
    names = {str: "text", bool: "truth value", int: "number", float: "number", list: "list"}
    return names.get(type(value), "object")


def _values(source: Source, encoding: str) -> Iterator[Any]:
    """Yield the rows of a file in any of the accepted forms."""
    with io.TextIOWrapper(source.open(), encoding) as file:
        values = _stream(file, source.name)
        first = next(values, None)
        if source.kind == ".json" and isinstance(first, dict):
            second = next(values, None)
            if second is None:
                yield from _rows_of(first)
                return
            values = itertools.chain([second], values)
        if first is not None:
            yield first
        yield from values


def _rows_of(whole: dict[str, Any]) -> list[Any]:
    """The rows of a file that is one object."""
    columns = list(whole.values())
    lists = [value for value in columns if isinstance(value, list)]
    if len(lists) == 1 and all(isinstance(value, dict) for value in lists[0]):
        return lists[0]
    # pandas writes a column as an object that maps row numbers to values.
    series = [list(v.values()) if isinstance(v, dict) else v for v in columns]
    if all(isinstance(one, list) for one in series) and len({len(one) for one in series}) == 1:
        return [dict(zip(whole, row, strict=True)) for row in zip(*series, strict=True)]
    return [whole]


def _stream(file: io.TextIOWrapper, name: str) -> Iterator[Any]:
    """Yield the values that follow each other in a file, or those of its only list, one at a time.

    Raises:
        PipelineError: the text is not JSON; the message names the line.
    """
    decoder = json.JSONDecoder()
    buffer, place, lines, ended = "", 0, 1, False
    in_list: bool | None = None
    while True:
        while place < len(buffer) and buffer[place] in " \t\r\n,\ufeff":
            place += 1
        if place < len(buffer) and in_list is None:
            in_list = buffer[place] == "["
            place += in_list
            continue
        if in_list and buffer[place : place + 1] == "]":
            return
        if place < len(buffer):
            value, place, wrong = _next_value(decoder, buffer, place, ended)
            if wrong is None:
                yield value
                continue
            line = lines + buffer.count("\n", 0, wrong.pos)
            cut = wrong.msg.startswith("Unterminated") or wrong.pos > len(buffer) - _NEAR
            if ended or not cut:
                raise PipelineError(f"{name} can't be read as JSON: line {line:,}: {wrong.msg}")
            if len(buffer) - place > _LONGEST_VALUE:
                raise PipelineError(
                    f"{name}: line {line:,} holds more than {_LONGEST_VALUE:,} characters; "
                    "write an object a line (.jsonl)"
                )
        elif ended:
            if in_list:
                raise PipelineError(f"{name} can't be read as JSON: its list is never closed")
            return
        lines += buffer.count("\n", 0, place)
        more = file.read(max(_CHUNK, len(buffer) - place))
        buffer, place, ended = buffer[place:] + more, 0, not more


def _next_value(
    decoder: json.JSONDecoder, buffer: str, place: int, ended: bool
) -> tuple[Any, int, json.JSONDecodeError | None]:
    """The value at a place, the place after it, and what is wrong with the value or None."""
    try:
        value, end = decoder.raw_decode(buffer, place)
    except json.JSONDecodeError as error:
        return None, place, error
    except RecursionError:
        return None, place, json.JSONDecodeError("lists and objects nest too deep", "", 0)
    if end == len(buffer) and not ended and isinstance(value, int | float):
        # The rest of the number may not have been read yet.
        return None, place, json.JSONDecodeError("cut", buffer, end)
    return value, end, None
