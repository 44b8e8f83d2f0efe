"""What ``cache/<run>/run.json`` holds, and reading it from bytes that nobody has checked."""

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

from pipeline.class_names import check_names
from pipeline.errors import PipelineError
from pipeline.files import check_finite
from pipeline.recipes.reported import REPORTED_ON
from pipeline.recipes.role_names import JOINED
from pipeline.results.schema1 import lifted

SCHEMA = 2
"""What is written; schema 1 is read, too."""
KINDS = ("predictions", "latency", "throughput")
"""Of figures: what each was taken on is kept by itself."""
_LATER_COSTS = ("mean_ms", "headline_mean_ms", "headline_p50_ms", "headline_p95_ms")
COSTS = ("load_ms", "p50_ms", "p95_ms", *_LATER_COSTS, "rows_per_second", "peak_memory_mb")
"""The names of a model's costs; records of schema 1 lack those of a headline."""
_MOST_HEADLINES = 1_000_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class CacheError(PipelineError):
    """A run's folder that can't be trusted; the message names the folder and the fault."""


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
    parameters: int
    size_bytes: int
    """Of the ONNX graph with its external data: the file that gave the predictions."""
    artifact: dict[str, str]
    """Name of each file in ``artifacts/<role>/`` → its sha256."""
    metrics: dict[str, Any]
    """On test: accuracy, macro_f1, ece, nll, agreement, and precision, recall, f1 per class."""
    validation: dict[str, Any]
    """The same on validation."""
    cost: dict[str, float]
    """By the names of ``COSTS``: times of one whole row, and of one headline of 8 to 20 words."""
    measured_on: dict[str, dict[str, Any]]
    """By the names of ``KINDS``: hardware, versions, when they were taken (ISO, UTC), threads."""
    training: dict[str, Any] | None = None
    """Rate chosen, validation figures by step, seconds, device; None where nothing is trained."""
    headlines: dict[str, Any] = field(default_factory=dict)
    """``metrics`` on the project's invented headlines, and ``rows``, their number; empty in a toy
    run, which learns from them, on other data than AG News, and in runs that were written before
    there was this."""

    cascade: dict[str, Any] = field(default_factory=dict)
    """Of a cascade: ``members`` (roles, in their order), ``thresholds`` and ``temperatures`` of all
    but the last, and ``answered``: by split, the share of the texts that each member answers."""

    @property
    def is_joined(self) -> bool:
        """Whether somebody else trained it: it belongs to no family, and no recipe makes it."""
        return self.method == JOINED


