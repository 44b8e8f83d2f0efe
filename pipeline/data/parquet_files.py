"""Read Parquet files, whose columns of strings may have any of Arrow's types for strings."""

import json
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.data.sources import Source
from pipeline.data.tables import Cell, Row, Table, unique_names
from pipeline.errors import PipelineError, one_line

_BATCH = 1024
"""Rows in memory at once."""


def read_table(source: Source, most_bytes: int | None = None) -> Table:
    """A .parquet as a table.

    Args:
        source: the file.
        most_bytes: the most bytes that the uncompressed file may have; None: no limit.

    Raises:
        PipelineError: it is not a parquet file, or it is too large.
    """
    try:
        with source.open() as stream, pq.ParquetFile(stream) as file:
            schema = file.schema_arrow
            groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
    except (pa.ArrowException, OSError) as error:
        raise PipelineError(f"{source.name} can't be read: {one_line(error)}") from error
    unpacked = sum(group.total_byte_size for group in groups)
    if most_bytes is not None and unpacked > most_bytes:
        raise PipelineError(f"{source.name} is larger than {most_bytes // 2**20} MB unpacked")
    names, repeated = unique_names(schema.names)
    no_texts = {
        place: str(field.type) for place, field in enumerate(schema) if not _is_text(field.type)
    }

    class_names = {
        place: found
        for place, field in enumerate(schema)
        if (found := _class_names(schema, field.name))
    }
    sizes = [group.num_rows for group in groups]

    def read(positions: Sequence[int]) -> Iterator[Row]:
        return part(positions, range(sum(sizes)))

    def part(positions: Sequence[int], rows: range) -> Iterator[Row]:
        wanted = [schema.names[position] for position in positions]
        own, before = groups_of(sizes, rows)
        try:
            with source.open() as stream, pq.ParquetFile(stream) as file:
                for batch in file.iter_batches(_BATCH, own, wanted) if own else ():
                    start, stop = max(before, 0), min(before + len(rows), len(batch))
                    before -= len(batch)
                    if start >= stop:
                        continue
                    kept = batch.slice(start, stop - start)
                    columns = [_cells(kept.column(name)) for name in wanted]
                    yield from zip(*columns, strict=True)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise PipelineError(f"{source.name} can't be read: {one_line(error)}") from error

    return Table(
        names,
        read,
        no_texts=no_texts,
        repeated=repeated,
        part=part,
        rows=sum(sizes),
        class_names=class_names,
    )


def groups_of(sizes: Sequence[int], rows: range) -> tuple[list[int], int]:
    """The row groups that hold a range of rows.

    Args:
        sizes: the number of rows in each group, in the file's order.
        rows: the numbers of the rows, without gaps.

    Returns:
        Numbers of the groups, and how many rows of the first one come before ``rows``.
    """
    firsts = [0, *accumulate(sizes)]
    own = [
        group
        for group, (first, end) in enumerate(pairwise(firsts))
        if max(first, rows.start) < min(end, rows.stop)
    ]
    return own, rows.start - firsts[own[0]] if own else 0


def _class_names(schema: pa.Schema, column: str) -> tuple[str, ...]:
    """The class names of a column's numbers, if the datasets library stored them; else empty."""
    try:
        noted = json.loads((schema.metadata or {})[b"huggingface"])
        names = noted["info"]["features"][column]["names"]
    except (KeyError, TypeError, ValueError):
        return ()
    return tuple(map(str, names)) if isinstance(names, list) else ()


def _is_text(kind: pa.DataType) -> bool:
    """Whether a column of this type holds strings, bytes that may be strings, or only nulls."""
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    forms = (
        *(pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
        *(pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view),
        pa.types.is_null,
    )
    return any(is_form(kind) for is_form in forms)


def _cells(column: pa.Array) -> list[Cell]:
    """A batch of a column's values as strings. Each value of a dictionary is converted once."""
    if pa.types.is_dictionary(column.type):
        words = _cells(column.dictionary)
        return [None if code is None else words[code] for code in column.indices.to_pylist()]
    return [_cell(value) for value in column.to_pylist()]


def _cell(value: object) -> Cell:
    if isinstance(value, bytes):
        return value.decode("utf-8")
    return value if value is None or isinstance(value, str) else str(value)
