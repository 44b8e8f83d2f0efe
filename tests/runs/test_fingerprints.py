"""If a setting or the data change, exactly what depends on the change is made again."""

import contextlib
import json
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from pipeline import hardware
from pipeline.compression import export, ngram_graph, qat, quantization
from pipeline.data import data_sets
from pipeline.data.data_sets import LABELS
from pipeline.errors import PipelineError
from pipeline.evaluation import scoring
from pipeline.files import write_json
from pipeline.models import fake_quantization, networks
from pipeline.recipes.families import FAMILIES
from pipeline.recipes.roles import Family
from pipeline.recipes.training_settings import RandomSpans
from pipeline.results.figures import Cost
from pipeline.results.storage import read_run
from pipeline.runs import execution, fingerprinting, lineage, stage_folders, stages, teacher_logits
from pipeline.runs.fingerprinting import INT8_BITS
from pipeline.training import model_selection, prediction, random_spans
from tests import pipelines

# --- the plan: every field of the tables --------------------------------------------------------

FAMILY = FAMILIES["mpnet"]
SHOWN = {"role", "title", "description", "name", "toy", "models"}
"""Fields that do not affect how a model is made."""
ROWS = {"most_rows", "most_test_rows", "rows_a_class"}
"""Fields that say which rows are used: the data's fingerprint covers them."""
WAYS = {"dynamic": "static", "static": "dynamic", "int4": "dynamic"}
ROLES_OF_OTHERS = {"teacher", "source", "start"}
"""Fields that may hold another role."""


def prints(family):
    names = lineage.checkpoints(family, family.by_role(), {})
    known = {
        "data": "data",
        INT8_BITS: "8",
        **{name: f"of {name}" for name in names},
    }
    return fingerprinting.fingerprints(family, known)


BEFORE = prints(FAMILY)


def changed(family):
    after = prints(family)
    return {role for role in BEFORE if after.get(role) != BEFORE[role]}


def other(model, name, value):
    """Another value for a field, or None if the model can't have another."""
    if name == "way":
        return WAYS.get(value)
    if name in ROLES_OF_OTHERS and isinstance(value, str):
        return "distil" if "minilm" in (model.role, value) else "minilm"
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


def descendants(found, models):
    """These roles and all roles that are made from them or taught by them."""
    found = set(found)
    while more := {m.role for m in models if found & parents(m)} - found:
        found |= more
    return found


def parents(model):
    return {lineage.made_from(model, {}), lineage.taught_by(model), *lineage.members(model)}


def changes(path):
    """Every model that has a field, with that field changed."""
    for model in FAMILY.models:
        value = other(model, path.rpartition(".")[2], read(model, path))
        if value is not None:
            yield put(model, path, value)


def read(thing, path):
    """The field at the end of a path; None where there is none."""
    for name in path.split("."):
        thing = getattr(thing, name, None)
    return thing


def put(thing, path, value):
    """A copy with another value at the end of the path."""
    name, _, rest = path.partition(".")
    return replace(thing, **{name: put(getattr(thing, name), rest, value) if rest else value})


def paths(thing):
    """Dotted paths of all fields that are no dataclasses, those of nested dataclasses included."""
    for field in fields(thing):
        value = getattr(thing, field.name)
        if is_dataclass(value):
            yield from (f"{field.name}.{path}" for path in paths(value))
        else:
            yield field.name


def is_looked_into(path):
    """Whether a field holds a dataclass in every model that sets it."""
    values = {type(v) for m in FAMILY.models if (v := read(m, path)) is not None}
    return bool(values) and all(map(is_dataclass, values))


PATHS = sorted({p for m in FAMILY.models for p in paths(m) if p.split(".")[0] not in SHOWN})
PATHS = [path for path in PATHS if not is_looked_into(path)]
# The family's own models leave this unset; only models derived from them set it.
UNSET = {"training.hidden_epochs": 1}


