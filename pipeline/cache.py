"""Reading and writing ``cache/<run>/``: whole or absent, every file under a checksum.

    cache/<run>/run.json                    the record: see RunRecord
    cache/<run>/predictions/<role>.parquet  columns split, row, label, p0 … p3
    cache/<run>/artifacts/<role>/           the model as it is deployed; may be left out of a clone

Nothing here is ever unpickled, and no name that is read can lead out of the run's folder.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

import numpy as np
import pandas as pd
from filelock import FileLock

from pipeline.errors import PipelineError
from pipeline.records import SCHEMA, ModelRecord, RunRecord

RECORD = "run.json"
CACHE = Path(__file__).resolve().parent.parent / "cache"
PROBABILITIES = ["p0", "p1", "p2", "p3"]
_MAX_RECORD_BYTES = 10_000_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class CacheError(PipelineError):
    """A run's folder that can't be trusted; the message names the folder and the fault."""


@dataclass(frozen=True)
class Run:
    """A run that was read and found whole."""

    folder: Path
    record: RunRecord
    by_role: dict[str, ModelRecord] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_role", {model.role: model for model in self.record.models})

    @property
    def name(self) -> str:
        return self.record.run

    @property
    def labels(self) -> list[str]:
        return self.record.data["labels"]

    def artifact(self, role: str) -> Path | None:
        """Folder of the model's artifact, or None where this clone has not (all of) it."""
        folder = self.folder / "artifacts" / role
        files = self.by_role[role].artifact
        return folder if files and all((folder / name).is_file() for name in files) else None

    def predictions(self, role: str, split: str = "test") -> pd.DataFrame:
        """Predictions of one model: columns row, label, p0 … p3, in the split's order.

        Raises:
            CacheError: the file is missing, changed or holds what can't be predictions.
        """
        frame = self.all_predictions(role)
        return frame[frame["split"] == split].drop(columns="split").reset_index(drop=True)

    def all_predictions(self, role: str) -> pd.DataFrame:
        """Predictions of one model on every split, as they are stored."""
        return _read_predictions(self.folder, self.record.files, role)

    def table(self) -> pd.DataFrame:
        """One row a model: run, family, role, title, metrics, size_mb (10^6 bytes), cost."""
        return pd.DataFrame(
            {
                "run": self.name,
                "family": self.record.family,
                "role": model.role,
                "title": model.title,
                "method": model.method,
                "parent": model.parent,
                **{k: v for k, v in model.metrics.items() if not isinstance(v, list)},
                "size_mb": model.size_bytes / 1e6,
                "parameters": model.parameters,
                **model.cost,
                "at_hand": self.artifact(model.role) is not None,
            }
            for model in self.record.models
        )


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_name(name: str, what: str = "name") -> str:
    """The name, if it can be a folder's; else a CacheError."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise CacheError(
            f"{what} {name!r} can't be used: letters, digits, '.', '_' and '-' only, "
            "at most 100 of them and no '.' first"
        )
    return name


# --- reading ------------------------------------------------------------------------------------


def list_runs(cache: Path = CACHE) -> tuple[list[Run], list[str]]:
    """Every whole run in the cache, by name, and one line for each folder that is not whole."""
    runs, problems = [], []
    if not cache.is_dir():
        return runs, problems
    for folder in sorted(cache.iterdir()):
        if folder.name.startswith(".") or not folder.is_dir():
            continue
        try:
            runs.append(read_run(folder))
        except CacheError as error:
            problems.append(str(error))
    return runs, problems


def read_run(folder: Path) -> Run:
    """Read a run and check everything but its artifacts (``pipeline verify`` checks those).

    Raises:
        CacheError: the folder is missing, half-written, changed, or of another schema version.
    """
    folder = Path(folder)
    again = "restore it with git, or make it anew with python -m pipeline run"
    try:
        check_name(folder.name, "run name")
        if folder.is_symlink():
            raise CacheError("it is a symbolic link")
        record = _read_record(folder / RECORD)
        if record.run != folder.name:
            raise CacheError(f"its {RECORD} is of another run, {record.run!r}")
        for name, digest in record.files.items():
            path = _inside(folder, name)
            if not path.is_file():
                raise CacheError(f"{name} is missing")
            if sha256(path) != digest:
                raise CacheError(f"{name} has changed since it was written")
        labels = None
        for model in record.models:
            frame = _read_predictions(folder, record.files, model.role)
            keys = frame[["split", "row", "label"]]
            if labels is not None and not keys.equals(labels):
                raise CacheError(f"predictions/{model.role}.parquet is of other rows")
            labels = keys
    except (CacheError, OSError) as error:
        reason = " ".join(str(error).split())  # one line, whatever pyarrow or a name brings
        raise CacheError(f"{folder} is left out: {reason}; {again}") from error
    return Run(folder, record)


def _read_record(path: Path) -> RunRecord:
    if not path.is_file():
        raise CacheError(f"it has no {RECORD}")
    if path.stat().st_size > _MAX_RECORD_BYTES:
        raise CacheError(f"its {RECORD} is larger than {_MAX_RECORD_BYTES // 10**6} MB")
    try:
        content = json.loads(path.read_text("utf-8"))
        schema = content["schema"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CacheError(f"its {RECORD} can't be read: {error}") from error
    if schema != SCHEMA:
        raise CacheError(f"its schema is {schema!r} where this program reads {SCHEMA}")
    try:
        models = [ModelRecord(**model) for model in content.pop("models")]
        record = RunRecord(models=models, **content)
        _check_record(record)
    except CacheError:
        raise
    except (TypeError, KeyError, ValueError, AttributeError, IndexError) as error:
        raise CacheError(f"its {RECORD} is not what this program writes: {error}") from error
    return record


def _check_record(record: RunRecord) -> None:
    """Raise where a field that is relied on has another type, or a name leads elsewhere."""
    for part in (record, *record.models):
        for item in dataclasses.fields(part):
            if not _is_of(getattr(part, item.name), item.type):
                raise CacheError(f"{item.name} in its {RECORD} is of another type")
    check_name(record.run, "run name")
    for name in record.files:
        for part in name.split("/"):
            check_name(part, "file name")
    labels = record.data["labels"]
    if len(labels) != len(PROBABILITIES) or not all(isinstance(name, str) for name in labels):
        raise CacheError(f"it has the labels {labels!r} where 4 names are expected")
    roles = [check_name(model.role, "role") for model in record.models]
    if len(set(roles)) != len(roles):
        raise CacheError("a role stands in it twice")
    for model in record.models:
        for name in model.artifact:
            check_name(name, "artifact file")
        if model.size_bytes <= 0:
            raise CacheError(f"the size of {model.role} is not above zero")
        figures = [model.metrics["accuracy"], model.size_bytes, model.parameters]
        figures += model.cost.values()
        if not all(isinstance(x, int | float) and np.isfinite(x) for x in figures):
            raise CacheError(f"a figure of {model.role} is not a finite number")


def _is_of(value: Any, kind: Any) -> bool:
    """Whether a value is of an annotated type, as far as its outermost level."""
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    return isinstance(value, tuple(get_origin(k) or k for k in kinds))


def _inside(folder: Path, name: str) -> Path:
    """The path of a file of the run; a CacheError where it would lead out of its folder."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()) or path.is_symlink():
        raise CacheError(f"{name!r} leads out of the folder")
    return path


