"""Detect a text's encoding: UTF-8 or UTF-16, with or without a mark, or else Windows-1252."""

import codecs
import re
from collections.abc import Callable, Iterable

from pipeline.errors import PipelineError

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_NAMES = {"cp1252": "Windows-1252", "utf-8-sig": "UTF-8"}
_SAMPLE = 1 << 16
"""How many bytes are read to detect UTF-16 without a mark; an even number."""
_CONTROLS = bytes(set(range(1, 32)) - set(b"\t\n\v\f\r\x1b"))
"""Control characters that texts do not have."""
_ASCII = frozenset(b"\t\n\r") | frozenset(range(32, 127))
_UTF_8_CHARACTER = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_ABOVE_ASCII = bytes(range(128, 256))


def decode(content: bytes, what: str) -> str:
    """Decode a text and remove its byte order mark. Line ends do not change.

    Args:
        content: all bytes of the text.
        what: the name of their source in messages: a file's name, or "standard input".

    Raises:
        PipelineError: they are not text in any of the encodings; the message names the line.
    """
    return content.decode(find_encoding(lambda: [content], what))


def name_of(encoding: str) -> str:
    """The usual name of an encoding that ``find_encoding`` returned."""
    return _NAMES.get(encoding, encoding[:6].upper())


def find_encoding(read: Callable[[], Iterable[bytes]], what: str) -> str:
    """The name of the codec that decodes all bytes of a text, which may have any length.

    A byte order mark decides. Without one, a text with null bytes may be UTF-16, and valid UTF-8 is
    UTF-8. Any other text is Windows-1252, which browsers also use for Latin-1. It is an error if
    most bytes above ASCII in such a text are UTF-8, because then it is a damaged UTF-8 text.

    Args:
        read: returns the bytes from the beginning, in chunks; it is called up to four times.
        what: the name of their source in messages.

    Raises:
        PipelineError: no codec reads them; the message names the first bad byte and its line.
    """
    start = next(iter(read()), b"")[:_SAMPLE]
    encoding = next((name for mark, name in _MARKS.items() if start.startswith(mark)), None)
    encoding = encoding or _utf_16_without_mark(start)
    if encoding is None or encoding.startswith("utf-8"):
        _refuse_binary(start, what)
    problem = _first_problem(read(), encoding or "utf-8")
    if problem is None:
        return encoding or "utf-8"
    if encoding is None and "null byte" not in problem and not _mostly_utf_8(read()):
        encoding, problem = "cp1252", _first_problem(read(), "cp1252")
        if problem is None:
            return encoding
    raise PipelineError(
        f"{what} can't be read as {name_of(encoding or 'utf-8')}: {problem}; save it again as UTF-8"
    )


def _utf_16_without_mark(start: bytes) -> str | None:
    """The codec for UTF-16 in the right byte order, if the bytes look like UTF-16; else None.

    Spaces, digits and line ends have a null byte in UTF-16. It is their second byte in
    little-endian texts, and their first byte in big-endian texts.
    """
    if 0 not in start:
        return None
    encoding = "utf-16-le" if start[1::2].count(0) >= start[::2].count(0) else "utf-16-be"
    even = start[: len(start) // 2 * 2]
    # The decoder is incremental, because the sample may end within a character.
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(even)
    except UnicodeDecodeError:
        return None
    low, high = (even[::2], even[1::2]) if encoding == "utf-16-le" else (even[1::2], even[::2])
    # Count pairs of ASCII characters. In the high byte, tab and line ends don't count: they are the
    # high bytes of some Indian scripts.
    pairs = sum(one in _ASCII and 32 <= other < 127 for one, other in zip(low, high, strict=True))
    if "\0" in text or 2 * pairs > len(low):
        return None
    if any(byte > 127 for byte in start) and _first_problem([start[:-3]], "utf-8") is None:
        return None
    return encoding


def _refuse_binary(start: bytes, what: str) -> None:
    """Raise a PipelineError for a picture, a program, or anything else that is not text."""
    if len(start) - len(start.translate(None, _CONTROLS)) > len(start) / 100:
        raise PipelineError(f"{what} is full of control characters: it is not a text file")


def _mostly_utf_8(chunks: Iterable[bytes]) -> bool:
    """Whether most bytes above ASCII are parts of UTF-8 characters, as in a damaged UTF-8 text."""
    inside = above = 0
    for chunk in chunks:
        inside += sum(len(found) for found in _UTF_8_CHARACTER.findall(chunk))
        above += len(chunk) - len(chunk.translate(None, _ABOVE_ASCII))
    return 2 * inside > above


def _first_problem(chunks: Iterable[bytes], encoding: str) -> str | None:
    """Describe the first byte that is null or invalid in an encoding, with its line, or None."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    try:
        for chunk in chunks:
            text = decoder.decode(chunk)
            if "\0" in text:
                line += _line_ends(text[: text.index("\0")])
                return f"line {line:,} holds a null byte"
            line += _line_ends(text)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        # The part before the error is valid; the codec at most removes a byte order mark.
        before = error.object[: error.start].decode(encoding, "ignore")
        line += _line_ends(before)
        return f"byte 0x{error.object[error.start]:02x} in line {line:,} is no character of it"
    return None


def _line_ends(text: str) -> int:
    """The number of line ends in a text. CR counts only if there is no LF."""
    return text.count("\n") or text.count("\r")