@pytest.mark.parametrize("path", PATHS)
def test_no_field_is_forgotten_and_what_does_not_depend_on_it_stays(path):
    found = list(changes(path))
    if path in UNSET:
        tiny = FAMILY.by_role()["tiny"]
        found = [put(tiny, path, UNSET[path])]
    assert found, f"no model has {path}: give this test one that has"
    for model in found:
        different = changed(with_model(model))
        assert descendants([model.role], FAMILY.models) <= different, model.role
        variants = {role for role in BEFORE if role.startswith(f"{model.role}-")}
        every_model = FAMILY.by_role().values()
        assert different <= descendants({model.role, *variants}, every_model), model.role


@pytest.mark.parametrize("name", [f.name for f in fields(Family) if f.name not in SHOWN | ROWS])
def test_no_field_of_a_family_is_forgotten(name):
    value = getattr(FAMILY, name)
    family = replace(FAMILY, **{name: other(None, name, value)})
    assert changed(family) == (set() if name == "title" else set(BEFORE))


@pytest.mark.parametrize("name", ["title", "description"])
def test_what_is_only_shown_changes_nothing(name):
    family = replace(FAMILY, models=tuple(replace(m, **{name: None}) for m in FAMILY.models))
    assert changed(family) == set()


def test_every_kind_of_field_is_looked_at():
    kinds = {type(m).__name__ for m in FAMILY.models}
    assert kinds == {
        "FineTuned",
        "Distilled",
        "Quantized",
        "QuantizationAware",
        "Classical",
        "Cascade",
    }
    assert {path.split(".")[0] for path in PATHS} == {
        *("start", "layers", "vocabulary", "training", "teacher"),
        *("source", "way", "every_operator", "tfidf", "members", "most_mb"),
    }
    assert {"start.name", "start.words", "training.spans.longest", "training.rates"} <= set(PATHS)


@pytest.mark.parametrize("stage", fingerprinting._VERSIONS)
def test_a_stage_made_in_another_way_makes_anew_what_follows_from_it(monkeypatch, stage):
    monkeypatch.setitem(fingerprinting._VERSIONS, stage, 99)
    after = prints(FAMILY)
    before, now = BEFORE["minilm"], after["minilm"]
    own = {name for name in now._fields if getattr(now, name) != getattr(before, name)}
    assert (
        own
        == {
            "weights": {"weights", "artifact", "evaluation"},
            # These are the teacher's logits, so its student is taught again.
            "logits": {"weights", "artifact", "evaluation"},
            "artifact": {"artifact", "evaluation"},
            "evaluation": {"evaluation"},
        }[stage]
    )


def test_logits_are_of_their_teachers_weights_and_of_their_spans(monkeypatch):
    some = RandomSpans(per_row=1)
    cases = [("a", None), ("b", None), ("a", some), ("a", replace(some, longest=9))]
    found = [fingerprinting.logits_fingerprint(*case) for case in cases]
    assert len(set(found)) == len(cases)
    monkeypatch.setitem(fingerprinting._VERSIONS, "logits", 99)
    assert not set(found) & {fingerprinting.logits_fingerprint(*case) for case in cases}


# --- a run: what is made, with stand-ins for everything slow ------------------------------------

TOY = FAMILIES["toy"]
ROLES = ["teacher", "minilm", "tiny", "minilm-int8", "tiny-int8"]


