"""Fingerprints: hashes of all that the stages of a model depend on, and what is stale by them."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

from pipeline import files
from pipeline.analysis.cascades import MOST_LOST
from pipeline.recipes.roles import Cascade, Classical, Family, Model, Quantized, Trained
from pipeline.recipes.training_settings import RandomSpans
from pipeline.results.storage import Run
from pipeline.runs import lineage

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
    if training := lineage.learns(model):
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
    models = list(lineage.with_ancestors(family, role, known))
    names = ["data", *lineage.checkpoints(family, [role], known)]
    if any(model.method in INT8_METHODS for model in models):
        names.append(INT8_BITS)
    if any(lineage.takes_pretrained_layers(model, known) for model in models):
        names.append(lineage.LAYERS_FROM)
    return {name: known[name] for name in names}


def fingerprints(family: Family, inputs: Mapping[str, str]) -> dict[str, Fingerprints]:
    """The fingerprints of every role whose inputs are all known.

    Args:
        family: the family.
        inputs: as ``inputs`` returns them, for one role or for all.
    """
    found: dict[str, Fingerprints] = {}
    for role, model in family.by_role().items():  # parents first
        start = lineage.starting_checkpoint(family, model, inputs)
        source, teacher = lineage.made_from(model, inputs), lineage.taught_by(model)
        cascaded = lineage.members(model)
        bits = inputs.get(INT8_BITS) if model.method in INT8_METHODS else None
        known = "data" in inputs and (not start or start.name in inputs)
        known &= bits is not None or model.method not in INT8_METHODS
        if not known or not {r for r in (source, teacher, *cascaded) if r} <= set(found):
            continue
        made = settings(family, model)
        weights = None
        if lineage.makes_weights(model):
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
