"""Files that are complete or absent: checksums, atomic writes, waiting for the disk, locks."""

import contextlib
import errno
import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pipeline.errors import PipelineError


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(**parts: Any) -> str:
    """sha256 of the parts: settings, the data's fingerprint, the parents' fingerprints."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def write_json(path: Path, content: Any) -> None:
    """Write JSON so that ``path`` never holds half of it.

    Raises:
        PipelineError: a number in it is not finite; the message names the file and the place.
    """
    check_finite(content, str(path))
    beside = path.with_name(f".{path.name}.new")
    text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
    with beside.open("w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def check_finite(content: Any, what: str) -> None:
    """Raise a PipelineError if a number in a JSON value is not finite; it names the first one."""
    for place, number in _numbers(content):
        if not math.isfinite(number):
            raise PipelineError(
                f"{what} can't be written: {place} is {number}, where a finite number is due"
            )


def _numbers(value: Any, place: str = "") -> Iterator[tuple[str, float]]:
    """Yield the place and the value of each float in a JSON value.

    Places look like "cost.p50_ms" or "training.rates.2".
    """
    if isinstance(value, float):
        yield place, value
    elif isinstance(value, dict | list | tuple):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for name, inner in items:
            yield from _numbers(inner, f"{place}.{name}" if place else str(name))


def sync(path: Path) -> None:
    """Wait until a file, or a folder with all its content, is on the disk.

    Only then may it get its final name or a mark that says that it is complete. So a crash can't
    leave half of it under that name.
    """
    for each in (path, *path.rglob("*")):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def locked(folder: Path) -> AbstractContextManager[None]:
    """A lock that lets one run at a time work in a folder; a second run gets a PipelineError.

    The folder holds stages, or is the run's own.
    """
    return alone(
        folder.with_name(f".lock-{folder.name.lstrip('.')}"),
        f"another run is at work in {folder}; wait until it ends, "
        "or name another folder with --work and another run with --run",
    )


@contextmanager
def alone(lock: Path, said: str) -> Iterator[None]:
    """Let one process at a time into a block, which writes files beside the lock.

    Args:
        lock: the lock's file; the file and its folder are made if they are missing.
        said: the error message for a second process.

    Raises:
        PipelineError: another process is in the block, or nothing can be written there.
    """
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        # An existing lock can be taken even in a read-only folder, so try to write a file.
        tempfile.TemporaryFile(dir=lock.parent).close()
        held = FileLock(lock).acquire(timeout=0)
    except Timeout:
        raise PipelineError(said) from None
    except OSError as error:
        if error.errno == errno.ENOSPC:  # nothing is wrong with the folder
            raise
        raise PipelineError(
            f"{lock.parent} can't be written to: {error.strerror}; "
            "make it writable, or name another folder"
        ) from error
    with held:
        yield


def link_or_copy(source: Path, target: Path) -> None:
    with contextlib.suppress(OSError):
        os.link(source, target)
        return
    shutil.copyfile(source, target)
