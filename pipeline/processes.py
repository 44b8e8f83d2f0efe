"""Several processes on one run, as ``accelerate launch`` starts them.

All of them train together. The first process does all other work alone, and only it writes files.
The others wait for it.
"""

import os
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from pipeline.errors import PipelineError

if TYPE_CHECKING:
    from accelerate import PartialState

# A process may wait for hours while the first one evaluates; the default is half an hour.
_PATIENCE = timedelta(days=7)


def count() -> int:
    """How many processes work on this run."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this process is the one that writes."""
    return int(os.environ.get("RANK", "0")) == 0


def share(rows: int) -> int:
    """How many of a batch's rows each process gets.

    Raises:
        PipelineError: the rows can't be divided evenly.
    """
    if rows % count():
        raise PipelineError(
            f"{count()} processes can't share batches of {rows} rows evenly; start 2, 4 or 8"
        )
    return rows // count()


def wait_for_all() -> None:
    """Wait until every process has called this function."""
    if count() > 1:
        _state().wait_for_everyone()


@cache
def _state() -> "PartialState":
    """accelerate's state of the processes. The first call connects them."""
    import torch
    from accelerate import PartialState

    return PartialState(cpu=not torch.accelerator.is_available(), timeout=_PATIENCE)
