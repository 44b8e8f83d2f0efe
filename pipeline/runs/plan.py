"""What a family's run consists of: which roles, in what order, under which fingerprints."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

from pipeline import files
from pipeline.analysis.cascades import MOST_LOST
from pipeline.errors import PipelineError, UsageError
from pipeline.recipes.role_names import BASELINE
from pipeline.recipes.roles import (
    Cascade,
    Checkpoint,
    Classical,
    Distilled,
    Family,
    Model,
    QuantizationAware,
    Quantized,
    Trained,
)
from pipeline.recipes.training_settings import RandomSpans, Training
from pipeline.results.storage import Run

# Increase a stage's version when its code gives another result for the same settings.
_VERSIONS = {"weights": 2, "logits": 2, "artifact": 3, "evaluation": 2}

CALIBRATION_ROWS = 256
BLOCK_SIZE = 128
# Least noise in a teacher's logits on validation rows: python -m tests.experiments.smoothing
SMOOTHING = 0.75
UNEVEN = 15.0
"""Columns of an input are smoothed only if the largest is at least this many times the median."""
_SMOOTHED = {"calibration_rows": CALIBRATION_ROWS, "smoothing": SMOOTHING, "uneven": UNEVEN}
_METHOD_SETTINGS = {
    "dynamic": {"weights": "int8 per channel", "activations": "uint8, dynamic", **_SMOOTHED},
    "static": {"weights": "int8 per channel", "activations": "uint8, calibrated", **_SMOOTHED},
    "qat": {
        "weights": "int8 per channel",
        "activations": "uint8, learned ranges",
        "calibration_rows": CALIBRATION_ROWS,
    },
    "int4": {"weights": "4 bits, symmetric", "block_size": BLOCK_SIZE},
}

INT8_METHODS = ("dynamic", "static", "qat")
INT8_BITS = "int8_bits"
"""The input of a model that says how many bits its int8 weights have, "7" or "8"."""
LAYERS_FROM = "layers_from"
"""The input of a model that is ``PRETRAINED`` if its layers are not the fine-tuned teacher's."""
PRETRAINED = "the pretrained checkpoint"


class Fingerprints(NamedTuple):
    """Fingerprints of one model's stages. Quantized models and cascades have no own weights."""

    weights: str | None
    artifact: str
    evaluation: str

    @property
    def trained(self) -> str:
        """The fingerprint of the weights; the model must have weights of its own."""
        assert self.weights, "a quantized model has no weights of its own"
        return self.weights


def roles_asked_for(family: Family, only: Iterable[str] | None, no_teacher: bool) -> list[str]:
    """The roles that a command asks for.

    Args:
        family: the family.
        only: the roles that are named; by default all of ``family.models``.
        no_teacher: return the no-teacher baselines of students instead of the students.

    Raises:
        PipelineError: a role that the family does not have, or one that has no baseline.
    """
    models = family.by_role()
    asked = list(only or (model.role for model in family.models))
    unknown = [role for role in asked if role not in models]
    if unknown:
        raise PipelineError(
            f"family {family.name} has no role {unknown[0]!r}; its roles are {', '.join(models)}"
        )
    if no_teacher:
        without = [role for role in only or [] if f"{role}{BASELINE}" not in models]
        if without:
            students = ", ".join(student.role for student in family.students())
            raise UsageError(
                f"--no-teacher does not apply to {', '.join(without)}, but to students: {students}"
            )
        asked = [f"{role}{BASELINE}" for role in asked if f"{role}{BASELINE}" in models]
    return asked


def roles_to_make(
    family: Family,
    asked: Iterable[str],
    inputs: Mapping[str, str],
    has_logits: Callable[[str], bool] = lambda role: False,
) -> list[str]:
    """The requested roles and all roles that they need, parents first.

    Args:
        family: the family.
        asked: the requested roles of the family.
        inputs: as for ``fingerprints``; they say where layers are taken from.
        has_logits: whether the logits from which a student learns are there already. Then its
            teacher is not made for them.
    """
    models = family.by_role()
    needed: set[str] = set()

    def need(role: str) -> None:
        if role in needed:
            return
        needed.add(role)
        model = models[role]
        for source in (made_from(model, inputs), *members(model)):
            if source:
                need(source)
        teacher, training = taught_by(model), learns(model)
        reads_weights = training and training.hidden_epochs
        if teacher and (reads_weights or not has_logits(role)):
            need(teacher)

    for role in asked:
        need(role)
    return [role for role in models if role in needed]


