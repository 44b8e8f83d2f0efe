"""What ``cache/<run>/run.json`` holds, and reading it from bytes that nobody has checked."""

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
"""What is written; schema 1 is read, too."""
_MOST = 10**15
"""Above any size in bytes and any number of weights."""
_EMPTY_IS_NONE = BeforeValidator(lambda content: None if content == {} else content)
"""As it was once written."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class CacheError(PipelineError):
    """A run's folder that can't be trusted; the message names the folder and the fault."""


@with_config(strict.STRICT)
@dataclass(frozen=True)
class ModelRecord:
    """What a run knows of one model."""

    role: str
    title: str
    method: str
    description: str
    parent: str | None
    checkpoint: str | None
    fingerprint: str
    """Of the evaluation: changes with the settings, the data and everything it derives from."""
    inputs: dict[str, str]
    """What went into the fingerprint beside the settings: data, checkpoint."""
    settings: dict[str, Any]
    parameters: Annotated[int, Field(ge=0, le=_MOST)]
    size_bytes: Annotated[int, Field(gt=0, le=_MOST)]
    """Of the ONNX graph with its external data: the file that gave the predictions."""
    artifact: dict[str, str]
    """Name of each file in ``artifacts/<role>/`` → its sha256."""
    metrics: Metrics
    """On test."""
    validation: Metrics
    cost: Cost
    measured_on: MeasuredOn
    training: TrainingRecord | None = None
    """None where nothing is trained."""
    headlines: Annotated[HeadlineMetrics | None, _EMPTY_IS_NONE] = None
    """On the project's invented headlines; None in a toy run, which learns from them, on other data
    than AG News, and in runs that were written before there was this."""
    cascade: Annotated[CascadeRecord | None, _EMPTY_IS_NONE] = None
    """None: it is no cascade."""

    @property
    def is_joined(self) -> bool:
        """Whether somebody else trained it: it belongs to no family, and no recipe makes it."""
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
    """Path below the run's folder → sha256, for what every clone has (not the artifacts)."""
    toy: bool = False
    bench: dict[str, Any] = field(default_factory=dict)
    """What ``python -m pipeline bench`` found; empty: it was not run."""
    logits: dict[str, str] = field(default_factory=dict)
    """Name of each file in ``logits/`` → fingerprint of the stage whose result it is."""
    schema: int = SCHEMA
    """Of the ``run.json`` that it was read from; what is written is always of the newest."""
    checksum: str = ""
    """sha256 of all the rest; empty in runs that were written before there was one."""

    @property
    def on_agnews(self) -> bool:
        """Whether its data are AG News, as those of older runs are that are no toy's."""
        declaration = self.data.declaration
        if declaration is None:
            return not self.toy
        return declaration.declared and declaration.name == REPORTED_ON


def check_name(name: str, what: str = "name") -> str:
    """The name, if it can be a folder's; else a CacheError."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise CacheError(
            f"{what} {name!r} can't be used: letters, digits, '.', '_' and '-' only, "
            "at most 100 of them and no '.' first"
        )
    return name


def checksum(content: dict[str, Any]) -> str:
    """sha256 of a record's content, however its JSON is laid out.

    Raises:
        ValueError: a text in it can't be encoded, a number is not finite.
    """
    rest = {key: value for key, value in content.items() if key != "checksum"}
    text = json.dumps(rest, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def to_content(record: RunRecord) -> dict[str, Any]:
    """What is written of a record, under its checksum.

    Raises:
        CacheError: a number in it is not finite; the message names the model and the field.
    """
    content = dataclasses.asdict(record) | {"schema": SCHEMA}
    for model in content["models"]:
        check_finite(model, f"the record of {model['role']}")
    check_finite(content, "the record of the run")
    return content | {"checksum": checksum(content)}


def parse(data: bytes) -> RunRecord:
    """The record that bytes hold.

    Raises:
        CacheError: they hold anything else; the message says what, without the folder's name.
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
    """Raise where a name leads elsewhere, or one figure contradicts another."""
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
    """Raise unless each file of logits is among the run's, and of a stage of its own."""
    for name, fingerprint in record.logits.items():
        check_name(name, "file of logits")
        check_name(fingerprint, "fingerprint of logits")
        if f"logits/{name}" not in record.files:
            raise CacheError(f"logits/{name} is not among its files")
    if len(set(record.logits.values())) != len(record.logits):
        raise CacheError("the same logits stand in it twice")


def _check_cascade(role: str, cascade: CascadeRecord, roles: Sequence[str]) -> None:
    """Raise unless a cascade's members are models of its run, and it has a rule for each."""
    members = cascade.members
    whole = len(set(members)) == len(members) and set(members) <= set(roles) - {role}
    whole &= all(len(shares) == len(members) for shares in cascade.answered.values())
    whole &= len(cascade.thresholds) == len(cascade.temperatures) == len(members) - 1
    if not whole:
        raise CacheError(f"the members of {role} are not models of its run with a rule each")