@pytest.fixture
def make(monkeypatch, tmp_path):
    """Runs roles of a toy family in a moment; returns the names of the stages that were made.

    A training only writes its settings to a checkpoint. If it finds a checkpoint, it checks that
    the settings are the same. Logits are all zero.
    """
    stop_at = []

    def train(task, draft, callbacks):
        begun = {"epochs": task.settings.epochs, "rows": len(task.rows)}
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
        table = scoring._table(corpus, probabilities)
        table.to_parquet(draft / scoring.PREDICTIONS, index=False)
        cost = {field.name: 1.0 for field in fields(Cost)}
        measured_on = {"latency": {"threads": 1}, "throughput": {"threads": 1}}
        write_json(draft / scoring.COST, {"cost": cost, "measured_on": measured_on})
        write_json(draft / scoring.CONDITIONS, {"taken": "2026-01-01T00:00:00+00:00"})

    def write_encoder(draft, tokenizer, length, labels):
        (draft / "classifier.json").write_text(json.dumps({"labels": labels}))

    def graph(source, target, *settings):
        target.write_text(f"graph of {target.parent.name}")

    def int8(source, target, batches, bits, *settings):
        target.write_text(f"graph of {target.parent.name}, {bits} bits")

    monkeypatch.setattr(networks, "checkpoint_identity", lambda name, folder: f"of {name}")
    monkeypatch.setattr(networks, "read", lambda *_, **__: (None, None))
    monkeypatch.setattr(networks, "save", lambda *arguments: None)
    monkeypatch.setattr(networks, "parameter_count", lambda network: 1)
    monkeypatch.setattr(networks, "write_encoder", write_encoder)
    monkeypatch.setattr(stages.Stages, "check_checkpoints", lambda _, roles: None)
    monkeypatch.setattr(stages, "calibration_batches", lambda *arguments: [])
    monkeypatch.setattr(model_selection, "train_and_select", train)
    monkeypatch.setattr(
        prediction, "predict_logits", lambda n, t, rows, _: np.zeros((len(rows), 4))
    )
    monkeypatch.setattr(export, "export_onnx", graph)
    monkeypatch.setattr(quantization, "quantize_dynamic", int8)
    monkeypatch.setattr(quantization, "quantize_static", int8)
    monkeypatch.setattr(quantization, "quantize_4bit", graph)
    monkeypatch.setattr(qat, "export_int8", graph)
    monkeypatch.setattr(ngram_graph, "export", graph)
    monkeypatch.setattr(scoring, "evaluate", evaluate)
    monkeypatch.setattr(hardware, "int8_bits", lambda: 8)

    def make(corpus, *roles, family=TOY, name="run", stop_in=None, work="work", **options):
        """Names of the stages that were made, without their fingerprints."""
        stop_at[:] = [stop_in] if stop_in else []
        work = tmp_path / work
        before = content(work)
        with contextlib.suppress(KeyboardInterrupt):
            request = execution.Request(name, "x", list(roles or ROLES), **options)
            folders = execution.Folders(tmp_path / "cache", work)
            execution.run(family, corpus, request, folders)
        after = content(work)
        assert {path: after.get(path) for path in before} == before  # no stage is made twice
        return {path.parts[0].rpartition("-")[0] for path in after.keys() - before.keys()}

    return make


def content(folder):
    """Content and modification time of every file of the complete stages."""
    return {
        path.relative_to(folder): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.glob("[!.]*/*")
    }


STAGES = {
    *(f"toy-{role}-weights" for role in ("teacher", "minilm", "tiny")),
    "toy-teacher-logits",
    "toy-teacher-span-logits",
    *(f"toy-{role}-{kind}" for role in ROLES for kind in ("artifact", "evaluation")),
}
TINY = {stage for stage in STAGES if stage.startswith("toy-tiny")}


@pytest.fixture
def corpus(data_folder):
    return data_sets.load(data_folder)


@pytest.fixture
def other_corpus(tmp_path):
    return data_sets.load(pipelines.write_data(tmp_path / "other", 60, 40))


@pytest.fixture
def longer_tiny():
    """The toy family with a longer training of tiny."""
    change = {"tiny": {"epochs": 99}}
    return replace(
        TOY,
        models=tuple(
            replace(m, training=replace(m.training, **change[m.role])) if m.role in change else m
            for m in TOY.models
        ),
    )


