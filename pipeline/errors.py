"""The one kind of error that is meant for people."""


class PipelineError(Exception):
    """What is wrong and what to do, in one line; shown without a trace."""


def one_line(error: BaseException) -> str:
    """The first line of what an error says, or its kind where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
