"""The content of ``cache/<run>/run.json``, and how it is read from untrusted bytes."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, with_config

from pipeline import strict
from pipeline.class_names import check_names
from pipeline.data_record import DataRecord
from pipeline.errors import PipelineError
from pipeline.files import check_finite
from pipeline.recipes.reported import REPORTED_ON
from pipeline.recipes.role_names import JOINED
from pipeline.results.figures import (
    CascadeRecord,
    Cost,
    HeadlineMetrics,
    MeasuredOn,
    Metrics,
    TrainingRecord,
)
from pipeline.results.schema1 import lifted

SCHEMA = 2
"""The schema that is written; schema 1 can be read, too."""
_MOST = 10**15
"""More than any size in bytes or number of weights."""
_EMPTY_IS_NONE = BeforeValidator(lambda content: None if content == {} else content)
"""Older runs have ``{}`` in place of None."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class CacheError(PipelineError):
    """A run's folder can't be trusted; the message says what is wrong."""


@with_config(strict.STRICT)
@dataclass(frozen=True)
class ModelRecord:
    """What a run stores about one model."""

    role: str
    title: str
    method: str
    description: str
    parent: str | None
    checkpoint: str | None
    fingerprint: str
    """Fingerprint of the evaluation: it depends on the settings, the data and all parent models."""
    inputs: dict[str, str]
    """What went into the fingerprint besides the settings: data, checkpoint."""
    settings: dict[str, Any]
    parameters: Annotated[int, Field(ge=0, le=_MOST)]
    size_bytes: Annotated[int, Field(gt=0, le=_MOST)]
    """Size of the ONNX graph with its external data, the files that made the predictions."""
    artifact: dict[str, str]
    """Name of each file in ``artifacts/<role>/`` → its sha256."""
    metrics: Metrics
    """On test."""
    validation: Metrics
    cost: Cost
    measured_on: MeasuredOn
    training: TrainingRecord | None = None
    """None if nothing is trained."""
    headlines: Annotated[HeadlineMetrics | None, _EMPTY_IS_NONE] = None
    """On the project's invented headlines. None in a toy run, which learns from them, on other data
    than AG News, and in runs that were written before this field existed."""
    cascade: Annotated[CascadeRecord | None, _EMPTY_IS_NONE] = None
    """None if the model is no cascade."""

    @property
    def is_joined(self) -> bool:
        """Whether it was trained elsewhere: it belongs to no family, and no recipe makes it."""
        return self.method == JOINED


@with_config(strict.STRICT)
@dataclass(frozen=True)
class RunRecord:
    """The content of ``run.json``."""

    run: str
    family: str
    command: str
    created: str
    data: DataRecord
    models: Annotated[list[ModelRecord], Field(min_length=1)]
    files: dict[str, str]
    """Path below the run's folder → sha256, for the files of every clone (not the artifacts)."""
    toy: bool = False
    bench: dict[str, Any] = field(default_factory=dict)
    """The results of ``python -m pipeline bench``; empty if it was not run."""
    logits: dict[str, str] = field(default_factory=dict)
    """Name of each file in ``logits/`` → fingerprint of the stage that made it."""
    schema: int = SCHEMA
    """Schema of the ``run.json`` that was read; records are always written in the newest one."""
    checksum: str = ""
    """sha256 of everything else; empty in runs that were written before this field existed."""

    @property
    def on_agnews(self) -> bool:
        """Whether its data are AG News. Older runs without a declaration are, except toy runs."""
        declaration = self.data.declaration
        if declaration is None:
            return not self.toy
        return declaration.declared and declaration.name == REPORTED_ON

    @property
    def precedence(self) -> tuple[bool, bool, int]:
        """The sort key of runs. If the user names no run, the first one is meant.

        Runs on AG News come before others, then those with more training rows; toy runs are last.
        """
        return self.toy, not self.on_agnews, -self.data.rows["train"]


def check_name(name: str, what: str = "name") -> str:
    """Return the name if it can be a folder's name.

    Raises:
        CacheError: it can't be one.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise CacheError(
            f"{what} {name!r} can't be used: letters, digits, '.', '_' and '-' only, "
            "at most 100 of them and no '.' first"
        )
    return name


def checksum(content: dict[str, Any]) -> str:
    """sha256 of a record's content, independent of the layout of its JSON.

    Raises:
        ValueError: a text in it can't be encoded, a number is not finite.
    """
    rest = {key: value for key, value in content.items() if key != "checksum"}
    text = json.dumps(rest, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def to_content(record: RunRecord) -> dict[str, Any]:
    """The content to write for a record, with its checksum.

    Raises:
        CacheError: a number in it is not finite; the message names the model and the field.
    """
    content = dataclasses.asdict(record) | {"schema": SCHEMA}
    for model in content["models"]:
        check_finite(model, f"the record of {model['role']}")
    check_finite(content, "the record of the run")
    return content | {"checksum": checksum(content)}


def parse(data: bytes) -> RunRecord:
    """The record in the bytes of a ``run.json``.

    Raises:
        CacheError: the bytes hold no valid record; the message does not name the folder.
    """
    try:
        content = json.loads(data.decode("utf-8"), parse_constant=_refuse)
        schema, stored = content["schema"], content.get("checksum", "")
        digest = checksum(content)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CacheError(f"its run.json can't be read: {error}") from error
    if isinstance(schema, bool) or schema not in (1, SCHEMA):
        raise CacheError(f"its schema is {schema!r} where this program reads 1 and {SCHEMA}")
    if stored not in ("", digest):
        raise CacheError("its run.json has changed since it was written")
    try:
        record = strict.read(RunRecord, lifted(content) if schema == 1 else content)
    except PipelineError as error:
        raise CacheError(f"its run.json is not what this program writes: {error}") from error
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise CacheError(f"its run.json can't be brought to schema {SCHEMA}: {error}") from error
    _check(record)
    return record


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a finite number")


def _check(record: RunRecord) -> None:
    """Raise a CacheError if a name could lead out of the folder, or if fields contradict."""
    check_name(record.run, "run name")
    for name in record.files:
        for part in name.split("/"):
            check_name(part, "file name")
    try:
        check_names(record.data.labels)
    except PipelineError as error:
        raise CacheError(f"of its data, {error}") from error
    _check_logits(record)
    roles = [check_name(model.role, "role") for model in record.models]
    if len(set(roles)) != len(roles):
        raise CacheError("a role stands in it twice")
    for model in record.models:
        for name in model.artifact:
            check_name(name, "artifact file")
        if model.cascade:
            _check_cascade(model.role, model.cascade, roles)


def _check_logits(record: RunRecord) -> None:
    """Raise unless each file of logits is one of the run's files and has a stage of its own."""
    for name, fingerprint in record.logits.items():
        check_name(name, "file of logits")
        check_name(fingerprint, "fingerprint of logits")
        if f"logits/{name}" not in record.files:
            raise CacheError(f"logits/{name} is not among its files")
    if len(set(record.logits.values())) != len(record.logits):
        raise CacheError("the same logits stand in it twice")


def _check_cascade(role: str, cascade: CascadeRecord, roles: Sequence[str]) -> None:
    """Raise unless all members are other models of the run, and all but the last have a rule."""
    members = cascade.members
    whole = len(set(members)) == len(members) and set(members) <= set(roles) - {role}
    whole &= all(len(shares) == len(members) for shares in cascade.answered.values())
    whole &= len(cascade.thresholds) == len(cascade.temperatures) == len(members) - 1
    if not whole:
        raise CacheError(f"the members of {role} are not models of its run with a rule each")