@pytest.mark.slow
def test_a_changed_setting_makes_anew_what_depends_on_it_alone(make, corpus, longer_tiny, tmp_path):
    assert make(corpus) == STAGES
    before = read_run(tmp_path / "cache" / "run")
    assert {fingerprinting.state(longer_tiny, before, role) for role in ROLES[:2]} == {"done"}
    assert {fingerprinting.state(longer_tiny, before, role) for role in ("tiny", "tiny-int8")} == {
        "stale"
    }
    assert make(corpus, family=longer_tiny) == TINY
    after = read_run(tmp_path / "cache" / "run")
    assert after.by_role["tiny"].training.epochs == 99
    for role in ROLES:
        same = after.by_role[role] == before.by_role[role]
        assert same == (not role.startswith("tiny")), role
    assert make(corpus) == set()  # what the first settings made is still there


@pytest.mark.slow
def test_a_setting_changed_in_the_middle_of_a_training(make, corpus, longer_tiny):
    assert make(corpus, stop_in="tiny") == STAGES - TINY - {
        "toy-minilm-int8-artifact",
        "toy-minilm-int8-evaluation",
    }
    assert make(corpus, family=longer_tiny, stop_in="tiny") == set()  # starts again
    assert make(corpus) >= TINY  # goes on
    assert make(corpus, family=longer_tiny) == TINY


@pytest.mark.slow
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
        *("toy-teacher-weights", "toy-teacher-logits", "toy-teacher-span-logits"),
        *("toy-teacher-artifact", "toy-teacher-evaluation"),
    }


# --- teachers and their logits --------------------------------------------------------------------

TEACHER = {stage for stage in STAGES if stage.startswith("toy-teacher")}
LOGITS = {"toy-teacher-logits", "toy-teacher-span-logits"}


def of(role, *kinds):
    return {f"toy-{role}-{kind}" for kind in kinds or ("weights", "artifact", "evaluation")}


def run_of(tmp_path, name="run"):
    return read_run(tmp_path / "cache" / name)


def test_with_logits_at_hand_no_teacher_is_made(make, corpus, tmp_path):
    assert make(corpus, "minilm") == TEACHER | of("minilm")
    before = run_of(tmp_path)
    assert set(before.by_role) == {"teacher", "minilm"}
    # The run has the logits, and the work folder is empty.
    assert make(corpus, "minilm", work="new") == LOGITS | of("minilm")
    assert make(corpus, "tiny-int8", work="new") == of("tiny") | of(
        "tiny-int8", "artifact", "evaluation"
    )
    # The work folder has the logits. The run is new and has no teacher to compare with.
    assert make(corpus, "tiny", work="new", name="other") == set()
    after = run_of(tmp_path)
    assert set(after.by_role) == {*before.by_role, "tiny", "tiny-int8"}
    assert after.by_role["minilm"] == before.by_role["minilm"]
    assert after.by_role["tiny"].metrics.agreement == 1.0  # with the run's teacher
    assert set(run_of(tmp_path, "other").by_role) == {"tiny"}
    assert run_of(tmp_path, "other").by_role["tiny"].metrics.agreement is None
    # Without any logits, the teacher is made.
    assert make(corpus, "tiny", work="third", name="third") == TEACHER | of("tiny")


def test_logits_are_stored_in_the_run_in_float16(make, corpus, tmp_path):
    make(corpus, "minilm")
    run = run_of(tmp_path)
    shapes = [(tensor.dtype, tensor.shape) for tensor in logits_of(run)]
    assert shapes == [(np.float16, (len(corpus.train), 4))] * 2  # of rows, and of their spans


def logits_of(run):
    return [load_file(path)["logits"] for path in run.all_logits().values()]


@pytest.mark.parametrize("role", ["tfidf", "minilm-baseline"])
def test_what_no_teacher_teaches_is_made_without_one(make, corpus, tmp_path, role):
    assert make(corpus, role) == of(role)
    assert list(run_of(tmp_path).by_role) == [role]
    assert run_of(tmp_path).record.logits == {}


