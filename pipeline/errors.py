"""The errors that are meant for people."""

from collections.abc import Iterator
from contextlib import contextmanager

FAILED, USAGE, INTERRUPTED = 1, 2, 130
"""Exit codes of the command line; a usage error has argparse's, an interrupt a shell's."""


class PipelineError(Exception):
    """What is wrong and what to do, in one line; shown without a trace."""


class UsageError(PipelineError):
    """A command line that asks for what does not go together."""


def one_line(error: BaseException) -> str:
    """The first line of what an error says, or its kind where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


@contextmanager
def reading(what: str) -> Iterator[None]:
    """A block that reads what others wrote; an error in it becomes one line, which names it."""
    try:
        yield
    except PipelineError:
        raise
    except Exception as error:  # transformers, tokenizers and safetensors raise a dozen kinds
        raise PipelineError(f"can't read {what}: {one_line(error)}") from error
