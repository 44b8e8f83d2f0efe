"""What ``run.json`` says about a model, read from its finished stages."""

import json
from typing import Any

import numpy as np
import pandas as pd

from pipeline import strict
from pipeline.analysis import cascades
from pipeline.evaluation import scoring
from pipeline.inference import cascade
from pipeline.inference.classifier import graph_bytes
from pipeline.models import networks
from pipeline.recipes.roles import Cascade, Classical, Trained
from pipeline.results.figures import CascadeRecord, TrainingRecord
from pipeline.results.predictions import probabilities_of
from pipeline.results.records import ModelRecord
from pipeline.runs import fingerprinting, lineage, stage_folders
from pipeline.runs.stages import TRAINING, Stages

TEACHER = "teacher"


def model_record(stages: Stages, role: str) -> ModelRecord:
    """The record of a model whose stages are all made."""
    model, predictions = stages.models[role], stages.predictions(role)
    teacher = _teachers_predictions(stages)
    checkpoint = model.checkpoint if isinstance(model, Trained) else None
    cost, measured_on = scoring.measured(stages.evaluation(role))
    return ModelRecord(
        role=role,
        title=model.title,
        method=model.method,
        description=model.description,
        parent=model.parent,
        checkpoint=checkpoint.name if checkpoint else None,
        fingerprint=stages.fingerprints[role].evaluation,
        inputs=stages.inputs_of(role),
        settings=_settings(stages, role),
        parameters=_parameters(stages, role),
        size_bytes=_size_bytes(stages, role),
        artifact={},
        metrics=scoring.split_metrics(predictions, teacher, "test"),
        validation=scoring.split_metrics(predictions, teacher, "validation"),
        training=_training(stages, role) if lineage.makes_weights(model) else None,
        cascade=_cascade(stages, role) if isinstance(model, Cascade) else None,
        headlines=scoring.headline_metrics(predictions, teacher),
        cost=cost,
        measured_on=measured_on,
    )


def _training(stages: Stages, role: str) -> TrainingRecord:
    content = json.loads((stages.weights(role) / TRAINING).read_text("utf-8"))
    return strict.read(TrainingRecord, content)


def _teachers_predictions(stages: Stages) -> pd.DataFrame | None:
    """The teacher's predictions, from the work folder or the run; None if neither has them.

    Students are compared with the teacher, but the teacher is not made only for that.
    """
    today = stages.fingerprints.get(TEACHER)
    if not today:
        return None
    name = stages.stage_name(TEACHER, "evaluation")
    if stage_folders.folder(stages.work, name, today.evaluation).is_dir():
        return stages.predictions(TEACHER)
    record = stages.existing.by_role.get(TEACHER) if stages.existing else None
    if stages.existing and record and record.fingerprint == today.evaluation:
        return stages.existing.all_predictions(TEACHER)
    return None


def _settings(stages: Stages, role: str) -> dict[str, Any]:
    """How a model was made: the recipe, and the bits of its int8 weights."""
    model = stages.models[role]
    made = fingerprinting.settings(stages.family, model)
    if model.method in fingerprinting.INT8_METHODS:
        made["weights"] += f", {stages.bits(role)} bits"
    return made


def _size_bytes(stages: Stages, role: str) -> int:
    with stages.deployed(role) as artifact:
        return graph_bytes(artifact)


def _cascade(stages: Stages, role: str) -> CascadeRecord:
    """The members of a cascade, their rules, and the share of texts that each answers, by split."""
    roles, rules, _ = cascade.members(stages.artifact(role), check=False)
    tables = [stages.predictions(member) for member in roles]
    answered = {}
    for split in tables[0]["split"].unique():
        members = [probabilities_of(table[table["split"] == split]) for table in tables]
        asked = cascades.answered_by(members, rules)
        answered[str(split)] = (np.bincount(asked, minlength=len(roles)) / len(asked)).tolist()
    return CascadeRecord(
        members=roles,
        thresholds=[rule.threshold for rule in rules],
        temperatures=[rule.temperature for rule in rules],
        answered=answered,
    )


def _parameters(stages: Stages, role: str) -> int:
    """Number of a model's weights. A cascade has the weights of all its members."""
    model = stages.models[role]
    if isinstance(model, Cascade):
        roles, _, _ = cascade.members(stages.artifact(role), check=False)
        return sum(_parameters(stages, member) for member in roles)
    if isinstance(model, Classical):
        fitted = _training(stages, role).parameters
        assert fitted is not None
        return fitted
    network, _ = networks.read(stages.trained(model))
    return networks.parameter_count(network)
