"""Which weights ``export`` finds: those that made a model's predictions, or none."""

from dataclasses import replace

import pytest

from pipeline.commands.export import trained_weights
from pipeline.recipes.families import FAMILIES
from pipeline.runs import fingerprinting, lineage, stage_folders
from tests import synthetic

FAMILY = FAMILIES["mpnet"]
INPUTS = {"data": "0" * 64} | dict.fromkeys(
    lineage.checkpoints(FAMILY, FAMILY.by_role(), {}), "1" * 64
)
ROLES = ("teacher", "minilm", "tiny-int4")


@pytest.fixture
def run(tmp_path):
    """A run as today's recipe would make it."""
    made = synthetic.write_run(tmp_path / "cache", roles=ROLES, at_hand=("minilm", "tiny-int4"))
    prints = fingerprinting.fingerprints(FAMILY, INPUTS)
    models = [
        replace(model, inputs=INPUTS, fingerprint=prints[model.role].evaluation)
        for model in made.record.models
    ]
    return replace(made, record=replace(made.record, models=models))


def stage_of(work, role):
    weights = fingerprinting.fingerprints(FAMILY, INPUTS)[role].weights
    return stage_folders.folder(work, f"mpnet-{role}-weights", weights)


def test_weights_at_hand_are_found(run, tmp_path):
    assert trained_weights(run, "minilm", tmp_path) is None
    stage_of(tmp_path, "minilm").mkdir()
    assert trained_weights(run, "minilm", tmp_path) == stage_of(tmp_path, "minilm")


@pytest.mark.parametrize("role", ["tiny-int4", "none"])
def test_a_model_without_weights_of_its_own_has_none(run, tmp_path, role):
    assert trained_weights(run, role, tmp_path) is None


def test_weights_of_another_training_are_not_taken(run, tmp_path):
    stage_of(tmp_path, "minilm").mkdir()
    models = [replace(model, fingerprint="f" * 64) for model in run.record.models]
    stale = replace(run, record=replace(run.record, models=models))
    assert trained_weights(stale, "minilm", tmp_path) is None
    unknown = replace(run, record=replace(run.record, family="of another program"))
    assert trained_weights(unknown, "minilm", tmp_path) is None
