"""Which part of the work is whose, where several machines classify one input.

Every machine is told its number and how many there are, and finds out its own part from the input
alone. Together the parts are the whole input, and no row is in two of them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

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
    """The rows of a file that can be read from anywhere: neighbours, as many as each other shard's.

    Args:
        total: rows of the file.
        shard: whose rows.
    """
    return range(
        total * (shard.index - 1) // shard.count,
        total * shard.index // shard.count,
    )


def lines(shard: Shard) -> slice:
    """The rows of a file that is read from its beginning and whose length is not known: every N-th.

    To be used as in ``islice(rows, lines.start, None, lines.step)``.
    """
    return slice(shard.index - 1, None, shard.count)


def row_groups(sizes: Sequence[int], wanted: range) -> tuple[list[int], int]:
    """The row groups of a parquet file that hold some rows.

    Args:
        sizes: rows of each group, in the file's order.
        wanted: numbers of rows, neighbours.

    Returns:
        Numbers of the groups, and how many rows of the first one come before ``wanted``.
    """
    ends = list(accumulate(sizes))
    firsts = [end - size for end, size in zip(ends, sizes, strict=True)]
    own = [
        group
        for group, (first, end) in enumerate(zip(firsts, ends, strict=True))
        if max(first, wanted.start) < min(end, wanted.stop)
    ]
    return own, wanted.start - firsts[own[0]] if own else 0
