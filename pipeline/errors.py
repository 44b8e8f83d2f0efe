"""Errors whose messages are shown to users."""

from collections.abc import Iterator
from contextlib import contextmanager

FAILED, USAGE, INTERRUPTED = 1, 2, 130
"""Exit codes of the command line: 2 as in argparse, 130 as in shells."""


class PipelineError(Exception):
    """An error that says in one line what is wrong and what to do. It is shown without a trace."""


class UsageError(PipelineError):
    """The options of a command line do not go together."""


def one_line(error: BaseException) -> str:
    """The first line of an error's message, or the name of its type if the message is empty."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn any error in a block that reads foreign files into a PipelineError that names them."""
    try:
        yield
    except PipelineError:
        raise
    except Exception as error:  # transformers, tokenizers and safetensors raise a dozen kinds
        raise PipelineError(f"can't read {what}: {one_line(error)}") from error
