"""Which part of the work is whose, where several machines classify one input.

Every machine is told its number and how many there are, and finds out its own part from the input
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
    """One of ``count`` parts, number ``index`` from 1 on."""

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
    """The shard that ``I/N`` names.

    Raises:
        PipelineError: it names none.
    """
    numbers = re.fullmatch(r"(\d{1,6})/(\d{1,6})", said, re.ASCII)
    if not numbers:
        raise PipelineError(f"{said!r} is no shard; --shard 2/5 is the second of five")
    return Shard(*map(int, numbers.groups()))


def files(sizes: Mapping[str, int], shard: Shard) -> list[str]:
    """The files of a folder that are the shard's, by name.

    The largest file goes first, each to the shard that has the fewest bytes so far: no shard has
    more than one file's bytes above the mean.

    Args:
        sizes: by name, bytes of every file of the folder; the same on every machine.
        shard: whose files.
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
    """The rows of a file that are the shard's: neighbours, as many as each other shard's.

    Args:
        total: rows of the file.
        shard: whose rows.
    """
    return range(
        total * (shard.index - 1) // shard.count,
        total * shard.index // shard.count,
    )


def target_of(target: Path, shard: Shard) -> Path:
    """Where a shard of a file is written: in a file of its own beside those of the others.

    ``answers.parquet`` becomes ``answers-00002-of-00005.parquet``.
    """
    if shard == WHOLE:
        return target
    return target.with_stem(f"{target.stem}-{shard.index:05d}-of-{shard.count:05d}")


def texts(file: TextFile, own: range) -> Iterator[str | None]:
    """The texts of a file's rows of these numbers; None where a row has none.

    Raises:
        PipelineError: a row can't be read; the message names its line.
    """
    if file.table.part is None:
        yield from islice(file.texts(), own.start, own.stop)
        return
    with sources.readable(file.source.name):
        for row in file.table.part(file.columns, own):
            yield text_of(row, file.table)