def _read_predictions(folder: Path, files: Mapping[str, str], role: str) -> pd.DataFrame:
    name = f"predictions/{role}.parquet"
    if name not in files:
        raise CacheError(f"{name} is not among its files")
    try:
        frame = pd.read_parquet(_inside(folder, name))
        wanted = ["split", "row", "label", *PROBABILITIES]
        if list(frame.columns) != wanted:
            raise CacheError(f"{name} has columns {list(frame.columns)} where {wanted} are due")
        probabilities = frame[PROBABILITIES].to_numpy(dtype=np.float64)
        labels = frame["label"].to_numpy(dtype=np.int64)
    except CacheError:
        raise
    except Exception as error:  # pyarrow raises many kinds on a damaged file
        raise CacheError(f"{name} can't be read: {error}") from error
    if not np.isfinite(probabilities).all() or (probabilities < 0).any():
        raise CacheError(f"{name} holds probabilities that are negative or not numbers")
    if not np.allclose(probabilities.sum(axis=1), 1, atol=1e-4):
        raise CacheError(f"{name} holds probabilities that do not sum to one")
    if ((labels < 0) | (labels >= len(PROBABILITIES))).any():
        raise CacheError(f"{name} holds labels outside 0..3")
    return frame


# --- writing ------------------------------------------------------------------------------------


