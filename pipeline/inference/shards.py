"""Shards: how several machines divide the work of classifying one input.

Each machine knows its number and how many machines there are, and computes its part from the input
alone. Together the parts are the whole input, and no row is in two of them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pipeline.data import sources
from pipeline.data.reader import TextFile, text_of
from pipeline.errors import PipelineError


@dataclass(frozen=True)
class Shard:
    """Part number ``index``, counted from 1, of ``count`` parts."""

    index: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.index <= self.count:
            raise PipelineError(
                f"there is no shard {self.index} of {self.count}; they are numbered from 1 on"
            )

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


WHOLE = Shard(1, 1)
"""All of the work."""


def parse(said: str) -> Shard:
    """The shard that a text ``I/N`` stands for.

    Raises:
        PipelineError: the text has another form, or there is no such shard.
    """
    numbers = re.fullmatch(r"(\d{1,6})/(\d{1,6})", said, re.ASCII)
    if not numbers:
        raise PipelineError(f"{said!r} is no shard; --shard 2/5 is the second of five")
    return Shard(*map(int, numbers.groups()))


def files(sizes: Mapping[str, int], shard: Shard) -> list[str]:
    """The names of a folder's files that belong to a shard.

    Files are assigned from the largest to the smallest, each to the shard with the fewest bytes so
    far. So no shard is above the mean by more than the size of one file.

    Args:
        sizes: the size in bytes of every file of the folder, by name; the same on every machine.
        shard: the shard whose files are returned.
    """
    loads = [0] * shard.count
    own = []
    for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
        lightest = loads.index(min(loads))
        loads[lightest] += sizes[name]
        if lightest == shard.index - 1:
            own.append(name)
    return sorted(own)


def rows(total: int, shard: Shard) -> range:
    """The contiguous rows of a file that belong to a shard; shards differ by at most one row.

    Args:
        total: number of rows of the file.
        shard: the shard whose rows are returned.
    """
    return range(
        total * (shard.index - 1) // shard.count,
        total * shard.index // shard.count,
    )


def target_of(target: Path, shard: Shard) -> Path:
    """The file that a shard is written to, beside those of the other shards.

    For shard 2/5, ``answers.parquet`` becomes ``answers-00002-of-00005.parquet``. The whole work is
    written to ``target`` itself.
    """
    if shard == WHOLE:
        return target
    return target.with_stem(f"{target.stem}-{shard.index:05d}-of-{shard.count:05d}")


def texts(file: TextFile, own: range) -> Iterator[str | None]:
    """The texts of the rows ``own`` of a file; None for a row without text.

    Raises:
        PipelineError: a row can't be read; the message names its line.
    """
    if file.table.part is None:
        yield from islice(file.texts(), own.start, own.stop)
        return
    with sources.readable(file.source.name):
        for row in file.table.part(file.columns, own):
            yield text_of(row, file.table)