def test_what_no_teacher_teaches_leaves_the_runs_teacher_and_logits(make, corpus, tmp_path):
    """Though these models' inputs do not name the checkpoint of the teacher."""
    make(corpus, "minilm")
    before = run_of(tmp_path)
    for role in ("tfidf", "minilm-baseline"):
        assert make(corpus, role) == of(role)
        after = run_of(tmp_path)
        assert after.record.logits == before.record.logits
        assert after.by_role[role].metrics.agreement is not None
    assert make(corpus, "tiny", work="new") == LOGITS | of("tiny")


def test_an_older_teachers_logits_are_not_kept(make, corpus, tmp_path):
    make(corpus, "minilm")
    before = run_of(tmp_path)
    longer = replace(
        TOY,
        models=tuple(
            put(m, "training.epochs", 99) if m.role == "teacher" else m for m in TOY.models
        ),
    )
    assert make(corpus, "minilm", family=longer) == TEACHER | of("minilm")
    after = run_of(tmp_path).record.logits
    assert len(after) == 2
    assert not set(after.values()) & set(before.record.logits.values())


def test_nano_learns_the_logits_of_rows_alone(make, corpus, tmp_path):
    assert make(corpus, "nano") == TEACHER - {"toy-teacher-span-logits"} | of("nano")
    assert make(corpus, "nano", work="new") == {"toy-teacher-logits"} | of("nano")
    assert len(run_of(tmp_path).record.logits) == 1


def test_tinys_qat_training_is_the_teachers_and_starts_from_tiny(make, corpus, monkeypatch):
    lessons, started, answers = {}, {}, []

    def train(task, draft, callbacks):
        role = draft.name.removeprefix(".draft-toy-").partition("-weights")[0]
        lessons[role] = task.teacher_logits
        if role == "tiny-qat":
            started[role] = task.start()
        return None, None, {"rows": 1}

    def prepare(network, bits):
        answers.append((network, bits))

    monkeypatch.setattr(model_selection, "train_and_select", train)
    monkeypatch.setattr(networks, "read", lambda folder: (folder.name.rpartition("-")[0], None))
    monkeypatch.setattr(
        prediction, "predict_logits", lambda n, t, rows, _: np.full((len(rows), 4), len(n))
    )
    monkeypatch.setattr(fake_quantization, "prepare", prepare)
    monkeypatch.setattr(fake_quantization, "calibrate", lambda network, batches: None)
    make(corpus, "tiny-qat")
    assert started["tiny-qat"] == ("toy-tiny-weights", None)
    assert answers == [("toy-tiny-weights", 8)]
    assert lessons["teacher"] is None
    for role in ("tiny", "tiny-qat"):
        assert set(lessons[role].ravel()) == {len("toy-teacher-weights")}, role


# --- int8: bits -----------------------------------------------------------------------------------


def bits_of(run):
    return {role: model.inputs.get(INT8_BITS) for role, model in run.by_role.items()}


