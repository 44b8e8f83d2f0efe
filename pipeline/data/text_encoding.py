"""Which encoding a text is in: UTF-8 or UTF-16, with or without a mark, else Windows-1252."""

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
"""Bytes, an even number, that are looked at to tell UTF-16 without a mark from other texts."""
_CONTROLS = bytes(set(range(1, 32)) - set(b"\t\n\v\f\r\x1b"))
"""Control characters that texts do not have."""
_ASCII = frozenset(b"\t\n\r") | frozenset(range(32, 127))
_UTF_8_CHARACTER = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_ABOVE_ASCII = bytes(range(128, 256))


def decode(content: bytes, what: str) -> str:
    """The text of some bytes, without a byte order mark; line ends stay as they are.

    Args:
        content: all of the bytes.
        what: names their source in messages: a file's name, or "standard input".

    Raises:
        PipelineError: they are no text in any of the encodings; the message names the line.
    """
    return content.decode(find_encoding(lambda: [content], what))


def name_of(encoding: str) -> str:
    """What people call an encoding that ``find_encoding`` gave."""
    return _NAMES.get(encoding, encoding[:6].upper())


def find_encoding(read: Callable[[], Iterable[bytes]], what: str) -> str:
    """The name of the codec that reads every byte of a text, however long it is.

    A byte order mark decides. Without one, a text with null bytes may be UTF-16, valid UTF-8 is
    UTF-8, and the rest is Windows-1252 (which browsers, too, read where Latin-1 is meant) unless
    most of its letters are UTF-8: then it is a damaged UTF-8 text.

    Args:
        read: gives the bytes from their beginning, in chunks; it is called up to four times.
        what: names their source in messages.

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
        f"{what} can't be read as {name_of(encoding or 'utf-8')}: {problem}; save it anew as UTF-8"
    )


def _utf_16_without_mark(start: bytes) -> str | None:
    """The byte order of UTF-16, if the bytes look like it.

    Spaces, digits and line ends of UTF-16 have a null byte; that of most is the second one in
    little-endian texts, the first one in big-endian texts.
    """
    if 0 not in start:
        return None
    encoding = "utf-16-le" if start[1::2].count(0) >= start[::2].count(0) else "utf-16-be"
    even = start[: len(start) // 2 * 2]
    # The decoder is incremental: half a character may stand at the end of the sample.
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(even)
    except UnicodeDecodeError:
        return None
    low, high = (even[::2], even[1::2]) if encoding == "utf-16-le" else (even[1::2], even[::2])
    # Pairs of ASCII characters. Tab and line ends are the high bytes of some scripts of India.
    pairs = sum(one in _ASCII and 32 <= other < 127 for one, other in zip(low, high, strict=True))
    if "\0" in text or 2 * pairs > len(low):
        return None
    if any(byte > 127 for byte in start) and _first_problem([start[:-3]], "utf-8") is None:
        return None
    return encoding


def _refuse_binary(start: bytes, what: str) -> None:
    """Raise a PipelineError for a picture, a program, or anything else that is no text."""
    if len(start) - len(start.translate(None, _CONTROLS)) > len(start) / 100:
        raise PipelineError(f"{what} is full of control characters: it is not a text file")


def _mostly_utf_8(chunks: Iterable[bytes]) -> bool:
    """Whether most bytes above ASCII are parts of UTF-8 characters: a damaged UTF-8 text."""
    inside = above = 0
    for chunk in chunks:
        inside += sum(len(found) for found in _UTF_8_CHARACTER.findall(chunk))
        above += len(chunk) - len(chunk.translate(None, _ABOVE_ASCII))
    return 2 * inside > above


def _first_problem(chunks: Iterable[bytes], encoding: str) -> str | None:
    """What of the bytes is no text in that encoding, with its line; None if all is well."""
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
        # The part before the error is fine, but for a mark that its codec takes off.
        before = error.object[: error.start].decode(encoding, "ignore")
        line += _line_ends(before)
        return f"byte 0x{error.object[error.start]:02x} in line {line:,} is no character of it"
    return None


def _line_ends(text: str) -> int:
    """Line ends of a text; CR alone counts where there is no LF."""
    return text.count("\n") or text.count("\r")
