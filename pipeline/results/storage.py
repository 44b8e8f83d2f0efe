"""Reading ``cache/<run>/``: a run is read whole or left out, and files must have their checksums.

    cache/<run>/run.json                    the record: see RunRecord
    cache/<run>/predictions/<role>.parquet  columns split, row, label, p0 … p{k-1}
    cache/<run>/texts.parquet               test rows: row, text; only if they may be redistributed
    cache/<run>/logits/<name>.safetensors   a teacher's, for its students: a tensor "logits" (n, k)
    cache/<run>/artifacts/<role>/           the deployed model; a clone may lack it

Nothing is ever unpickled, and no name in a record can lead out of the run's folder.
"""

import math
import time
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from pipeline.files import sha256
from pipeline.results import records
from pipeline.results.predictions import HEADLINES, KEYS, read_predictions
from pipeline.results.records import CacheError, ModelRecord, RunRecord, check_name
from pipeline.results.texts import TEXTS, read_texts

RECORD = "run.json"
CACHE = Path(__file__).resolve().parents[2] / "cache"
_MAX_RECORD_BYTES = 10_000_000
# Attempts to read a run that is being replaced, and the seconds between two attempts.
_ATTEMPTS, _PAUSE = 20, 0.02


@dataclass(frozen=True)
class Run:
    """A run that was read and is complete."""

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
        """Class names."""
        return self.record.data.labels

    def artifact(self, role: str) -> Path | None:
        """Folder of the model's artifact, or None if this clone lacks it or a part of it."""
        folder, files = self.artifact_folder(role), self.by_role[role].artifact
        try:
            _inside(self.folder, f"artifacts/{role}")
            # Also files that the record does not name: a graph can name one as its external data.
            for path in folder.iterdir():
                _inside(folder, path.name)
            here = all((folder / name).is_file() for name in files)
        except (CacheError, OSError):  # a link out of the folder is no file of this run
            return None
        if cascade := self.by_role[role].cascade:
            here &= all(self.artifact(member) is not None for member in cascade.members)
        return folder if files and here else None

    def artifact_folder(self, role: str) -> Path:
        """The path of a model's artifact, which may be absent; see ``artifact``."""
        return self.folder / "artifacts" / role

    def artifacts(self) -> dict[str, Path]:
        """By role, the folder of every artifact that this clone has."""
        return {role: folder for role in self.by_role if (folder := self.artifact(role))}

    def logits(self, fingerprint: str) -> Path | None:
        """The file of the stage's logits, or None if the run has none with that fingerprint."""
        return self.all_logits().get(fingerprint)

    def all_logits(self) -> dict[str, Path]:
        """Every file of logits, by the fingerprint of its stage."""
        names = self.record.logits
        return {print_: self.folder / "logits" / name for name, print_ in names.items()}

    def predictions(self, role: str, split: str = "test") -> pd.DataFrame:
        """Predictions of one model: columns row, label, p0 … p{k-1}, in the split's order.

        The splits are test, validation and, in some runs, headlines. Any other name returns no
        rows.

        Raises:
            CacheError: the file is missing, or its content can't be predictions.
        """
        frame = self.all_predictions(role)
        return frame[frame["split"] == split].drop(columns="split").reset_index(drop=True)

    def all_predictions(self, role: str) -> pd.DataFrame:
        """Predictions of one model on every split, as they are stored."""
        return _read_predictions(self.folder, self.record, role)

    def texts(self) -> pd.DataFrame | None:
        """Texts of the test rows: columns row, text; None if the run does not have them.

        Raises:
            CacheError: the file is missing, or its content can't be texts.
        """
        if TEXTS not in self.record.files:
            return None
        return read_texts(_inside(self.folder, TEXTS), TEXTS)

    def table(self) -> pd.DataFrame:
        """One row per model: names, metrics on test, size and cost.

        ``validation`` and ``headlines`` are the accuracies there, ``size_mb`` is in 10^6 bytes, and
        ``at_hand`` says whether this clone has the artifact. A cost that was not measured is NaN.
        """
        return pd.DataFrame(
            {
                "run": self.name,
                "family": self.record.family,
                "role": model.role,
                "title": model.title,
                "method": model.method,
                "parent": model.parent,
                **{k: v for k, v in vars(model.metrics).items() if not isinstance(v, list)},
                "validation": model.validation.accuracy,
                "headlines": model.headlines and model.headlines.accuracy,
                "size_mb": model.size_bytes / 1e6,
                "parameters": model.parameters,
                **{k: math.nan if v is None else v for k, v in vars(model.cost).items()},
                "at_hand": self.artifact(model.role) is not None,
            }
            for model in self.record.models
        )


