"""What a family's run consists of: which roles, in what order, under which fingerprints."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cache
from typing import NamedTuple

from pipeline import stages
from pipeline.cache import Run
from pipeline.errors import PipelineError
from pipeline.roles import CONTROL, Family, Model

# Raised when a stage's code comes to give something else for the same settings.
_VERSIONS = {"weights": 1, "logits": 1, "artifact": 2, "evaluation": 1}

CALIBRATION_ROWS = 256
BLOCK_SIZE = 128
# The least noise in a teacher's logits on validation rows: python -m tests.smoothing
SMOOTHING = 0.75
_METHOD_SETTINGS = {
    "dynamic": {
        "weights": "int8 per channel",
        "activations": "uint8, dynamic",
        "calibration_rows": CALIBRATION_ROWS,
        "smoothing": SMOOTHING,
    },
    "static": {
        "weights": "int8 per channel",
        "activations": "uint8, calibrated",
        "calibration_rows": CALIBRATION_ROWS,
        "smoothing": SMOOTHING,
    },
    "qat": {"weights": "int8 per channel", "activations": "uint8, learned ranges"},
    "int4": {"weights": "4 bits, symmetric", "block_size": BLOCK_SIZE},
}


class Fingerprints(NamedTuple):
    """Of the stages of one model; a model that is only quantized has no weights of its own."""

    weights: str | None
    logits: str | None
    artifact: str
    evaluation: str


def roles_to_make(family: Family, only: Iterable[str] | None, no_teacher: bool) -> list[str]:
    """The roles of one call, with everything that they derive from, parents first.

    Args:
        family: the family.
        only: roles asked for; by default all, the controls not among them.
        no_teacher: of the students asked for, make the controls instead.

    Raises:
        PipelineError: a role that the family does not have, or one that has no control.
    """
    models = family.by_role()
    asked = list(only or (model.role for model in family.models))
    unknown = [role for role in asked if role not in models]
    if unknown:
        raise PipelineError(
            f"family {family.name} has no role {unknown[0]!r}; its roles are {', '.join(models)}"
        )
    if no_teacher:
        asked = [f"{role}{CONTROL}" for role in asked if f"{role}{CONTROL}" in models]
        if not asked:
            students = [model.role for model in family.models if model.method == "distilled"]
            raise PipelineError(f"--no-teacher needs a student: {', '.join(students)}")
    needed: set[str] = set()
    for role in asked:
        while role is not None and role not in needed:
            needed.add(role)
            role = models[role].parent
    return [role for role in models if role in needed]


def checkpoints(family: Family, roles: Iterable[str]) -> list[str]:
    """Names of the pretrained checkpoints that these roles start from."""
    models = family.by_role()
    return list(dict.fromkeys(filter(None, (models[role].checkpoint for role in roles))))


def settings(family: Family, model: Model) -> dict:
    """How a model is made, as the run's record and the fingerprints have it."""
    described = {"max_length": family.max_length, **_METHOD_SETTINGS.get(model.method, {})}
    described["every_operator"] = model.every_operator
    if model.every_operator:
        described["smoothing"] = None  # the naive way, as it is
    described["shape"] = asdict(model.shape) if model.shape else None
    if model.training:
        described |= {
            "architecture": model.architecture,
            "checkpoint": model.checkpoint,
            "layers": model.layers,
            "vocabulary": model.vocabulary,
            **asdict(model.training),
        }
    # What does not apply is left out, so that a setting added later leaves older models as made.
    applies = {name: value for name, value in described.items() if value is not None}
    # As it is read back, with lists for tuples.
    return json.loads(json.dumps(applies))


def inputs(family: Family, role: str, data: str, identities: Mapping[str, str]) -> dict[str, str]:
    """What a model takes from outside the recipe: the data and the checkpoints on its line."""
    models = family.by_role()
    line = []
    while role is not None:
        line.append(role)
        role = models[role].parent
    return {"data": data, **{name: identities[name] for name in checkpoints(family, line)}}


def fingerprints(family: Family, inputs: Mapping[str, str]) -> "dict[str, Fingerprints]":
    """The fingerprints of every role whose checkpoints are all among ``inputs``.

    Args:
        family: the family.
        inputs: "data" → the data's fingerprint, and checkpoint name → its identity.
    """
    models = family.by_role()

    @cache
    def of(role: str) -> Fingerprints | None:
        model = models[role]
        parent = of(model.parent) if model.parent else None
        needed = {"data", model.checkpoint} - {None}
        if not needed <= set(inputs) or (model.parent and not parent):
            return None
        made = settings(family, model)
        weights = logits = None
        if makes_weights(model):
            weights = stages.fingerprint(
                version=_VERSIONS["weights"],
                settings=made,
                data=inputs["data"],
                start=_start(model, inputs, parent),
                teacher=parent.logits if is_taught(model) else None,
            )
            logits = stages.fingerprint(version=_VERSIONS["logits"], weights=weights)
        artifact = stages.fingerprint(
            version=_VERSIONS["artifact"],
            settings=made,
            data=inputs["data"],
            source=weights or parent.artifact,
        )
        evaluation = stages.fingerprint(
            version=_VERSIONS["evaluation"], artifact=artifact, data=inputs["data"]
        )
        return Fingerprints(weights, logits, artifact, evaluation)

    return {role: prints for role in models if (prints := of(role))}


def makes_weights(model: Model) -> bool:
    """Whether something is trained for it, rather than made of its parent's artifact."""
    return bool(model.training or model.shape)


def _start(model: Model, inputs: Mapping[str, str], parent: Fingerprints | None) -> str | None:
    """What training starts from: a checkpoint, the parent's weights, or nothing."""
    if model.checkpoint:
        return inputs[model.checkpoint]
    return None if model.shape or not parent else parent.weights


def is_taught(model: Model) -> bool:
    """Whether the teacher's logits are in the loss."""
    return model.method in ("distilled", "qat")


def state(family: Family, run: Run | None, role: str) -> str:
    """``done``, ``stale`` (made by another recipe than today's) or ``missing``."""
    record = run and run.by_role.get(role)
    if not record:
        return "missing"
    today = fingerprints(family, record.inputs).get(role)
    return "done" if today and today.evaluation == record.fingerprint else "stale"