@dataclass(frozen=True)
class RunRecord:
    """The content of ``run.json``."""

    run: str
    family: str
    command: str
    created: str
    data: dict[str, Any]
    """name, fingerprint, labels (class names), title_first, rows per split, seed of the split,
    near_duplicates: see ``duplicates``, and declaration: what the pages say of the data set, as
    ``declarations.entry`` has it. Runs without one are on AG News, or on the invented headlines."""
    models: list[ModelRecord]
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
        declared = self.data.get("declaration")
        if declared is None:
            return not self.toy
        return bool(declared["declared"]) and declared["name"] == REPORTED_ON


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
        if schema == 1:
            content = lifted(content, KINDS)
        models = [ModelRecord(**model) for model in content.pop("models")]
        record = RunRecord(models=models, **content)
        _check(record)
    except CacheError:
        raise
    except (TypeError, KeyError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise CacheError(f"its run.json is not what this program writes: {error}") from error
    return record


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a finite number")


def _check(record: RunRecord) -> None:
    """Raise where a field that is relied on has another type, or a name leads elsewhere."""
    entries: tuple[RunRecord | ModelRecord, ...] = (record, *record.models)
    for entry in entries:
        for item in dataclasses.fields(entry):
            if not _is_of(getattr(entry, item.name), item.type):
                raise CacheError(f"{item.name} in its run.json is of another type")
    check_name(record.run, "run name")
    for name in record.files:
        for part in name.split("/"):
            check_name(part, "file name")
    try:
        check_names(record.data["labels"])
    except PipelineError as error:
        raise CacheError(f"of its data, {error}") from error
    if not isinstance(record.data["title_first"], bool):
        raise CacheError("it does not say whether a row of its data begins with its title")
    _check_declaration(record.data.get("declaration"))
    _check_logits(record)
    roles = [check_name(model.role, "role") for model in record.models]
    if not roles:
        raise CacheError("it has no model")
    if len(set(roles)) != len(roles):
        raise CacheError("a role stands in it twice")
    for model in record.models:
        for name in model.artifact:
            check_name(name, "artifact file")
        _check_conditions(model)
        _check_cascade(model, roles)
        if set(model.cost) - set(_LATER_COSTS) != set(COSTS) - set(_LATER_COSTS):
            raise CacheError(f"the costs of {model.role} are not {', '.join(COSTS)}")
        for figures in (model.metrics, *filter(None, [model.headlines])):
            if not 0 <= figures["accuracy"] <= 1:
                raise CacheError(f"an accuracy of {model.role} is not in 0..1")
        if model.headlines and model.headlines["rows"] not in range(1, _MOST_HEADLINES + 1):
            raise CacheError(f"the headlines of {model.role} are not from 1 to {_MOST_HEADLINES:,}")
        if model.size_bytes <= 0:
            raise CacheError(f"the size of {model.role} is not above zero")
        for figure in (model.size_bytes, model.parameters, *model.cost.values()):
            # An int of Python's has no greatest value, a float of numpy's has.
            if isinstance(figure, bool) or not math.isfinite(float(figure)) or figure < 0:
                raise CacheError(f"a figure of {model.role} is not a number from zero on")


_DECLARED: dict[str, Any] = {
    **dict.fromkeys(("name", "title", "noun", "nouns", "terms"), str),
    **dict.fromkeys(("title_first", "declared"), bool),
    **dict.fromkeys(("label", "license", "reference"), (str, NoneType)),
    **{"redistributable": (bool, NoneType), "columns": list},
}
"""What a record has of a data set's declaration, and of which types."""


def _check_declaration(entry: Any) -> None:
    """Raise unless it is what a record has of a data set's declaration, or nothing."""
    if entry is None:
        return
    whole = isinstance(entry, dict) and entry.keys() == _DECLARED.keys()
    if not (whole and all(isinstance(entry[name], kind) for name, kind in _DECLARED.items())):
        raise CacheError("what it says of its data set is not what this program writes")
    if not all(isinstance(column, str) for column in entry["columns"]):
        raise CacheError("the columns of its data set are not names")


def _check_logits(record: RunRecord) -> None:
    """Raise unless each file of logits is among the run's, and of a stage of its own."""
    for name, fingerprint in record.logits.items():
        check_name(name, "file of logits")
        check_name(fingerprint, "fingerprint of logits")
        if f"logits/{name}" not in record.files:
            raise CacheError(f"logits/{name} is not among its files")
    if len(set(record.logits.values())) != len(record.logits):
        raise CacheError("the same logits stand in it twice")


def _check_cascade(model: ModelRecord, roles: Sequence[str]) -> None:
    """Raise unless a cascade's members are models of its run, and it has a rule for each."""
    if not model.cascade:
        return
    try:
        members = model.cascade["members"]
        rules = zip(
            members, model.cascade["thresholds"], model.cascade["temperatures"], strict=False
        )
        numbers = [float(n) for _, *rule in rules for n in rule]
        numbers += [float(n) for shares in model.cascade["answered"].values() for n in shares]
        whole = len(members) > 1 and len(set(members)) == len(members)
        whole &= set(members) <= set(roles) - {model.role}
        whole &= all(len(s) == len(members) for s in model.cascade["answered"].values())
        whole &= len(model.cascade["thresholds"]) == len(members) - 1
        whole &= len(model.cascade["temperatures"]) == len(members) - 1
        whole &= all(math.isfinite(n) and n >= 0 for n in numbers)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CacheError(f"the members of {model.role} can't be read: {error}") from error
    if not whole:
        raise CacheError(f"the members of {model.role} are not models of its run with a rule each")


def _check_conditions(model: ModelRecord) -> None:
    """Raise unless each kind of figure has what it was taken on."""
    if set(model.measured_on) != set(KINDS):
        raise CacheError(f"{model.role} is not measured on something for {', '.join(KINDS)} each")
    for kind, conditions in model.measured_on.items():
        kinds = {"hardware": dict, "versions": dict, "threads": int, "taken": str}
        if not isinstance(conditions, dict) or not all(
            isinstance(conditions.get(name, due()), due) for name, due in kinds.items()
        ):
            raise CacheError(f"what the {kind} of {model.role} was taken on is of another type")


def _is_of(value: Any, kind: Any) -> bool:
    """Whether a value is of an annotated type, as far as its outermost level."""
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    return isinstance(value, tuple(get_origin(k) or k for k in kinds))
