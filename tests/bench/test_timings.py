"""The benchmark's turns, checks and tables, on tiny models; not its figures."""

import numpy as np
import pytest
import torch

from pipeline.__main__ import main
from pipeline.bench import timings
from pipeline.bench import training as bench_training
from pipeline.cascade_rules import Rule
from pipeline.data import data_sets
from pipeline.evaluation import scoring
from pipeline.models import networks
from pipeline.recipes.families import FAMILIES
from pipeline.recipes.training_settings import Training
from pipeline.results import speed
from pipeline.results.figures import Conditions
from pipeline.results.storage import read_run
from pipeline.training import prediction
from tests import pipelines, synthetic

pytestmark = pytest.mark.slow


def test_headlines_are_joined_in_turn_and_of_one_class():
    texts = timings.headlines((1, 3), 8)
    assert [text.count(". ") for text in texts] == [0, 2] * 4
    assert len(set(texts)) == 8
    assert texts == timings.headlines((1, 3), 8)


def test_the_command_writes_tables_and_figures_into_the_run(cache_folder):
    rules = {"tiny-int8": Rule(0.9), "minilm": None}
    before = synthetic.add_cascade(read_run(cache_folder / "synthetic"), rules)
    process = pipelines.run(
        *("bench", "synthetic", "--cache", cache_folder, "--turns", "3", "--rows", "20", "40")
    )
    assert process.returncode == 0, process.stderr
    assert "note: no weights of minilm were found" in process.stderr
    run = read_run(cache_folder / "synthetic")
    result = run.record.bench
    for kind in ("one", "headline"):
        asked = [(row["role"], row["peer"]) for row in result[kind]]
        assert asked == [
            ("minilm", "onnxruntime"),
            ("minilm", "ours"),
            ("tiny-int8", "onnxruntime"),
            ("tiny-int8", "ours"),
            ("cascade-small", "ours"),
        ]
        assert all(row["ms"] <= row["p95_ms"] and row["mean_ms"] > 0 for row in result[kind])
        assert {row["calls"] for row in result[kind]} == {2 * timings.BLOCK}
    ((role, rows),) = result["growth"].items()
    assert role == min(result["latency"], key=lambda role: run.by_role[role].size_bytes)
    assert [row["rows"] for row in rows] == [20, 40]
    assert min(row["memory_mb"] for row in rows) > 10
    assert process.stdout.rstrip("\n") == speed.markdown(result)
    # Only installed models are timed, and the teacher is not installed.
    assert set(result["latency"]) == {"minilm", "tiny-int8", "cascade-small"}
    names = {f"{of}{what}_ms" for of in ("", "headline_") for what in ("mean", "p50", "p95")}
    names |= {"load_ms"}
    assert set(result["latency"]["minilm"]) == names
    assert "20 headlines of 8 to 20 words" in result["latency_texts"]
    assert "the run keeps the latencies that it has" in process.stderr
    assert run.record.models == before.record.models


def test_evaluation_is_timed_beside_a_loop_in_file_order(cache_folder):
    rules = {"tiny-int8": Rule(0.9), "minilm": None}
    synthetic.add_cascade(read_run(cache_folder / "synthetic"), rules)
    arguments = ("--cache", cache_folder, "--turns", "3", "--evaluation-rows", "70")
    process = pipelines.call("bench", "synthetic", *arguments)
    assert process.returncode == 0, process.stderr
    run = read_run(cache_folder / "synthetic")
    result = run.record.bench["evaluation"]
    assert result["rows"] == 70
    asked = [(row["role"], row["peer"]) for row in result["models"]]
    at_hand = [role for role in run.by_role if run.artifact(role)]
    both = [(role, kind) for role in at_hand[:-1] for kind in ("onnxruntime", "ours")]
    assert asked == [*both, ("cascade-small", "ours")]
    assert all(row["same_labels"] == 1 for row in result["models"][:-1])
    lines = process.stdout.splitlines()
    assert lines[0].startswith("| 70 rows, on ")
    assert len(lines) == 2 + len(at_hand)


def test_with_data_the_texts_are_validation_rows(cache_folder, data_folder, monkeypatch):
    asked = []

    def compare(people, max_length, orders, *settings):
        asked.extend(orders)
        return []

    monkeypatch.setattr(timings, "compare", compare)
    arguments = ("bench", "synthetic", "--cache", str(cache_folder), "--data", str(data_folder))
    assert main([*arguments, "--turns", "2", "--rows"]) == 0
    rows = data_sets.load(data_folder).validation.texts
    singles = [[row] for row in rows[: 2 * timings.BLOCK]]
    headlines = [[text] for text in scoring.short_headlines(2 * timings.BLOCK)]
    assert asked == [*singles, *headlines, rows[: timings.BATCHES * timings.BATCH_SIZE]]
    assert read_run(cache_folder / "synthetic").record.bench["texts"] == "validation rows"


