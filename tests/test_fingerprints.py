"""A setting or the data changed: only what depends on it is made anew, and nothing is forgotten."""

import contextlib
import json
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from pipeline import data, evaluation, maker, models, plan, quantization, runner, trainer, training
from pipeline.cache import read_run, write_json
from pipeline.data import LABELS
from pipeline.errors import PipelineError
from pipeline.families import FAMILIES
from pipeline.records import COSTS
from pipeline.roles import Family, Model, NGramShape, TfIdf, Training
from tests import pipelines

# --- the plan: every field of the tables --------------------------------------------------------

FAMILY = FAMILIES["mpnet"]
SHOWN = {"role", "title", "description", "reported", "name", "toy", "models"}
"""Fields that a model is not made by."""
METHODS = {
    "distilled": "fine-tuned",
    "qat": "distilled",
    "dynamic": "static",
    "static": "dynamic",
    "int4": "dynamic",
}


def prints(family, data="data"):
    names = plan.checkpoints(family, family.by_role())
    return plan.fingerprints(family, {"data": data, **{name: f"of {name}" for name in names}})


BEFORE = prints(FAMILY)


def changed(family):
    after = prints(family)
    return {role for role in BEFORE if after.get(role) != BEFORE[role]}


def other(model, name, value):
    """Another value of a field, or None where the model has no use for one."""
    if name == "method":
        return METHODS.get(value)
    if name == "parent":
        return value and ("distil" if "minilm" in (model.role, value) else "minilm")
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return f"{value}-other"
        case tuple():
            return (*value, 2 * value[-1])
    return None


def with_model(changed_model):
    role = changed_model.role
    return replace(
        FAMILY, models=tuple(changed_model if m.role == role else m for m in FAMILY.models)
    )


def descendants(found, family_models):
    """These roles and what is made from them or taught by them."""
    found = set(found)
    while more := {m.role for m in family_models if m.parent in found} - found:
        found |= more
    return found


def changes(path):
    """Every model that has a field, with that field changed."""
    part, _, name = path.rpartition(".")
    for model in FAMILY.models:
        owner = getattr(model, part) if part else model
        if owner is None or not hasattr(owner, name):
            continue
        value = other(model, name, getattr(owner, name))
        if value is not None:
            owner = replace(owner, **{name: value})
            yield replace(model, **{part: owner}) if part else owner


PATHS = [
    *(f.name for f in fields(Model) if f.name not in SHOWN | {"training", "shape"}),
    *(f"training.{f.name}" for f in fields(Training)),
    *dict.fromkeys(f"shape.{f.name}" for kind in (NGramShape, TfIdf) for f in fields(kind)),
]
# None of a family's own models has this: its derived ones do.
UNSET = {"training.hidden_epochs": 1}


@pytest.mark.parametrize("path", PATHS)
def test_no_field_is_forgotten_and_what_does_not_depend_on_it_stays(path):
    found = list(changes(path))
    if path in UNSET:
        tiny = FAMILY.by_role()["tiny"]
        name = path.removeprefix("training.")
        found = [replace(tiny, training=replace(tiny.training, **{name: UNSET[path]}))]
    assert found, f"no model has {path}: give this test one that has"
    for model in found:
        different = changed(with_model(model))
        assert descendants([model.role], FAMILY.models) <= different, model.role
        variants = {role for role in BEFORE if role.startswith(f"{model.role}-")}
        every_model = FAMILY.by_role().values()
        assert different <= descendants({model.role, *variants}, every_model), model.role


@pytest.mark.parametrize("name", [f.name for f in fields(Family) if f.name not in SHOWN])
def test_no_field_of_a_family_is_forgotten(name):
    value = getattr(FAMILY, name)
    family = replace(FAMILY, **{name: other(None, name, value)})
    assert changed(family) == (set() if name == "title" else set(BEFORE))


@pytest.mark.parametrize("name", ["title", "description", "reported"])
def test_what_is_only_shown_changes_nothing(name):
    family = replace(FAMILY, models=tuple(replace(m, **{name: None}) for m in FAMILY.models))
    assert changed(family) == set()


def test_every_kind_of_field_is_looked_at():
    inner = {f.name for f in fields(Model) if any(map(is_dataclass, [*kinds(f.name)]))}
    assert inner == {"training", "shape", "reported"}


def kinds(name):
    return [value for model in FAMILY.models if (value := getattr(model, name)) is not None]


@pytest.mark.parametrize("stage", plan.Fingerprints._fields)
def test_a_stage_made_in_another_way_makes_anew_what_follows_from_it(monkeypatch, stage):
    monkeypatch.setitem(plan._VERSIONS, stage, 99)
    after = prints(FAMILY)
    before, now = BEFORE["minilm"], after["minilm"]
    own = {name for name in now._fields if getattr(now, name) != getattr(before, name)}
    assert (
        own
        == {
            "weights": {"weights", "logits", "artifact", "evaluation"},
            # The teacher's logits: its student is taught anew.
            "logits": {"weights", "logits", "artifact", "evaluation"},
            "artifact": {"artifact", "evaluation"},
            "evaluation": {"evaluation"},
        }[stage]
    )


# --- a run: what is made, with everything that takes long replaced ------------------------------

TOY = FAMILIES["toy"]
ROLES = ["teacher", "minilm", "tiny", "minilm-int8", "tiny-int8"]