def made_from(model: Model, inputs: Mapping[str, str]) -> str | None:
    """The role whose weights or graph a model is made from; None if there is none."""
    if isinstance(model, Quantized | QuantizationAware):
        return model.source
    if not isinstance(model, Trained) or _from_pretrained_layers(model, inputs):
        return None
    return model.parent if isinstance(model.start, str) else None


def members(model: Model) -> list[str]:
    """The roles that may be members of a cascade; empty for any other model."""
    return model.candidates() if isinstance(model, Cascade) else []


def taught_by(model: Model) -> str | None:
    """The role whose logits are in a model's loss; None if there is none."""
    return model.teacher if isinstance(model, Distilled | QuantizationAware) else None


def learns(model: Model) -> Training | None:
    """How a model's network is trained; None if it is not trained, but quantized or fitted."""
    return model.training if isinstance(model, Trained | QuantizationAware) else None


def _from_pretrained_layers(model: Model, inputs: Mapping[str, str]) -> bool:
    """Whether a model takes its layers from its parent's pretrained checkpoint.

    A model that starts from a checkpoint of its own does not.
    """
    keeps_its_parents = isinstance(model, Trained) and model.layers and isinstance(model.start, str)
    return bool(keeps_its_parents and inputs.get(LAYERS_FROM) == PRETRAINED)


def keep_parents_layers(family: Family, roles: Iterable[str]) -> bool:
    """Whether any of these roles, or a role that it needs, keeps layers of its parent."""
    known = {LAYERS_FROM: PRETRAINED}
    return any(
        _from_pretrained_layers(model, known)
        for role in roles
        for model in _lineage(family, role, known)
    )


def starting_checkpoint(
    family: Family, model: Model, inputs: Mapping[str, str]
) -> Checkpoint | None:
    """The checkpoint that a model starts from; None if there is none.

    A student that keeps some of its parent's layers takes them from the parent's checkpoint if
    ``inputs`` say so, for example because the parent's fine-tuned weights are lost.
    """
    if not isinstance(model, Trained):
        return None
    if isinstance(model.start, str) and _from_pretrained_layers(model, inputs):
        return starting_checkpoint(family, family.by_role()[model.start], inputs)
    return model.checkpoint


def checkpoints(family: Family, roles: Iterable[str], inputs: Mapping[str, str]) -> list[str]:
    """Names of the pretrained checkpoints that these roles and their teachers start from."""
    starts = (
        starting_checkpoint(family, model, inputs)
        for role in roles
        for model in _lineage(family, role, inputs)
    )
    return list(dict.fromkeys(start.name for start in starts if start))


def _lineage(family: Family, role: str | None, inputs: Mapping[str, str]) -> Iterator[Model]:
    """A model and all models that its fingerprint depends on; a model may come twice."""
    if role is not None:
        model = family.by_role()[role]
        yield model
        yield from _lineage(family, made_from(model, inputs), inputs)
        yield from _lineage(family, taught_by(model), inputs)
        for member in members(model):
            yield from _lineage(family, member, inputs)


def settings(family: Family, model: Model) -> dict[str, Any]:
    """How a model is made. The run's record and the fingerprints contain these settings."""
    described = {"max_length": family.max_length, **_METHOD_SETTINGS.get(model.method, {})}
    if isinstance(model, Quantized) and model.every_operator:
        # The naive way smooths nothing.
        described |= {"every_operator": True, "smoothing": None, "uneven": None}
    if isinstance(model, Classical):
        described["shape"] = asdict(model.tfidf)
    if isinstance(model, Trained):
        described |= {"layers": model.layers, "vocabulary": model.vocabulary}
        if model.shape:
            described |= {"shape": asdict(model.shape), "architecture": "ngrams"}
        elif model.checkpoint:
            described["checkpoint"] = model.checkpoint.name
            described["architecture"] = model.checkpoint.architecture
    if isinstance(model, Cascade):
        described |= {"members": model.members, "most_mb": model.most_mb, "most_lost": MOST_LOST}
    if training := learns(model):
        described |= asdict(training)
    # Settings without a value are left out: a new setting then changes no older fingerprint.
    applies = {name: value for name, value in described.items() if value is not None}
    # JSON turns tuples into lists, as in a record that is read.
    return json.loads(json.dumps(applies))