def list_runs(cache: Path = CACHE) -> tuple[list[Run], list[str]]:
    """Every complete run in the cache, sorted by name, and one line for each other folder."""
    runs: list[Run] = []
    problems: list[str] = []
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

    If the run is replaced while it is read, it is read again.

    Raises:
        CacheError: the folder is missing, half-written, changed, or of another schema version.
    """
    folder = Path(folder)
    for _ in range(_ATTEMPTS):
        before = _identity(folder)
        try:
            return _read(folder)
        except (CacheError, OSError) as error:
            reason = " ".join(str(error).split())  # one line, even if pyarrow's message has more
            found = CacheError(
                f"{folder} is left out: {reason}; "
                "restore it with git, or make it again with python -m pipeline run"
            )
            if before == _identity(folder) and not (before is None and aside(folder).is_dir()):
                raise found from error
        time.sleep(_PAUSE)
    raise found


def _identity(folder: Path) -> tuple[int, int] | None:
    """Device and inode of a folder, which differ once it is replaced; None without a folder."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _read(folder: Path) -> Run:
    check_name(folder.name, "run name")
    if folder.is_symlink():
        raise CacheError("it is a symbolic link")
    record = _read_record(folder)
    if record.run != folder.name:
        raise CacheError(f"its {RECORD} is of another run, {record.run!r}")
    for name, digest in record.files.items():
        path = _inside(folder, name)
        if not path.is_file():
            raise CacheError(f"{name} is missing")
        if sha256(path) != digest:
            raise CacheError(f"{name} has changed since it was written")
    splits: dict[str, pd.DataFrame] = {}
    for model in record.models:
        name = f"predictions/{model.role}.parquet"
        table = _read_predictions(folder, record, model.role)
        own = {str(split): frame for split, frame in table.groupby("split", sort=False)}
        keys = {split: frame[KEYS].reset_index(drop=True) for split, frame in own.items()}
        known = {split: splits.setdefault(split, frame) for split, frame in keys.items()}
        # Older models have no rows of headlines: only their metrics were stored.
        missing = set(splits) - set(keys) - {HEADLINES}
        if missing or not all(keys[split].equals(known[split]) for split in keys):
            raise CacheError(f"{name} is of other rows")
    for name in record.logits:
        _check_logits(folder / "logits" / name, f"logits/{name}", len(record.data.labels))
    return Run(folder, record)


def _read_record(folder: Path) -> RunRecord:
    path = _inside(folder, RECORD)
    if not path.is_file():
        raise CacheError(f"it has no {RECORD}")
    if path.stat().st_size > _MAX_RECORD_BYTES:
        raise CacheError(f"its {RECORD} is larger than {_MAX_RECORD_BYTES // 10**6} MB")
    return records.parse(path.read_bytes())


def _inside(folder: Path, name: str) -> Path:
    """The path of a file of the run.

    Raises:
        CacheError: it leads out of the folder, or is a symbolic link.
    """
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()) or path.is_symlink():
        raise CacheError(f"{name!r} leads out of the folder")
    return path


def _read_predictions(folder: Path, record: RunRecord, role: str) -> pd.DataFrame:
    name = f"predictions/{role}.parquet"
    if name not in record.files:
        raise CacheError(f"{name} is not among its files")
    return read_predictions(_inside(folder, name), name, len(record.data.labels))


def _check_logits(path: Path, name: str, classes: int) -> None:
    """Raise a CacheError unless the file's header describes a teacher's logits."""
    from safetensors import SafetensorError, safe_open  # few runs have logits

    try:
        with safe_open(path, framework="numpy") as file:
            found = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118
            kinds = {key: (part.get_dtype(), part.get_shape()) for key, part in found.items()}
    except (SafetensorError, OSError, ValueError) as error:
        raise CacheError(f"{name} can't be read: {error}") from error
    kind, shape = kinds.get("logits", (None, []))
    if len(kinds) != 1 or kind != "F16" or len(shape) != 2 or shape[1] != classes:
        raise CacheError(f"{name} is not one tensor of float16, logits, of {classes} columns")


def aside(target: Path) -> Path:
    """Where a writer moves an old run while it puts the new one in its place."""
    return target.with_name(f".old-{target.name}")
