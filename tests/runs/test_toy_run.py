"""The toy family as a newcomer runs it: complete, again, killed, verified, used."""

import json
import os
import shutil
import signal
import time
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from pipeline.analysis import cascades
from pipeline.cascade_rules import Rule
from pipeline.data import data_sets
from pipeline.inference import cascade
from pipeline.inference.classifier import Classifier
from pipeline.recipes.families import FAMILIES
from pipeline.results.predictions import probabilities_of
from pipeline.results.storage import read_run
from tests import pipelines

ROLES = [model.role for model in FAMILIES["toy"].models]


@pytest.fixture(scope="module")
def toy(toy_cache):
    return read_run(toy_cache / "toy")


def test_every_role_is_there_and_the_run_is_marked_a_toy(toy):
    assert list(toy.by_role) == ROLES
    assert toy.record.toy
    assert not any(model.headlines for model in toy.record.models)  # toys train on them
    assert toy.record.command == "python -m pipeline run --family toy"
    assert toy.record.data.rows == {"train": 270, "validation": 30, "test": 100}


def test_models_learned_and_compression_did_not_ruin_them(toy):
    accuracy = {role: model.metrics.accuracy for role, model in toy.by_role.items()}
    # Chance is 0.25, with a standard error of 0.04 on 100 rows. Checkpoints are chosen by the loss
    # on 30 rows, which reaches its minimum before the accuracy reaches its maximum.
    for role in ("teacher", "distil", "minilm", "tiny"):
        assert accuracy[role] > 0.45, role
    for role in ("dynamic", "static", "qat"):
        assert abs(accuracy[role] - accuracy["teacher"]) <= 0.1, role
        assert toy.by_role[role].metrics.agreement > 0.8, role


def test_sizes_are_those_of_the_files_and_shrink_with_the_bits(toy):
    for role, model in toy.by_role.items():
        members = model.cascade.members if model.cascade else [role]
        graphs = [toy.artifact(each) / "model.onnx" for each in members]
        assert model.size_bytes == sum(graph.stat().st_size for graph in graphs), role
    size = {role: model.size_bytes for role, model in toy.by_role.items()}
    for role in ("dynamic", "static", "qat"):
        assert size[role] < 0.4 * size["teacher"]
    for role in ("minilm", "tiny"):
        assert size[f"{role}-int4"] < size[f"{role}-int8"] < size[role]


def test_an_export_has_the_weights_that_the_run_left(toy_cache, tmp_path, brief_families):
    weights = {"minilm": True, "minilm-int8": False, "nano": False, "cascade-small": False}
    for role, has_weights in weights.items():
        arguments = ("export", "toy", role, tmp_path / role, "--cache", toy_cache)
        process = pipelines.call(*arguments)
        assert process.returncode == 0, process.stderr
        assert (tmp_path / role / "model.safetensors").is_file() == has_weights


def test_everything_promised_is_measured(toy):
    for model in toy.record.models:
        assert model.metrics.agreement is not None
        assert min(vars(model.cost).values()) > 0
        assert model.cost.p50_ms <= model.cost.p95_ms
        for kind, conditions in vars(model.measured_on).items():
            assert conditions.hardware["processor"]
            assert conditions.versions["python"]
            assert kind == "predictions" or conditions.threads >= 1
            assert datetime.fromisoformat(conditions.taken).utcoffset() == timedelta(0)
        trained = ("fine-tuned", "distilled", "qat", "classical")
        assert (model.training is not None) == (model.method in trained)
    assert toy.by_role["teacher"].metrics.agreement == 1.0


def test_the_artifact_gives_the_predictions_that_are_stored(toy):
    headlines = pd.read_csv(data_sets.TOY)
    for role in ("tiny", "static", "tiny-int4"):
        stored = toy.predictions(role)
        texts = headlines["text"][stored["row"]].tolist()
        again = Classifier(toy.artifact(role)).predict_proba(texts)
        # Not exactly equal: the stored predictions come from other batches, with validation rows.
        np.testing.assert_allclose(again, probabilities_of(stored), atol=0.02)