def predictions_frame(
    split: str, rows: np.ndarray, labels: np.ndarray, probabilities: np.ndarray
) -> pd.DataFrame:
    """A predictions table: ``rows`` and ``labels`` of shape (n,), ``probabilities`` (n, 4)."""
    frame = pd.DataFrame(
        {"split": split, "row": rows.astype(np.int32), "label": labels.astype(np.int8)}
    )
    frame[PROBABILITIES] = probabilities.astype(np.float32)
    return frame


def write_run(
    cache: Path,
    record: RunRecord,
    predictions: Mapping[str, pd.DataFrame],
    artifacts: Mapping[str, Path],
) -> Run:
    """Put a run in place of what stood under its name, in one step.

    Args:
        cache: the folder of all runs.
        record: of the run; its ``files`` and each model's ``artifact`` are filled in here.
        predictions: by role, for every model of the record.
        artifacts: by role, the folder whose files are deployed; linked where the file system
            can, else copied. A role of the record may be absent: it then has no artifact here,
            and the checksums that its record brings stay.

    Raises:
        CacheError: what was written does not read back as a whole run.
    """
    check_name(record.run, "run name")
    cache.mkdir(parents=True, exist_ok=True)
    # One writer at a time: to recover is to take every other draft for a killed writer's.
    with FileLock(cache / ".lock"):
        recover(cache)
        _write_beside_and_swap(cache, record, predictions, artifacts)
    return read_run(cache / record.run)


def _write_beside_and_swap(
    cache: Path,
    record: RunRecord,
    predictions: Mapping[str, pd.DataFrame],
    artifacts: Mapping[str, Path],
) -> None:
    # The new folder bears the run's own name inside a hidden one, so that it can be read and
    # checked exactly as it will stand.
    beside = Path(tempfile.mkdtemp(prefix=".new-", dir=cache))
    try:
        folder = beside / record.run
        (folder / "predictions").mkdir(parents=True)
        files, models = {}, []
        for model in record.models:
            name = f"predictions/{model.role}.parquet"
            predictions[model.role].to_parquet(folder / name, index=False, compression="zstd")
            files[name] = sha256(folder / name)
            if model.role in artifacts:
                target = folder / "artifacts" / model.role
                target.mkdir(parents=True)
                for source in sorted(artifacts[model.role].iterdir()):
                    _link_or_copy(source, target / source.name)
                digests = {path.name: sha256(path) for path in sorted(target.iterdir())}
                model = dataclasses.replace(model, artifact=digests)
            models.append(model)
        record = dataclasses.replace(record, models=models, files=files)
        write_json(folder / RECORD, dataclasses.asdict(record))
        read_run(folder)
        _swap(folder, cache / record.run)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def write_json(path: Path, content: Any) -> None:
    """Write JSON so that ``path`` never holds half of it; NaN is refused."""
    beside = path.with_name(f".{path.name}.new")
    text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
    with beside.open("w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def recover(cache: Path) -> None:
    """Undo what a killed writer left: put back a run that it had moved aside, drop its drafts."""
    for aside in cache.glob(".old-*"):
        target = cache / aside.name.removeprefix(".old-")
        if target.exists():
            shutil.rmtree(aside, ignore_errors=True)
        else:
            aside.rename(target)
    for draft in cache.glob(".new-*"):
        shutil.rmtree(draft, ignore_errors=True)


def _swap(new: Path, target: Path) -> None:
    """Rename ``new`` to ``target``; what stood there is moved aside first, then deleted.

    POSIX can't replace a folder that has content in one step: between the two renames the run is
    absent, never half-written, and ``recover`` finds the old one should the process die there.
    """
    aside = target.with_name(f".old-{target.name}")
    if target.exists():
        target.rename(aside)
    new.rename(target)
    shutil.rmtree(aside, ignore_errors=True)


def _link_or_copy(source: Path, target: Path) -> None:
    with contextlib.suppress(OSError):
        os.link(source, target)
        return
    shutil.copyfile(source, target)
