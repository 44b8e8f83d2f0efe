"""Which files of a folder hold the training rows, and which the test rows."""

import re
from pathlib import Path

from pipeline.data import sources
from pipeline.errors import PipelineError

_KINDS = [kind for kind in sources.KINDS if kind != ".txt"]
_PARTS = re.compile(r"(train|test)(?:-(\d+)-of-(\d+))?(\.[a-z]+(?:\.gz)?)$", re.IGNORECASE)


def find(folder: Path, split: str) -> list[Path]:
    """The files of a split, in their order: one, or numbered parts as the Hub has them.

    They are called ``train`` or ``test`` in any case, and lie in the folder or in its ``data``.

    Args:
        folder: of the data set.
        split: "train" or "test".

    Raises:
        PipelineError: there is none, there are several, or parts are missing.
    """
    for place in (folder, folder / "data"):
        files = sorted(place.iterdir()) if place.is_dir() else []
        named = [(match, file) for file in files if (match := _PARTS.match(file.name))]
        found = [(match, file) for match, file in named if match[1].lower() == split]
        found = [(match, file) for match, file in found if _is_kind(match[4])]
        if found:
            return _whole(found, folder)
    raise PipelineError(
        f"no {split}.csv in {folder}; the data folder needs it "
        f"(or one of {', '.join(_KINDS[1:])}, each also .gz)"
    )


def _is_kind(ending: str) -> bool:
    try:
        return sources.kind_of(f"train{ending.lower()}") in _KINDS
    except PipelineError:
        return False


def _whole(found: list[tuple[re.Match[str], Path]], folder: Path) -> list[Path]:
    """The files, if they are one, or all parts of one."""
    names = ", ".join(file.name for _, file in found)
    counts = {(match[3], match[4]) for match, _ in found}
    if len(counts) > 1 or (len(found) > 1 and found[0][0][3] is None):
        raise PipelineError(f"{folder} has several files of the same rows: {names}; leave one")
    count = found[0][0][3]
    if count is not None and len(found) != int(count):
        raise PipelineError(f"{folder} has only {len(found)} of {int(count)} parts: {names}")
    return [file for _, file in found]
