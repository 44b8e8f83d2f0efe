"""The families of published checkpoints, on tiny random ones that are laid out like them."""

import json
import shutil

import pytest

from pipeline.recipes.families import FAMILIES
from pipeline.results.storage import read_run
from tests import brief, pipelines


@pytest.fixture(scope="module")
def bert_cache(tmp_path_factory, checkpoints, data_folder):
    cache = tmp_path_factory.mktemp("bert") / "cache"
    with brief.in_this_process():
        process = pipelines.call(*_command("bert", cache, checkpoints, data_folder))
    assert process.returncode == 0, process.stderr
    return cache


def _command(family, cache, checkpoints, data_folder, *more):
    where = ("--cache", cache, "--checkpoints", checkpoints, "--data", data_folder)
    return ("run", "--family", family, *where, *more)


@pytest.fixture
def run_brief(brief_families):
    """Runs a family in this process with short trainings."""
    return lambda *arguments: pipelines.call(*_command(*arguments))


def test_the_whole_bert_family_runs_from_local_checkpoints(bert_cache):
    run = read_run(bert_cache / "bert")
    assert list(run.by_role) == [model.role for model in FAMILIES["bert"].models]
    assert not run.record.toy
    assert run.record.command == "python -m pipeline run --family bert --data DIR --checkpoints DIR"
    assert all(run.artifact(role) for role in run.by_role)
    assert {model.headlines.rows for model in run.record.models} == {400}
    assert run.by_role["teacher"].headlines.agreement == 1.0
    # The record names no folder of the machine that made it.
    assert str(bert_cache.parent) not in (bert_cache / "bert" / "run.json").read_text()


def test_its_predictions_verify(bert_cache, data_folder):
    process = pipelines.call("verify", "bert", "--cache", bert_cache, "--data", data_folder)
    assert process.returncode == 0, process.stdout
    assert process.stdout.count("predictions recomputed") == len(FAMILIES["bert"].models)
    said = "400 predictions on invented headlines recomputed"
    assert process.stdout.count(said) == len(FAMILIES["bert"].models)


def test_other_data_do_not_verify(bert_cache, tmp_path):
    other = pipelines.write_data(tmp_path / "other", 80, 36)
    process = pipelines.call("verify", "--cache", bert_cache, "--data", other)
    assert process.returncode == 1
    assert "holds other rows than the run was made from" in process.stdout


def test_baselines_join_the_run_without_a_teacher(run_brief, bert_cache, checkpoints, data_folder):
    more = ("--no-teacher", "--only", "minilm")
    process = run_brief("bert", bert_cache, checkpoints, data_folder, *more)
    assert process.returncode == 0, process.stderr
    run = read_run(bert_cache / "bert")
    assert len(run.by_role) == len(FAMILIES["bert"].models) + 1
    baseline = run.by_role["minilm-baseline"]
    assert baseline.settings["label_share"] == 1.0
    assert baseline.method == "fine-tuned"
    assert run.by_role["minilm"].settings["label_share"] < 1.0
    assert baseline.metrics.nll != run.by_role["minilm"].metrics.nll


def test_other_data_do_not_replace_a_run(run_brief, bert_cache, checkpoints, tmp_path):
    other = pipelines.write_data(tmp_path / "other", 80, 36)
    process = run_brief("bert", bert_cache, checkpoints, other)
    assert process.returncode == 1
    assert "name this run with --run" in process.stderr.splitlines()[-1]


def test_a_role_whose_settings_changed_is_stale(bert_cache, tmp_path, brief_families):
    record = json.loads((bert_cache / "bert" / "run.json").read_text())
    (tmp_path / "bert").mkdir()
    for model in record["models"]:
        if model["role"] == "static":
            model["fingerprint"] = "0" * 64
    record["models"] = [m for m in record["models"] if m["role"] != "qat"]
    (tmp_path / "bert" / "run.json").write_text(json.dumps(record | {"checksum": ""}))
    shutil.copytree(bert_cache / "bert" / "logits", tmp_path / "bert" / "logits")
    predictions = tmp_path / "bert" / "predictions"
    predictions.symlink_to(bert_cache / "bert" / "predictions")
    status = ("status", "--json", "--cache", tmp_path)
    process = pipelines.call(*status)
    assert process.stdout.strip() == "[]"  # predictions behind a link are not the run's own
    predictions.unlink()
    shutil.copytree(bert_cache / "bert" / "predictions", predictions)
    process = pipelines.call(*status)
    state = {row["role"]: row["state"] for row in json.loads(process.stdout)}
    assert state["static"] == "stale"
    assert state["qat"] == "missing"
    assert state["teacher"] == "done"
    assert all(row["artifact"] is None for row in json.loads(process.stdout))


@pytest.mark.slow
def test_mpnet_teaches_half_of_itself(run_brief, tmp_path, checkpoints, data_folder):
    process = run_brief("mpnet", tmp_path, checkpoints, data_folder, "--only", "distil")
    assert process.returncode == 0, process.stderr
    run = read_run(tmp_path / "mpnet")
    assert list(run.by_role) == ["teacher", "distil"]
    half, whole = run.by_role["distil"].size_bytes, run.by_role["teacher"].size_bytes
    assert half < 0.8 * whole


def test_a_run_that_a_killed_writer_had_moved_aside_is_added_to(
    run_brief, bert_cache, checkpoints, data_folder
):
    (bert_cache / "bert").rename(bert_cache / ".old-bert")
    process = run_brief("bert", bert_cache, checkpoints, data_folder, "--only", "tiny")
    assert process.returncode == 0, process.stderr
    assert set(read_run(bert_cache / "bert").by_role) >= {m.role for m in FAMILIES["bert"].models}
    assert not (bert_cache / ".old-bert").exists()