def inputs(family: Family, role: str, known: Mapping[str, str]) -> dict[str, str]:
    """The inputs of one model, selected from all inputs of a run.

    They are the data's fingerprint under "data", the identity of each checkpoint that the model or
    one of its parents starts from under the checkpoint's name, and ``INT8_BITS`` and
    ``LAYERS_FROM`` if the model depends on them.
    """
    lineage = list(_lineage(family, role, known))
    names = ["data", *checkpoints(family, [role], known)]
    if any(model.method in INT8_METHODS for model in lineage):
        names.append(INT8_BITS)
    if any(_from_pretrained_layers(model, known) for model in lineage):
        names.append(LAYERS_FROM)
    return {name: known[name] for name in names}


def fingerprints(family: Family, inputs: Mapping[str, str]) -> dict[str, Fingerprints]:
    """The fingerprints of every role whose inputs are all known.

    Args:
        family: the family.
        inputs: as ``plan.inputs`` returns them, for one role or for all.
    """
    found: dict[str, Fingerprints] = {}
    for role, model in family.by_role().items():  # parents first
        start = starting_checkpoint(family, model, inputs)
        source, teacher = made_from(model, inputs), taught_by(model)
        cascaded = members(model)
        bits = inputs.get(INT8_BITS) if model.method in INT8_METHODS else None
        known = "data" in inputs and (not start or start.name in inputs)
        known &= bits is not None or model.method not in INT8_METHODS
        if not known or not {r for r in (source, teacher, *cascaded) if r} <= set(found):
            continue
        made = settings(family, model)
        weights = None
        if makes_weights(model):
            weights = files.fingerprint(
                version=_VERSIONS["weights"],
                settings=made,
                data=inputs["data"],
                start=inputs[start.name] if start else source and found[source].weights,
                teacher=teacher and logits_fingerprint(found[teacher].trained, None),
                int8_bits=bits,
            )
        artifact = files.fingerprint(
            version=_VERSIONS["artifact"],
            settings=made,
            data=inputs["data"],
            source=weights
            or (source and found[source].artifact)
            or [found[member].evaluation for member in cascaded],
            int8_bits=bits,
        )
        evaluation = files.fingerprint(
            version=_VERSIONS["evaluation"], artifact=artifact, data=inputs["data"]
        )
        found[role] = Fingerprints(weights, artifact, evaluation)
    return found


def logits_fingerprint(weights: str, spans: RandomSpans | None) -> str:
    """The fingerprint of a teacher's logits on the training rows, or on random spans of them.

    Args:
        weights: fingerprint of the teacher's weights.
        spans: the student's random spans; None: the whole rows.
    """
    settings = asdict(spans) if spans else None
    return files.fingerprint(version=_VERSIONS["logits"], weights=weights, spans=settings)


def makes_weights(model: Model) -> bool:
    """Whether a model is trained or fitted, not made from other models' artifacts."""
    return not isinstance(model, Quantized | Cascade)


def state(family: Family, run: Run | None, role: str) -> str:
    """The state of a role: ``done``, ``stale`` (its recipe or data have changed) or ``missing``."""
    record = run and run.by_role.get(role)
    if not record:
        return "missing"
    if run and record.is_joined:  # no recipe made it: only the data can change
        same_data = record.inputs.get("data") == run.record.data.fingerprint
        return "done" if same_data else "stale"
    today = fingerprints(family, record.inputs).get(role)
    return "done" if today and today.evaluation == record.fingerprint else "stale"