@pytest.mark.parametrize("role", ["cascade-small", "cascade-teacher", "cascade-dynamic"])
def test_a_cascade_answers_as_its_members_do(toy, role):
    found = toy.by_role[role].cascade
    members = [probabilities_of(toy.predictions(member)) for member in found.members]
    rules = [Rule(*rule) for rule in zip(found.thresholds, found.temperatures, strict=True)]
    expected = cascades.answers(members, rules)
    # Not exactly equal: the predictions come from other batches.
    np.testing.assert_allclose(probabilities_of(toy.predictions(role)), expected, atol=0.02)
    asked = cascades.answered_by(members, rules)
    assert found.answered["test"] == pytest.approx(
        (np.bincount(asked, minlength=2) / len(asked)).tolist()
    )
    assert toy.by_role[role].size_bytes == sum(
        toy.by_role[member].size_bytes for member in found.members
    )
    kept = json.loads((toy.artifact(role) / cascade.FILE).read_text("utf-8"))
    assert [entry["role"] for entry in kept["members"]] == found.members
    assert [path.name for path in toy.artifact(role).iterdir()] == [cascade.FILE]


def test_the_same_run_again_redoes_nothing(toy_cache, brief_families):
    before = {path: path.stat().st_mtime_ns for path in toy_cache.rglob("*") if path.is_file()}
    process = pipelines.call("run", "--family", "toy", "--cache", toy_cache)
    assert process.returncode == 0, process.stderr
    assert "training" not in process.stderr
    after = {path: path.stat().st_mtime_ns for path in toy_cache.rglob("*") if path.is_file()}
    assert after == before


def test_models_are_timed_anew_when_asked(toy_cache, toy, tmp_path, brief_families):
    cache = shutil.copytree(toy_cache, tmp_path / "cache")
    more = ("--only", "tiny", "--measure-again")
    process = pipelines.call("run", "--family", "toy", "--cache", cache, *more)
    assert process.returncode == 0, process.stderr
    assert "training" not in process.stderr
    assert "predicting" not in process.stderr
    again = read_run(cache / "toy")
    timed = {role for role in ROLES if again.by_role[role].cost != toy.by_role[role].cost}
    assert timed == {"tiny"}  # not its teacher, whose logits exist
    assert again.record.files == toy.record.files
    before, after = (vars(run.by_role["tiny"].measured_on) for run in (toy, again))
    assert {kind for kind in after if after[kind] != before[kind]} == {"latency", "throughput"}


def test_status_as_json(toy_cache, brief_families):
    process = pipelines.call("status", "--json", "--cache", toy_cache)
    rows = json.loads(process.stdout)
    assert [row["role"] for row in rows] == ROLES
    assert all(row["state"] == "done" for row in rows)
    assert set(rows[0]) == {
        *("run", "family", "role", "state", "accuracy", "headlines", "size_mb", "p50_ms"),
        "artifact",
    }
    assert {row["headlines"] for row in rows} == {None}  # toys train on them


def test_predict_reads_arguments_and_standard_input(toy_cache):
    by_argument = pipelines.call("predict", "Shares fell", "--cache", toy_cache)
    assert by_argument.returncode == 0, by_argument.stderr
    assert by_argument.stdout.count("Shares fell") == len(ROLES)
    by_input = pipelines.run(
        *("predict", "--model", "tiny", "--cache", toy_cache),
        text_in="Shares fell\n\n<b>Coach</b> resigns\n",
    )
    assert "1 blank lines are left out" in by_input.stderr
    assert by_input.stdout.count("tiny") == 2


def test_verify_recomputes_and_finds_what_was_changed(toy_cache, tmp_path):
    process = pipelines.call("verify", "--cache", toy_cache)
    assert process.returncode == 0, process.stdout
    assert process.stdout.count("predictions recomputed") == len(ROLES)

    copy = tmp_path / "cache"
    shutil.copytree(toy_cache / "toy", copy / "toy")
    record = json.loads((copy / "toy" / "run.json").read_text())
    record["models"][0]["metrics"]["accuracy"] += 0.01
    (copy / "toy" / "run.json").write_text(json.dumps(record | {"checksum": ""}))
    graph = copy / "toy" / "artifacts" / "tiny" / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"x")
    process = pipelines.call("verify", "--cache", copy)
    assert process.returncode == 1
    failed = [line for line in process.stdout.splitlines() if line.startswith("FAIL")]
    assert [line.split(": ")[1:] for line in failed] == [
        ["teacher", "test metrics differ", "accuracy"],
        ["tiny", "artifact's checksums"],
    ]