@pytest.mark.slow
def test_int8_keeps_the_bits_that_it_was_made_with(make, corpus, tmp_path, monkeypatch):
    make(corpus, "minilm-int8", "tiny-static")
    record = tmp_path / "cache" / "run" / "run.json"
    written, before = record.read_bytes(), run_of(tmp_path)
    expected = {"minilm-int8": "8", "tiny-static": "8"}
    assert bits_of(before) == dict.fromkeys(("teacher", "minilm", "tiny")) | expected
    assert before.by_role["minilm-int8"].settings["weights"] == "int8 per channel, 8 bits"
    # On a machine without VNNI, the models are not stale and not made again.
    monkeypatch.setattr(hardware, "int8_bits", lambda: 7)
    assert {fingerprinting.state(TOY, before, role) for role in before.by_role} == {"done"}
    assert make(corpus, "minilm-int8", "tiny-static") == set()
    assert record.read_bytes() == written
    # In a new work folder, the run's models keep their bits. New models get the machine's bits.
    made = make(corpus, "minilm-int8", "tiny-int8", work="new")
    assert made >= of("minilm-int8", "artifact", "evaluation")
    after = run_of(tmp_path)
    assert bits_of(after) == bits_of(before) | {"tiny-int8": "7"}
    assert after.by_role["minilm-int8"].fingerprint == before.by_role["minilm-int8"].fingerprint
    for role, bits in (("minilm-int8", 8), ("tiny-int8", 7)):
        (graph,) = (tmp_path / "new").glob(f"toy-{role}-artifact-*/model.onnx")
        assert graph.read_text().endswith(f", {bits} bits")
    assert {fingerprinting.state(TOY, after, role) for role in after.by_role} == {"done"}


# --- layers of the pretrained checkpoint ----------------------------------------------------------


def test_pretrained_layers_are_recorded_and_not_stale(make, corpus, tmp_path):
    make(corpus, "minilm")
    roles = ("compact", "compact-int4", "tiny")
    pretrained = {"pretrained_layers": True, "work": "new"}
    made = make(corpus, *roles, **pretrained)
    four_bits = of("compact-int4", "artifact", "evaluation")
    assert made == LOGITS | of("compact") | four_bits | of("tiny")
    run = run_of(tmp_path)
    for role in run.by_role:
        is_of_them = role.startswith("compact")
        recorded = run.by_role[role].inputs.get(lineage.LAYERS_FROM)
        assert recorded == (lineage.PRETRAINED if is_of_them else None), role
        assert fingerprinting.state(TOY, run, role) == "done", role
    # Started from the fine-tuned layers, it is another model and needs the teacher's weights.
    assert make(corpus, "compact", work="new") == TEACHER - LOGITS | of("compact")


@pytest.mark.parametrize("role", ["distil", "compact"])
def test_students_start_from_the_layers_of_the_pretrained_checkpoint(
    role, corpus, checkpoints, tmp_path, monkeypatch
):
    """Not from the teacher's weights, which may be lost."""
    known = {
        "data": corpus.fingerprint,
        INT8_BITS: "8",
        lineage.LAYERS_FROM: lineage.PRETRAINED,
    }
    name = "sentence-transformers/all-mpnet-base-v2"
    known[name] = "of it"
    begun = []

    def train(task, *_):
        begun.append(task.start()[0])
        raise KeyboardInterrupt

    mine = stages.Stages(FAMILY, corpus, tmp_path, checkpoints, known)
    for folder in ("logits", "span-logits"):  # these exist
        fingerprint = fingerprinting.logits_fingerprint(
            mine.fingerprints["teacher"].weights,
            mine.models[role].training.spans if folder == "span-logits" else None,
        )
        target = stage_folders.folder(tmp_path, f"mpnet-teacher-{folder}", fingerprint)
        target.mkdir()
        save_file(
            {"logits": np.zeros((len(corpus.train), 4), np.float16)}, target / teacher_logits.LOGITS
        )
    monkeypatch.setattr(model_selection, "train_and_select", train)
    monkeypatch.setattr(random_spans, "joined", lambda one, other: one)
    with pytest.raises(KeyboardInterrupt):
        mine.weights(role)
    assert not list(tmp_path.glob("*teacher-weights*"))
    whole, _ = networks.load_checkpoint(name, "mpnet", checkpoints, LABELS)
    kept = begun[0].mpnet.encoder.layer
    assert len(kept) == len(mine.models[role].layers)
    for layer, number in zip(kept, mine.models[role].layers, strict=True):
        weights = whole.mpnet.encoder.layer[number].state_dict()
        assert all(torch.equal(weights[key], value) for key, value in layer.state_dict().items())
