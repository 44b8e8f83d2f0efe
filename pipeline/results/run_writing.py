"""Writing ``cache/<run>/`` in one step: a run is whole or absent, even if its writer is killed."""

import ctypes
import dataclasses
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pandas as pd
from filelock import FileLock

from pipeline.files import link_or_copy, sha256, write_json
from pipeline.results import records, storage
from pipeline.results.predictions import write_predictions
from pipeline.results.records import CacheError, RunRecord, check_name
from pipeline.results.storage import Run
from pipeline.results.texts import TEXTS


def write_run(
    cache: Path,
    record: RunRecord,
    predictions: Mapping[str, pd.DataFrame],
    artifacts: Mapping[str, Path],
    logits: Mapping[str, Path] = MappingProxyType({}),
    texts: pd.DataFrame | None = None,
) -> Run:
    """Write a run in one step, in place of any older run with its name.

    Args:
        cache: the folder of all runs.
        record: of the run; its ``files`` and each model's ``artifact`` are filled in here.
        predictions: by role, for every model of the record.
        artifacts: by role, the folder whose files are deployed. Files are hard-linked if the file
            system can, else copied. A role of the record may be absent: then it has no artifact
            here, and its record keeps its checksums.
        logits: by fingerprint, the file of each stage that the record's ``logits`` names.
        texts: of the test rows, from ``texts_frame``; None: they are not stored.

    Raises:
        CacheError: the record holds a number that is not finite, a file of logits is missing, or
            the written run can't be read back.
    """
    check_name(record.run, "run name")
    cache.mkdir(parents=True, exist_ok=True)
    # One writer at a time: recover() deletes all drafts, and assumes that their writers are dead.
    with FileLock(cache / ".lock"):
        recover(cache)
        _write_beside_and_swap(cache, record, predictions, artifacts, logits, texts)
    return storage.read_run(cache / record.run)


def rewrite_run(run: Run, record: RunRecord) -> Run:
    """Write a run again, with all its files and a changed record.

    Raises:
        CacheError: see ``write_run``.
    """
    tables = {role: run.all_predictions(role) for role in run.by_role}
    return write_run(
        run.folder.parent, record, tables, run.artifacts(), run.all_logits(), run.texts()
    )


def _write_beside_and_swap(
    cache: Path,
    record: RunRecord,
    predictions: Mapping[str, pd.DataFrame],
    artifacts: Mapping[str, Path],
    logits: Mapping[str, Path],
    texts: pd.DataFrame | None,
) -> None:
    # The new folder has the run's own name, inside a hidden folder, so that it can be read and
    # checked before it is moved.
    beside = Path(tempfile.mkdtemp(prefix=".new-", dir=cache))
    try:
        folder = beside / record.run
        (folder / "predictions").mkdir(parents=True)
        files, models = {}, []
        for model in record.models:
            name = f"predictions/{model.role}.parquet"
            write_predictions(predictions[model.role], folder / name)
            files[name] = sha256(folder / name)
            if model.role in artifacts:
                target = folder / "artifacts" / model.role
                target.mkdir(parents=True)
                for source in sorted(artifacts[model.role].iterdir()):
                    link_or_copy(source, target / source.name)
                digests = {path.name: sha256(path) for path in sorted(target.iterdir())}
                model = dataclasses.replace(model, artifact=digests)
            models.append(model)
        for name, fingerprint in record.logits.items():
            path = folder / "logits" / check_name(name, "file of logits")
            path.parent.mkdir(exist_ok=True)
            if fingerprint not in logits:
                raise CacheError(f"there is no file of the logits {fingerprint} to write")
            link_or_copy(logits[fingerprint], path)
            files[f"logits/{name}"] = sha256(path)
        if texts is not None:
            texts.to_parquet(folder / TEXTS, index=False, compression="zstd")
            files[TEXTS] = sha256(folder / TEXTS)
        record = dataclasses.replace(record, models=models, files=files)
        write_json(folder / storage.RECORD, records.to_content(record))
        storage.read_run(folder)
        _swap(folder, cache / record.run)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def recover(cache: Path) -> None:
    """Clean up after a killed writer: put back a run that it moved aside, delete its drafts."""
    for aside in cache.glob(".old-*"):
        target = cache / aside.name.removeprefix(".old-")
        if target.exists():
            shutil.rmtree(aside, ignore_errors=True)
        else:
            aside.rename(target)
    for draft in cache.glob(".new-*"):
        shutil.rmtree(draft, ignore_errors=True)


def restore(cache: Path) -> None:
    """Call ``recover`` when no writer is at work; for callers that are about to change a run."""
    if cache.is_dir():
        with FileLock(cache / ".lock"):
            recover(cache)


def _swap(new: Path, target: Path) -> None:
    """Put ``new`` in the place of ``target``, which may exist.

    If the system can exchange two folders in one step, the old run is then at ``new``. If it can't,
    the old run is moved aside first and deleted afterwards. Between the two renames the run is
    absent, but never half-written. Readers wait that long. If the process dies there, ``recover``
    puts the old run back.
    """
    if not target.exists():
        new.rename(target)
    elif not _exchange(new, target):
        aside = storage.aside(target)
        target.rename(aside)
        new.rename(target)
        shutil.rmtree(aside, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False if the system can't.

    Linux can, on most file systems.
    """
    if sys.platform != "linux":
        return False
    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None)
    here, exchange = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of <fcntl.h> and <linux/fs.h>
    paths = os.fsencode(one.absolute()), os.fsencode(other.absolute())
    return renameat2 is not None and renameat2(here, paths[0], here, paths[1], exchange) == 0