def test_files_are_classified_by_the_models_that_are_timed(cache_folder, monkeypatch):
    monkeypatch.setattr(timings, "compare", lambda *arguments: [])
    monkeypatch.setattr(timings, "growth", lambda artifact, texts, counts: [])
    run = read_run(cache_folder / "synthetic")
    assert run.by_role["tiny-int8"].size_bytes < run.by_role["minilm"].size_bytes
    for roles in ("minilm",), ("minilm", "tiny-int8"):
        arguments = ("--cache", str(cache_folder), "--turns", "2", "--model", *roles)
        assert main(["bench", "synthetic", *arguments]) == 0
        assert list(read_run(cache_folder / "synthetic").record.bench["growth"]) == [roles[-1]]


def test_where_all_models_are_timed_their_latencies_are_the_runs(tmp_path):
    roles = ("teacher", "minilm", "tiny-int8")
    run = synthetic.write_run(tmp_path / "cache", at_hand=roles)
    latency = {role: {"p50_ms": number, "p95_ms": number + 1} for number, role in enumerate(roles)}
    timed = {"latency": latency, "latency_texts": "validation rows"}
    now = {"hardware": {"processor": "another"}, "threads": 2}
    stored = timings.store(run, timed | {"measured_on": now})
    assert list(stored.table()["p50_ms"]) == [0, 1, 2]
    assert list(stored.table()["p95_ms"]) == [1, 2, 3]
    for role in roles:
        taken = stored.by_role[role].measured_on
        assert taken.latency == Conditions(**now, texts="validation rows")
        assert taken.throughput == run.by_role[role].measured_on.throughput
        assert stored.by_role[role].metrics == run.by_role[role].metrics
        assert stored.artifact(role)
    # Tables that are not measured again stay, and the models stay the same.
    again = timings.store(stored, {"training": []})
    assert set(again.record.bench) == {"latency", "latency_texts", "measured_on", "training"}
    assert again.record.models == stored.record.models


def test_training_is_timed_in_both_ways(checkpoints):
    rates = {"teacher": 1e-3, "minilm": 1e-3}
    corpus = data_sets.load(toy=True)
    rows = bench_training.compare(FAMILIES["mpnet"], corpus, checkpoints, rates, 48)
    roles = ["teacher", "teacher", "minilm", "minilm"]
    assert [(row["role"], row["way"]) for row in rows] == list(
        zip(roles, [*bench_training.WAYS] * 2, strict=True)
    )
    for row in rows:
        assert row["rows_per_second"] * row["seconds"] == pytest.approx(48 * row["epochs"])
        assert 0 <= row["accuracy"] <= 1
    lines = speed.markdown({"training": rows}).splitlines()
    assert "| `teacher`, the notebook's | 48 | 1 |" in lines[-4]
    assert " | 1.0 | " in lines[-2]


def test_the_notebooks_student_hears_its_teacher(checkpoints, tmp_path):
    # A teacher that always says Sports, on rows that have other labels.
    teacher = networks.load_checkpoint(
        "sentence-transformers/all-mpnet-base-v2", "mpnet", checkpoints, data_sets.LABELS
    )
    torch.nn.init.zeros_(teacher[0].classifier.out_proj.weight)
    teacher[0].classifier.out_proj.bias.data = torch.tensor([0.0, 20.0, 0.0, 0.0])
    name = "sentence-transformers/all-MiniLM-L6-v2"
    student = networks.load_checkpoint(name, "bert", checkpoints, data_sets.LABELS)
    rows = data_sets.load(toy=True).train.take(np.arange(32))
    settings = Training(rates=(), epochs=20, label_share=0.0)
    lesson = bench_training.Lesson(rows, 32, settings, teacher, tmp_path)
    bench_training.learn_as_the_notebook(student, lesson)
    logits = prediction.predict_logits(*student, rows, 32)
    assert (logits.argmax(axis=1) == 1).all()


def test_a_run_with_nothing_at_hand_is_one_line(cache_folder):
    for arguments, message in [
        (("nowhere",), "no run nowhere"),
        (("synthetic", "--turns", "1"), "--turns takes 2 or more"),
        (("synthetic", "--evaluation-rows", "-1"), "numbers of rows are from 1 on"),
    ]:
        process = pipelines.call("bench", *arguments, "--cache", cache_folder)
        assert process.returncode == 1
        assert message in process.stderr
        assert "Traceback" not in process.stderr
