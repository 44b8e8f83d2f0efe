"""Standard input and output, which may have any encoding and may be closed at any time."""

import os
import sys
from collections.abc import Iterator
from io import TextIOWrapper


def write_any_character() -> None:
    r"""Write characters that the console can't show as escapes, such as ``\u2026``."""
    for stream in _streams():
        stream.reconfigure(errors="backslashreplace")


def let_go() -> None:
    """Write what is still buffered, or drop it if nobody reads it.

    Python would print an error at exit if anything stayed in a buffer.
    """
    for stream in _streams():
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def read_standard_input(noun: str) -> bytes:
    """All of standard input, one text per line; empty if standard input is closed.

    Args:
        noun: what one text is called, for the person who types.
    """
    if sys.stdin is None:  # closed before the program began
        return b""
    if sys.stdin.isatty():
        end = "ctrl-Z and Enter" if os.name == "nt" else "ctrl-D"
        print(f"one {noun} a line; end with {end}", file=sys.stderr)
    return sys.stdin.buffer.read()


def shown(text: str, width: int) -> str:
    """The text on one line of at most ``width`` characters; unprintable ones are replaced."""
    text = " ".join(text.split())
    text = "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )
    return text if len(text) <= width else text[: width - 1] + "…"


def _streams() -> Iterator[TextIOWrapper]:
    """Yield standard output and standard error, if they are open and write to a real file."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and not stream.closed:
            yield stream
