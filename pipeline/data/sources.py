"""Where a table's bytes come from: a file on the disk, or an uploaded file."""

import gzip
import io
import re
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from pipeline.errors import PipelineError, one_line

KINDS = (".csv", ".tsv", ".txt", ".jsonl", ".json", ".parquet")
"""Endings of the files that can be read; each may be followed by ``.gz``."""
OTHER_NAMES = {".ndjson": ".jsonl", ".text": ".txt", ".tab": ".tsv", ".pq": ".parquet"}
"""Other endings of the same kinds."""
_SPREADSHEET = "a spreadsheet; in its program, save the sheet as CSV (UTF-8)"
_ARCHIVE = "an archive; unpack it and give the file inside"
_REFUSED = {
    **dict.fromkeys((".xlsx", ".xls", ".xlsm", ".ods", ".numbers"), _SPREADSHEET),
    **dict.fromkeys((".zip", ".7z", ".rar", ".tar", ".tgz", ".bz2", ".xz", ".zst"), _ARCHIVE),
}
_FIRST_BYTES = {
    b"PK\x03\x04": "a zip archive or an Excel file; unpack it, or save the sheet as CSV (UTF-8)",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file; save it as CSV (UTF-8)",
    b"%PDF": "a PDF; save its texts as CSV (UTF-8)",
}
_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Source:
    """A file whose bytes can be read from the beginning any number of times."""

    name: str
    """What messages call it."""
    kind: str
    """One of ``KINDS``."""
    open: Callable[[], BinaryIO]
    """Returns a new stream of the bytes, decompressed if the file is a gzip file."""

    def chunks(self) -> Iterator[bytes]:
        """The bytes, a megabyte at a time."""
        with self.open() as file:
            while chunk := file.read(_CHUNK):
                yield chunk


def from_path(path: Path) -> Source:
    """A file on the disk.

    Raises:
        PipelineError: there is no such file, or this kind of file can't be read.
    """
    if not path.is_file():
        raise PipelineError(f"no file at {path}")
    name, kind = str(path), kind_of(path.name)
    with path.open("rb") as file:
        start = file.read(4)
    _check_first_bytes(start, name, kind)
    packed = start.startswith(_GZIP)

    def unpacked() -> BinaryIO:
        return cast(BinaryIO, gzip.open(path)) if packed else path.open("rb")

    return Source(name, kind, _seekable(unpacked) if packed and kind == ".parquet" else unpacked)


def from_bytes(name: str, content: bytes, most: int) -> Source:
    """An uploaded file.

    Args:
        name: the file's name.
        content: all of its bytes.
        most: the most bytes that it may have, decompressed if it is a gzip file.

    Raises:
        PipelineError: this kind of file can't be read, or the file is too large or damaged.
    """
    name = " ".join(name.split())
    kind = kind_of(name)
    with readable(name):
        if content.startswith(_GZIP):
            with gzip.open(io.BytesIO(content)) as file:
                content = file.read(most + 1)
    if len(content) > most:
        raise PipelineError(f"{name} is larger than {most // 2**20} MB")
    _check_first_bytes(content[:4], name, kind)
    return Source(name, kind, lambda: io.BytesIO(content))


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Turn the errors of a damaged gzip file in a block that reads it into a PipelineError."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise PipelineError(f"{name} is a damaged gzip file: {one_line(error)}") from error


def kind_of(name: str) -> str:
    """The kind of a file by the ending of its name, one of ``KINDS``.

    Raises:
        PipelineError: it is another kind; the message lists the kinds, or says how to save it.
    """
    ending = re.sub(r"\.gz$", "", name.lower())
    ending = "." + ending.rpartition(".")[2] if "." in ending else ""
    ending = OTHER_NAMES.get(ending, ending)
    if ending in _REFUSED:
        raise PipelineError(f"{name} is {_REFUSED[ending]}")
    if ending not in KINDS:
        kinds = f"{', '.join(KINDS[:-1])} or {KINDS[-1]}"
        raise PipelineError(f"{name} is not a {kinds} file, nor one of these with .gz")
    return ending


def _check_first_bytes(start: bytes, name: str, kind: str) -> None:
    """Raise a PipelineError if the first bytes show another kind of file than the name says."""
    for known, what in _FIRST_BYTES.items():
        if start.startswith(known):
            raise PipelineError(f"{name} is {what}")
    if start == _PARQUET and kind != ".parquet":
        raise PipelineError(f"{name} is a parquet file; name it so")


def _seekable(unpacked: Callable[[], BinaryIO]) -> Callable[[], BinaryIO]:
    """Return a function that decompresses into a temporary file, where a stream can seek.

    Parquet needs this, because it is read from its end.
    """

    def open_copy() -> BinaryIO:
        copy = tempfile.TemporaryFile()  # noqa: SIM115 (the caller closes it)
        with unpacked() as file:
            while chunk := file.read(_CHUNK):
                copy.write(chunk)
        copy.seek(0)
        return cast(BinaryIO, copy)

    return open_copy
