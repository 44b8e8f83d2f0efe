"""Folders of stages, named by fingerprints. Each is complete or absent, and is made only once."""

import shutil
from collections.abc import Callable
from pathlib import Path

from pipeline import processes
from pipeline.files import sync


def folder(work: Path, name: str, fingerprint: str) -> Path:
    """The folder of a stage's result; it exists once the stage is complete."""
    return work / f"{name}-{fingerprint[:16]}"


def complete(work: Path, name: str, fingerprint: str, make: Callable[[Path], None]) -> Path:
    """Return a stage's folder, which is made first if it is missing.

    Args:
        work: the folder of all stages.
        name: what the stage makes; the folder's name begins with it.
        fingerprint: of everything that the result depends on.
        make: fills a draft folder. After a kill it gets the draft as it was, or as it was before
            ``clear``, so that training can go on from its last checkpoint.
    """
    target = folder(work, name, fingerprint)
    draft = _draft(target)
    if not target.is_dir():
        if _cleared(draft).is_dir():
            shutil.rmtree(draft, ignore_errors=True)
            _cleared(draft).rename(draft)
        draft.mkdir(parents=True, exist_ok=True)
        make(draft)
        sync(draft)
        draft.rename(target)
    shutil.rmtree(_cleared(draft), ignore_errors=True)
    return target


def complete_together(
    work: Path, name: str, fingerprint: str, make: Callable[[Path], None]
) -> Path:
    """``complete`` for a stage that all processes make; only the first may write in ``make``.

    All processes check for the folder before the first can complete it, so they all agree.
    """
    target = folder(work, name, fingerprint)
    if target.is_dir():
        return complete(work, name, fingerprint, make)

    def make_with_the_others(draft: Path) -> None:
        processes.wait_for_all()  # until the first has opened the draft
        make(draft)
        processes.wait_for_all()  # until nobody reads it any more

    if processes.is_first():
        complete(work, name, fingerprint, make_with_the_others)
    else:
        make_with_the_others(_draft(target))
    processes.wait_for_all()  # until it is complete
    return target


def _draft(target: Path) -> Path:
    return target.with_name(f".draft-{target.name}")


def clear(draft: Path) -> None:
    """Empty a draft before its stage starts from scratch or writes its result.

    The content is kept beside the draft until the stage is complete. So a kill before the result
    is written does not lose checkpoints that took hours.
    """
    if _cleared(draft).is_dir():
        shutil.rmtree(draft)
    else:
        draft.rename(_cleared(draft))
    draft.mkdir()


def _cleared(draft: Path) -> Path:
    return draft.with_name(f"{draft.name}.cleared")