def test_killed_and_interrupted_runs_go_on_and_end_the_same(toy, tmp_path):
    command = ("run", "--family", "toy", "--only", "tiny", "--cache", tmp_path / "cache")
    checkpoints = ".draft-toy-teacher-weights-*/*-epochs/checkpoint-*/trainer_state.json"

    def stop_at(step, how):
        process = pipelines.start(*command, module="tests.brief")
        work = tmp_path / "cache" / ".work"
        # Wait for that step or a later one: the next checkpoint replaces the one before.
        while process.poll() is None and step > max(
            (int(path.parent.name.split("-")[1]) for path in work.glob(checkpoints)), default=0
        ):
            time.sleep(0.01)
        process.send_signal(how)
        _, error = process.communicate(timeout=60)
        assert not (tmp_path / "cache" / "toy").exists()
        return process.returncode, error

    # Both stops are in the middle of one of eight epochs of 17 steps.
    status, error = stop_at(29, signal.SIGINT)
    assert status == 130
    assert "stopped; nothing is lost, the same command goes on where it stopped" in error
    assert "Traceback" not in error
    status, _ = stop_at(80, signal.SIGKILL)
    assert status == -signal.SIGKILL

    process = pipelines.run(*command, module="tests.brief")
    assert process.returncode == 0, process.stderr
    resumed = read_run(tmp_path / "cache" / "toy")
    assert list(resumed.by_role) == ["teacher", "tiny"]
    for role in resumed.by_role:
        pd.testing.assert_frame_equal(resumed.all_predictions(role), toy.all_predictions(role))
        assert resumed.by_role[role].fingerprint == toy.by_role[role].fingerprint


def test_with_the_runs_logits_a_student_is_made_without_its_teacher(toy_cache, toy, tmp_path):
    """As in a clone without weights and artifacts."""
    shutil.copytree(toy_cache / "toy", tmp_path / "toy", ignore=shutil.ignore_patterns("artifacts"))
    command = ("run", "--family", "toy", "--only", "tiny", "--cache", tmp_path)
    process = pipelines.run(*command, module="tests.brief")
    assert process.returncode == 0, process.stderr
    assert "teacher" not in process.stderr
    made, before = (folder / ".work" for folder in (tmp_path, toy_cache))
    assert {path.name.rpartition("-")[0] for path in made.glob("toy-t*")} == {
        *("toy-teacher-logits", "toy-teacher-span-logits"),
        *("toy-tiny-weights", "toy-tiny-artifact", "toy-tiny-evaluation"),
    }
    (weights,) = made.glob("toy-tiny-weights-*/model.safetensors")
    assert weights.read_bytes() == (before / weights.relative_to(made)).read_bytes()
    again = read_run(tmp_path / "toy")
    assert again.record.files == toy.record.files
    assert again.by_role["tiny"].metrics == toy.by_role["tiny"].metrics  # agreement, too


def test_the_run_holds_what_its_students_learn(toy):
    """Logits on 270 rows, and on one span of each."""
    paths = toy.all_logits().values()
    assert len(paths) == len(toy.record.logits) == 2
    for path in paths:
        logits = load_file(path)["logits"]
        assert (logits.dtype, logits.shape) == (np.float16, (270, 4))
        assert f"logits/{path.name}" in toy.record.files


def test_a_damaged_run_is_not_added_to(toy_cache, tmp_path):
    shutil.copytree(toy_cache / "toy", tmp_path / "toy")
    os.truncate(tmp_path / "toy" / "run.json", 1000)
    process = pipelines.call("run", "--family", "toy", "--only", "teacher", "--cache", tmp_path)
    assert process.returncode == 1
    assert process.stderr.strip().splitlines()[-1].startswith(f"error: {tmp_path}/toy is left out")
