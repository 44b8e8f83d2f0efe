"""The errors that are meant for people."""

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