@pytest.fixture
def make(monkeypatch, tmp_path):
    """Runs roles of a toy family in a moment; gives the run and the stages that were made.

    A training is a checkpoint that says with which settings it was begun.
    """
    stop_at = []

    def train(start, settings, rows, validation, length, draft, logits, callbacks, hidden):
        begun = {"epochs": settings.epochs, "rows": len(rows)}
        checkpoint = draft / "checkpoint.json"
        if checkpoint.exists():
            assert json.loads(checkpoint.read_text()) == begun, "another training is gone on with"
        write_json(checkpoint, begun)
        if any(f"toy-{role}-" in draft.name for role in stop_at):
            raise KeyboardInterrupt
        return None, None, begun

    def evaluate(artifact, corpus, draft):
        rows = len(corpus.test) + len(corpus.validation)
        probabilities = np.full((rows, 4), 0.25, np.float32)
        table = evaluation._table(corpus, probabilities)
        table.to_parquet(draft / evaluation.PREDICTIONS, index=False)
        cost = dict.fromkeys(COSTS, 1.0)
        measured_on = {"latency": {"threads": 1}, "throughput": {"threads": 1}}
        write_json(draft / evaluation.COST, {"cost": cost, "measured_on": measured_on})
        write_json(draft / evaluation.CONDITIONS, {"taken": "2026-01-01T00:00:00+00:00"})

    def write_encoder(draft, tokenizer, length):
        (draft / "classifier.json").write_text(json.dumps({"labels": LABELS}))

    def graph(source, target, *settings):
        target.write_text(f"graph of {target.parent.name}")

    monkeypatch.setattr(models, "checkpoint_identity", lambda name, folder: f"of {name}")
    monkeypatch.setattr(models, "read", lambda *_, **__: (None, None))
    monkeypatch.setattr(models, "save", lambda *arguments: None)
    monkeypatch.setattr(models, "parameter_count", lambda network: 1)
    monkeypatch.setattr(models, "write_encoder", write_encoder)
    monkeypatch.setattr(maker.Maker, "_calibration_batches", lambda _, tokenizer: [])
    monkeypatch.setattr(training, "train", train)
    monkeypatch.setattr(trainer, "predict_logits", lambda n, t, rows, _: np.zeros((len(rows), 4)))
    monkeypatch.setattr(quantization, "export_onnx", graph)
    monkeypatch.setattr(quantization, "quantize_dynamic", graph)
    monkeypatch.setattr(quantization, "weight_bits", lambda graph: 8)
    monkeypatch.setattr(evaluation, "evaluate", evaluate)
    work = tmp_path / "work"

    def make(corpus, family=TOY, name="run", stop_in=None):
        """Names of the stages that were made, without their fingerprints."""
        stop_at[:] = [stop_in] if stop_in else []
        before = content(work)
        with contextlib.suppress(KeyboardInterrupt):
            cache = tmp_path / "cache"
            runner.run(family, corpus, ROLES, name=name, cache=cache, work=work, command="x")
        after = content(work)
        assert {path: after.get(path) for path in before} == before  # nothing is made twice
        return {path.parts[0].rpartition("-")[0] for path in after.keys() - before.keys()}

    return make


def content(folder):
    """Bytes and time of every file of the stages that are complete."""
    return {
        path.relative_to(folder): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.glob("[!.]*/*")
    }


STAGES = {
    *(f"toy-{role}-weights" for role in ("teacher", "minilm", "tiny")),
    "toy-teacher-logits",
    "toy-teacher-cuts",
    *(f"toy-{role}-{kind}" for role in ROLES for kind in ("artifact", "evaluation")),
}
TINY = {stage for stage in STAGES if stage.startswith("toy-tiny")}


@pytest.fixture
def corpus(data_folder):
    return data.load(data_folder)


@pytest.fixture
def other_corpus(tmp_path):
    return data.load(pipelines.write_data(tmp_path / "other", 60, 40))


@pytest.fixture
def longer_tiny():
    """The toy family, its tiny trained for longer."""
    change = {"tiny": {"epochs": 99}}
    return replace(
        TOY,
        models=tuple(
            replace(m, training=replace(m.training, **change[m.role])) if m.role in change else m
            for m in TOY.models
        ),
    )


def test_a_changed_setting_makes_anew_what_depends_on_it_alone(make, corpus, longer_tiny, tmp_path):
    assert make(corpus) == STAGES
    before = read_run(tmp_path / "cache" / "run")
    assert {plan.state(longer_tiny, before, role) for role in ROLES[:2]} == {"done"}
    assert {plan.state(longer_tiny, before, role) for role in ("tiny", "tiny-int8")} == {"stale"}
    assert make(corpus, longer_tiny) == TINY
    after = read_run(tmp_path / "cache" / "run")
    assert after.by_role["tiny"].training["epochs"] == 99
    for role in ROLES:
        same = after.by_role[role] == before.by_role[role]
        assert same == (not role.startswith("tiny")), role
    assert make(corpus) == set()  # what the first settings made is still there


def test_a_setting_changed_in_the_middle_of_a_training(make, corpus, longer_tiny):
    assert make(corpus, stop_in="tiny") == STAGES - TINY - {
        "toy-minilm-int8-artifact",
        "toy-minilm-int8-evaluation",
    }
    assert make(corpus, longer_tiny, stop_in="tiny") == set()  # begun from the start
    assert make(corpus) >= TINY  # gone on with
    assert make(corpus, longer_tiny) == TINY


def test_other_data_make_everything_anew_and_overwrite_nothing(
    make, corpus, other_corpus, tmp_path
):
    make(corpus, stop_in="minilm")
    record = tmp_path / "cache" / "run" / "run.json"
    written = record.read_bytes()
    with pytest.raises(PipelineError, match="not that of these data; name this run with --run"):
        make(other_corpus)
    assert record.read_bytes() == written
    assert make(other_corpus, name="other") == STAGES
    assert record.read_bytes() == written
    assert make(corpus) == STAGES - {
        *("toy-teacher-weights", "toy-teacher-logits", "toy-teacher-cuts"),
        *("toy-teacher-artifact", "toy-teacher-evaluation"),
    }
