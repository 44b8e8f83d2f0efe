"""Standard input and output as consoles really are: of any encoding, and closed at any time."""

import os
import sys
from collections.abc import Iterator
from io import TextIOWrapper


def write_any_character() -> None:
    r"""Let a character that the console can't show be written as ``\u2026``, rather than fail."""
    for stream in _streams():
        stream.reconfigure(errors="backslashreplace")


def let_go() -> None:
    """Write what is still buffered, or drop it where nobody reads: at exit it would be a trace."""
    for stream in _streams():
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def read_standard_input(noun: str) -> bytes:
    """All of standard input, a text a line; nothing where there is none.

    Args:
        noun: for one text, for whoever types.
    """
    if sys.stdin is None:  # closed before the program began
        return b""
    if sys.stdin.isatty():
        end = "ctrl-Z and Enter" if os.name == "nt" else "ctrl-D"
        print(f"one {noun} a line; end with {end}", file=sys.stderr)
    return sys.stdin.buffer.read()


def shown(text: str, width: int) -> str:
    """Text on one line of so many characters at most, without what would move the cursor."""
    text = " ".join(text.split())
    text = "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )
    return text if len(text) <= width else text[: width - 1] + "…"


def _streams() -> Iterator[TextIOWrapper]:
    """Standard output and standard error, where they are there and write to something outside."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and not stream.closed:
            yield stream
