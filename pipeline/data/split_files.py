"""Which files of a folder hold the training rows, the validation rows and the test rows."""

import re
from pathlib import Path

from pipeline.data import sources
from pipeline.errors import PipelineError

SPLITS = ("train", "validation", "test")
_OTHER_NAMES = dict.fromkeys(("valid", "val", "dev"), "validation")
_KINDS = [kind for kind in sources.KINDS if kind != ".txt"]
_PARTS = re.compile(
    r"(train|validation|valid|val|dev|test)(?:-(\d+)-of-(\d+))?(\.[a-z]+(?:\.gz)?)$", re.IGNORECASE
)


def find(folder: Path, split: str) -> list[Path]:
    """The files of a split in order: one file, or numbered parts as on the Hub.

    Their names are the split's name, in upper or lower case. They are in the folder itself or in
    its folder ``data``.

    Args:
        folder: the folder of the data set.
        split: one of ``SPLITS``.

    Raises:
        PipelineError: there is no file, there are several, or parts are missing.
    """
    if found := _of_split(folder, split):
        return _whole(found, folder)
    raise PipelineError(
        f"no {split}.csv in {folder}; the data folder needs it "
        f"(or one of {', '.join(_KINDS[1:])}, each also .gz)"
    )


def find_all(folder: Path) -> dict[str, list[Path]]:
    """The files of every split in a folder, each as ``find`` returns them.

    If no file has a split's name, the folder's only table holds the training rows.

    Raises:
        PipelineError: there are no training rows, several files of a split, or parts are missing.
    """
    found = {split: files for split in SPLITS if (files := _of_split(folder, split))}
    if "train" not in found:
        tables = [file for file in sorted(folder.iterdir()) if is_kind(file.name)]
        if found or len(tables) != 1:
            return {"train": find(folder, "train")}
        return {"train": tables}
    return {split: _whole(files, folder) for split, files in found.items()}


def _of_split(folder: Path, split: str) -> list[tuple[re.Match[str], Path]]:
    """The files with a split's name, each after the match of its name with ``_PARTS``."""
    for place in (folder, folder / "data"):
        files = sorted(place.iterdir()) if place.is_dir() else []
        named = [(match, file) for file in files if (match := _PARTS.match(file.name))]
        found = [
            (match, file)
            for match, file in named
            if _OTHER_NAMES.get(match[1].lower(), match[1].lower()) == split and is_kind(file.name)
        ]
        if found:
            return found
    return []


def is_kind(name: str) -> bool:
    """Whether a file's name has the ending of a table that can be read; ``.txt`` doesn't count."""
    try:
        return sources.kind_of(name.lower()) in _KINDS
    except PipelineError:
        return False


def _whole(found: list[tuple[re.Match[str], Path]], folder: Path) -> list[Path]:
    """Return the files if they are one file or all parts of one; else raise a PipelineError."""
    names = ", ".join(file.name for _, file in found)
    counts = {(match[3], match[4]) for match, _ in found}
    if len(counts) > 1 or (len(found) > 1 and found[0][0][3] is None):
        raise PipelineError(f"{folder} has several files of the same rows: {names}; leave one")
    count = found[0][0][3]
    if count is not None and len(found) != int(count):
        raise PipelineError(f"{folder} has only {len(found)} of {int(count)} parts: {names}")
    return [file for _, file in found]
