"""Runs are written whole, read back as they were, and every damage is named."""

import dataclasses
import json
import os
import re
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file, save_file

from pipeline import files
from pipeline.errors import PipelineError
from pipeline.inference.classifier import Classifier
from pipeline.results import run_writing, storage
from pipeline.results.figures import CascadeRecord, TrainingRecord
from pipeline.results.predictions import probabilities_of
from pipeline.results.storage import CacheError
from tests import synthetic


@pytest.fixture
def run_folder(cache_folder):
    return cache_folder / "synthetic"


def edit(folder, change):
    """Change run.json with a function and drop its checksum, so that only the content is wrong."""
    path = folder / storage.RECORD
    content = json.loads(path.read_text("utf-8")) | {"checksum": ""}
    change(content)
    path.write_text(json.dumps(content), "utf-8")


def rewrite_predictions(folder, change, role="minilm"):
    """Change a table of predictions and its checksum, so that only the content is wrong."""
    path = folder / "predictions" / f"{role}.parquet"
    change(pd.read_parquet(path)).to_parquet(path, index=False)
    edit(
        folder,
        lambda c: c["files"].update({f"predictions/{role}.parquet": files.sha256(path)}),
    )


# --- undamaged runs -----------------------------------------------------------------------------


def folders(cache_folder):
    """Names of all folders: runs, and what a writer left. Its lock is a file and stays."""
    return [path.name for path in cache_folder.iterdir() if path.is_dir()]


def test_what_is_written_is_read_back(cache_folder):
    run = storage.read_run(cache_folder / "synthetic")
    assert list(run.by_role) == ["teacher", "minilm", "tiny-int8"]
    expected = synthetic.predictions(0.941, seed=2, headlines=True)
    expected = expected[expected["split"] == "test"].drop(columns="split").reset_index(drop=True)
    pd.testing.assert_frame_equal(run.predictions("minilm"), expected)
    assert len(run.predictions("minilm", "validation")) == 200
    table = run.table().set_index("role")
    assert table.loc["teacher", "size_mb"] == 438
    assert table["at_hand"].tolist() == [False, True, True]


def test_artifacts_are_checksummed(cache_folder):
    run = storage.read_run(cache_folder / "synthetic")
    folder = run.artifact("minilm")
    digests = {path.name: files.sha256(path) for path in folder.iterdir()}
    assert run.by_role["minilm"].artifact == digests


def test_a_clone_without_artifacts_is_whole(cache_folder):
    shutil.rmtree(cache_folder / "synthetic" / "artifacts")
    run = storage.read_run(cache_folder / "synthetic")
    assert run.artifact("minilm") is None


def test_an_artifact_of_which_a_file_is_missing_is_not_at_hand(cache_folder):
    (cache_folder / "synthetic" / "artifacts" / "minilm" / "tokenizer.json").unlink()
    assert storage.read_run(cache_folder / "synthetic").artifact("minilm") is None


def test_no_cache_is_no_run(tmp_path):
    assert storage.list_runs(tmp_path / "nothing") == ([], [])


def test_a_run_is_replaced_in_one_step(cache_folder):
    synthetic.write_run(cache_folder, roles=("teacher", "tiny-int8"))
    runs, problems = storage.list_runs(cache_folder)
    assert [list(run.by_role) for run in runs] == [["teacher", "tiny-int8"]]
    assert problems == []
    assert folders(cache_folder) == ["synthetic"]  # no drafts left


# --- damage -------------------------------------------------------------------------------------


def drop_record(folder):
    (folder / storage.RECORD).unlink()


def truncate_record(folder):
    path = folder / storage.RECORD
    path.write_bytes(path.read_bytes()[:500])


def oversize_record(folder):
    with (folder / storage.RECORD).open("a") as file:
        file.write(" " * storage._MAX_RECORD_BYTES)


def huge_record(folder):
    with (folder / storage.RECORD).open("r+b") as file:
        file.truncate(100_000_000)


def change_a_digit(folder):
    path = folder / storage.RECORD
    text = path.read_text("utf-8")
    path.write_text(text.replace('"created": "2025', '"created": "2026'), "utf-8")


def link_record_elsewhere(folder):
    path = folder / storage.RECORD
    path.rename(folder.parent.parent / "elsewhere.json")
    path.symlink_to(folder.parent.parent / "elsewhere.json")


def nest_record(folder):
    (folder / storage.RECORD).write_text("[" * 100_000)


def binary_record(folder):
    (folder / storage.RECORD).write_bytes(b"\xff\xfe\x00")


def drop_predictions(folder):
    (folder / "predictions" / "minilm.parquet").unlink()


def flip_a_byte(folder):
    path = folder / "predictions" / "minilm.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def not_parquet(folder):
    path = folder / "predictions" / "minilm.parquet"
    path.write_bytes(b"PAR1 not really PAR1")
    edit(folder, lambda c: c["files"].update({"predictions/minilm.parquet": files.sha256(path)}))


def swap_predictions(folder):
    one, other = (folder / "predictions" / f"{role}.parquet" for role in ("minilm", "tiny-int8"))
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


def unfold_to_many_rows(folder):
    """A table of a few kilobytes that would take gigabytes in memory."""
    path = folder / "predictions" / "minilm.parquet"
    table = pq.read_table(path).slice(0, 1).take(pa.array(np.zeros(10_000_000, np.int32)))
    pq.write_table(table, path, compression="zstd")
    assert path.stat().st_size < 1_000_000
    edit(folder, lambda c: c["files"].update({"predictions/minilm.parquet": files.sha256(path)}))


def cast(**kinds):
    return lambda folder: rewrite_predictions(folder, lambda frame: frame.astype(kinds))


def link_predictions_elsewhere(folder):
    path = folder / "predictions" / "minilm.parquet"
    path.rename(folder.parent.parent / "elsewhere.parquet")
    path.symlink_to(folder.parent.parent / "elsewhere.parquet")


CASCADE = {
    "members": ["minilm", "tiny-int8"],
    "thresholds": [0.9],
    "temperatures": [1.0],
    "answered": {"test": [0.6, 0.4]},
}


def set_first(**fields):
    return lambda folder: edit(folder, lambda c: c["models"][0].update(fields))


def set_run(**fields):
    return lambda folder: edit(folder, lambda c: c.update(fields))


def set_figure(group, name, value):
    return lambda folder: edit(folder, lambda c: c["models"][0][group].update({name: value}))


def set_data(**fields):
    return lambda folder: edit(folder, lambda c: c["data"].update(fields))


def set_cell(column, value):
    def change(frame):
        frame.loc[0, column] = value
        return frame

    return lambda folder: rewrite_predictions(folder, change)


def add_file(name):
    return lambda folder: edit(folder, lambda c: c["files"].update({name: "0" * 64}))


DAMAGES = {
    "no record": (drop_record, "has no run.json"),
    "half a record": (truncate_record, "can't be read"),
    "a record of 10 MB": (oversize_record, "larger than"),
    "a record of 100 MB": (huge_record, "larger than"),
    "a record with another digit": (change_a_digit, "run.json has changed"),
    "a record behind a link": (link_record_elsewhere, "leads out"),
    "a record nested deep": (nest_record, "can't be read"),
    "a binary record": (binary_record, "can't be read"),
    "a newer schema": (set_run(schema=99), "schema is 99 where this program reads 1 and 2"),
    "an older schema": (set_run(schema=0), "schema is 0"),
    "a schema that is no number": (set_run(schema=True), "schema is True"),
    "half a character": (set_run(command="\ud800"), "can't be read"),
    "labels that are equal": (set_data(labels=["a"] * 4), "labels"),
    "a number without end": (set_figure("cost", "p50_ms", 10**400), "not what this program"),
    "another run's record": (set_run(run="other"), "of another run"),
    "an unknown field": (set_run(surprise=1), "not what this program writes"),
    "files that are a list": (set_run(files=[]), "files: Input should be an object"),
    "a command that is no text": (set_run(command=None), "command: Input should be a valid str"),
    "a title that is no text": (
        set_first(title=["x"]),
        "models.0.title: Input should be a valid string",
    ),
    "models that are none": (set_run(models=[1]), "not what this program writes"),
    "labels that are too few": (set_data(labels=["a"]), "labels"),
    "labels that are numbers": (set_data(labels=[1, 2, 3, 4]), "data.labels.0: Input"),
    "labels that are 201": (
        set_data(labels=[f"class {n}" for n in range(201)]),
        "of its data, there are 201 labels; there may be 2 to 200",
    ),
    "a label of two lines": (set_data(labels=["a", "b", "c", "d\ne"]), "is not of one line"),
    "a label that is empty": (set_data(labels=["a", "b", "c", " "]), "one of the labels is empty"),
    "nothing about titles": (
        set_data(title_first=None),
        "data.title_first: Input should be a valid bool",
    ),
    "no labels": (set_run(data={}), "not what this program writes"),
    "a role that leads out": (set_first(role="../teacher"), "can't be used"),
    "a role that is hidden": (set_first(role=".teacher"), "can't be used"),
    "a role that is no text": (set_first(role=7), "models.0.role: Input should be a valid str"),
    "a role twice": (set_first(role="minilm"), "twice"),
    "an artifact that leads out": (set_first(artifact={"../../x": "0"}), "can't be used"),
    "no accuracy": (set_first(metrics={}), "not what this program writes"),
    "an accuracy of NaN": (set_figure("metrics", "accuracy", float("nan")), "not a finite"),
    "an accuracy in words": (set_figure("metrics", "accuracy", "high"), "not what this program"),
    "an infinite latency": (set_figure("cost", "p50_ms", float("inf")), "not a finite"),
    "no cost": (set_first(cost=None), "models.0.cost: Input should be"),
    "a cost too many": (set_figure("cost", "run", 1.0), "models.0.cost.run: Unexpected"),
    "a cost too few": (set_first(cost={"p50_ms": 1.0}), "models.0.cost.load_ms: Field required"),
    "a cascade of a model that is not there": (
        set_first(cascade=CASCADE | {"members": ["minilm", "huge"]}),
        "the members of teacher are not models of its run",
    ),
    "a cascade of itself": (
        set_first(cascade=CASCADE | {"members": ["minilm", "teacher"]}),
        "the members of teacher are not models of its run",
    ),
    "a cascade without rules": (
        set_first(cascade=CASCADE | {"thresholds": []}),
        "the members of teacher are not models of its run with a rule each",
    ),
    "a cascade whose shares are words": (
        set_first(cascade=CASCADE | {"answered": {"test": ["many", "few"]}}),
        "models.0.cascade.answered.test.0: Input should be a valid number",
    ),
    "a cascade of nothing else": (
        set_first(cascade={"members": ["minilm", "tiny-int8"]}),
        "models.0.cascade.thresholds: Field required",
    ),
    "conditions of one kind": (
        set_first(measured_on={"latency": {}}),
        "measured_on.predictions: Field",
    ),
    "conditions that are none": (
        set_figure("measured_on", "latency", []),
        "models.0.measured_on.latency: Input should be",
    ),
    "threads in words": (
        set_figure("measured_on", "throughput", {"threads": "two"}),
        "models.0.measured_on.throughput.threads: Input should be a valid integer",
    ),
    "a size of zero": (set_first(size_bytes=0), "size"),
    "a size below zero": (set_first(size_bytes=-5), "size"),
    "no predictions": (drop_predictions, "minilm.parquet is missing"),
    "predictions with a flipped bit": (flip_a_byte, "minilm.parquet has changed"),
    "predictions of other roles": (swap_predictions, "minilm.parquet has changed"),
    "predictions that unfold": (unfold_to_many_rows, "more than 1,000,000 rows"),
    "predictions that are fewer": (
        lambda folder: rewrite_predictions(folder, lambda frame: frame[:-1]),
        "of other rows",
    ),
    "predictions that are no parquet": (not_parquet, "can't be read"),
    "predictions behind a link": (link_predictions_elsewhere, "leads out"),
    "an accuracy above one": (set_figure("metrics", "accuracy", 1.5), "less than or equal to 1"),
    "one of headlines": (set_figure("headlines", "accuracy", 1.5), "less than or equal to 1"),
    "no headlines to have it of": (
        set_figure("headlines", "rows", 0),
        "headlines.rows: Input should be greater",
    ),
    "headlines without a number": (set_first(headlines={"accuracy": 0.5}), "not what this"),
    "a file that leads out": (add_file("../../secret"), "can't be used"),
    "a file with a null in its name": (add_file("a\x00b"), "can't be used"),
    "an absolute file": (add_file("/etc/passwd"), "can't be used"),
    "a probability below zero": (set_cell("p0", -0.5), "negative or not numbers"),
    "a probability of NaN": (set_cell("p0", np.nan), "negative or not numbers"),
    "probabilities beyond one": (set_cell("p0", 7.0), "do not sum to one"),
    "a label beyond three": (set_cell("label", 4), "labels outside 0..3"),
    "labels that are fractions": (cast(label="float64"), "no whole numbers"),
    "probabilities that are words": (cast(p0="str"), "no fractions"),
    "a split that is a number": (cast(split="object", row="str"), "no whole numbers"),
    "rows of another split": (set_cell("split", "other"), "other rows"),
    "a split with an endless name": (set_cell("split", "x" * 101), "too long"),
    "rows that differ": (set_cell("row", 99), "other rows"),
    "columns that are missing": (
        lambda folder: rewrite_predictions(folder, lambda frame: frame.drop(columns="p3")),
        "has columns",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_named_and_whole_runs_are_served(cache_folder, run_folder, damage):
    synthetic.write_run(cache_folder, "whole", roles=("teacher",), at_hand=())
    harm, words = DAMAGES[damage]
    harm(run_folder)
    runs, problems = storage.list_runs(cache_folder)
    assert [run.name for run in runs] == ["whole"]
    assert len(problems) == 1
    assert str(run_folder) in problems[0]
    assert re.search(words, problems[0])
    assert "python -m pipeline run" in problems[0]  # what to do
    assert "\n" not in problems[0]


def test_a_run_behind_a_link_is_left_out(cache_folder, tmp_path):
    (cache_folder / "synthetic").rename(tmp_path / "elsewhere")
    (cache_folder / "synthetic").symlink_to(tmp_path / "elsewhere")
    runs, problems = storage.list_runs(cache_folder)
    assert runs == []
    assert "symbolic link" in problems[0]


def test_a_stray_file_is_no_run(cache_folder):
    (cache_folder / "notes.txt").write_text("hello")
    assert storage.list_runs(cache_folder)[1] == []


# --- writing ------------------------------------------------------------------------------------


def rewrite(cache_folder, change):
    """Write the run again with a changed record. Writing checks as much as reading does."""
    run = storage.read_run(cache_folder / "synthetic")
    tables = {
        role: pd.read_parquet(run.folder / f"predictions/{role}.parquet") for role in run.by_role
    }
    return run_writing.write_run(cache_folder, change(run.record), tables, {})


def test_a_run_that_would_not_read_back_leaves_the_old_one(cache_folder):
    def spoil(record):
        cost = dataclasses.replace(record.models[0].cost, p50_ms="fast")
        models = [dataclasses.replace(record.models[0], cost=cost)]
        return dataclasses.replace(record, models=models)

    with pytest.raises(CacheError, match=r"models\.0\.cost\.p50_ms: Input should be a"):
        rewrite(cache_folder, spoil)
    assert list(storage.read_run(cache_folder / "synthetic").by_role)[1:] == [
        "minilm",
        "tiny-int8",
    ]
    assert folders(cache_folder) == ["synthetic"]


NOT_FINITE = {
    "of the run": (
        lambda record: dataclasses.replace(
            record, data=dataclasses.replace(record.data, seed=float("nan"))
        ),
        "the record of the run can't be written: data.seed is nan",
    ),
    "of a model": (
        lambda record: with_first(
            record, cost=dataclasses.replace(record.models[0].cost, p50_ms=float("inf"))
        ),
        "the record of teacher can't be written: cost.p50_ms is inf",
    ),
    "deep in a model": (
        lambda record: with_first(
            record, training=TrainingRecord(1, validation=[{"loss": 1.0}, {"loss": -INF}])
        ),
        "the record of teacher can't be written: training.validation.1.loss is -inf",
    ),
    "of numpy": (
        lambda record: with_first(
            record,
            metrics=dataclasses.replace(record.models[0].metrics, accuracy=np.float64("nan")),
        ),
        "the record of teacher can't be written: metrics.accuracy is nan",
    ),
}
INF = float("inf")


def with_first(record, **fields):
    """The record with its first model changed."""
    first, *others = record.models
    return dataclasses.replace(record, models=[dataclasses.replace(first, **fields), *others])


@pytest.mark.parametrize("case", NOT_FINITE)
def test_a_number_that_is_not_finite_is_named_and_the_old_run_stays(cache_folder, case):
    spoil, message = NOT_FINITE[case]
    with pytest.raises(PipelineError) as error:
        rewrite(cache_folder, spoil)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert len(storage.list_runs(cache_folder)[0]) == 1
    assert folders(cache_folder) == ["synthetic"]


def test_a_training_may_have_found_no_loss(cache_folder):
    training = TrainingRecord(
        900, rate=1e-3, rates_tried={"0.1": None}, validation=[{"loss": None}]
    )
    run = rewrite(cache_folder, lambda record: with_first(record, training=training))
    assert run.by_role["teacher"].training == training


# --- other numbers of classes -------------------------------------------------------------------

NAMES = {
    2: ("no", "yes"),
    7: ("世界", "спорт", "a,b", '"quoted"', "👩‍🔬 science", "it's", "Model"),
    77: tuple(f"class {number}" for number in range(77)),
    200: tuple(f"{number}" for number in range(200)),
}


@pytest.mark.parametrize("classes", NAMES)
def test_a_run_of_any_classes_is_read_back(tmp_path, classes):
    written = synthetic.write_run(tmp_path, rows=800, labels=NAMES[classes])
    run = storage.read_run(written.folder)
    assert run.labels == list(NAMES[classes])
    frame = run.all_predictions("minilm")
    assert list(frame.columns) == ["split", "row", "label", *(f"p{n}" for n in range(classes))]
    assert frame["label"].dtype == np.int16
    assert frame["label"].max() == classes - 1
    assert set(frame["split"]) == {"validation", "test"}
    assert len(run.by_role["minilm"].metrics.recall) == classes
    assert len(Classifier(run.artifact("minilm")).predict_proba(["a"])[0]) == classes


@pytest.mark.parametrize(("has", "says"), [(7, 6), (7, 8), (2, 3), (200, 4)])
def test_a_table_of_another_number_of_classes_is_refused(tmp_path, has, says):
    folder = synthetic.write_run(tmp_path, labels=[f"c{n}" for n in range(has)], at_hand=()).folder
    edit(folder, lambda c: c["data"].update(labels=[f"c{n}" for n in range(says)]))
    with pytest.raises(CacheError, match=f"the probabilities of {says} classes, p0 to p{says - 1}"):
        storage.read_run(folder)


def test_201_classes_are_refused(run_folder):
    edit(run_folder, lambda c: c["data"].update(labels=[f"c{n}" for n in range(201)]))
    with pytest.raises(CacheError, match="of its data, there are 201 labels; there may be 2 to"):
        storage.read_run(run_folder)


@pytest.mark.slow
def test_many_classes_that_unfold_to_many_rows_are_refused(tmp_path):
    folder = synthetic.write_run(tmp_path, labels=NAMES[200], rows=80, at_hand=()).folder
    path = folder / "predictions" / "minilm.parquet"
    table = pq.read_table(path).slice(0, 1).take(pa.array(np.zeros(200_000, np.int32)))
    pq.write_table(table, path, compression="zstd")
    edit(folder, lambda c: c["files"].update({"predictions/minilm.parquet": files.sha256(path)}))
    with pytest.raises(CacheError, match="more than 100,000 rows"):
        storage.read_run(folder)


# --- headlines, row by row ----------------------------------------------------------------------


def test_headlines_are_a_split_of_their_own(cache_folder, run_folder):
    run = storage.read_run(run_folder)
    frame, stored = run.predictions("minilm", "headlines"), run.by_role["minilm"].headlines
    assert list(frame.columns) == ["row", "label", "p0", "p1", "p2", "p3"]
    assert len(frame) == stored.rows == 400
    right = probabilities_of(frame).argmax(axis=1) == frame["label"]
    assert right.mean() == stored.accuracy
    toy = synthetic.write_run(cache_folder, "toy-run", family="toy", roles=("teacher", "tiny"))
    assert toy.predictions("tiny", "headlines").empty
    assert toy.by_role["tiny"].headlines is None


def test_a_model_may_lack_headlines_but_no_other_split(run_folder):
    rewrite_predictions(run_folder, lambda frame: frame[frame["split"] != "headlines"])
    assert storage.read_run(run_folder).predictions("minilm", "headlines").empty
    rewrite_predictions(run_folder, lambda frame: frame[frame["split"] != "validation"])
    with pytest.raises(CacheError, match=r"minilm\.parquet is of other rows"):
        storage.read_run(run_folder)


# --- logits -------------------------------------------------------------------------------------


def write_logits(path, values=None, name="logits"):
    values = np.zeros((10, 4), np.float16) if values is None else values
    save_file({name: values}, path)
    return path


def with_logits(cache_folder, tmp_path, values=None, name="logits"):
    """The run with logits of two stages."""
    files = {
        "a" * 64: write_logits(tmp_path / "one.safetensors", values, name),
        "b" * 64: write_logits(tmp_path / "other.safetensors", np.ones((3, 4), np.float16)),
    }
    run = storage.read_run(cache_folder / "synthetic")
    named = {"teacher-rows.safetensors": "a" * 64, "teacher-spans.safetensors": "b" * 64}
    tables = {role: run.all_predictions(role) for role in run.by_role}
    record = dataclasses.replace(run.record, logits=named)
    return run_writing.write_run(cache_folder, record, tables, run.artifacts(), files)


def test_logits_ship_with_a_run(cache_folder, tmp_path):
    run = with_logits(cache_folder, tmp_path)
    path = run.logits("b" * 64)
    assert path == run.folder / "logits" / "teacher-spans.safetensors"
    assert load_file(path)["logits"].tolist() == [[1] * 4] * 3
    assert run.record.files["logits/teacher-spans.safetensors"] == files.sha256(path)
    assert run.logits("c" * 64) is None
    again = run_writing.rewrite_run(run, dataclasses.replace(run.record, created="later"))
    assert again.record.logits == run.record.logits
    assert again.record.created == "later"
    assert again.logits("a" * 64).is_file()
    assert list(again.artifacts()) == ["minilm", "tiny-int8"]


def test_logits_that_are_not_there_are_not_written(cache_folder):
    record = {"x.safetensors": "a" * 64}
    with pytest.raises(CacheError, match="there is no file of the logits aaaa"):
        rewrite(cache_folder, lambda run: dataclasses.replace(run, logits=record))


WRONG_LOGITS = {
    "too few columns": (np.zeros((10, 3), np.float16), "logits"),
    "one dimension": (np.zeros(10, np.float16), "logits"),
    "float32": (np.zeros((10, 4), np.float32), "logits"),
    "another tensor": (np.zeros((10, 4), np.float16), "weights"),
}


@pytest.mark.parametrize("case", WRONG_LOGITS)
def test_logits_of_another_kind_are_refused(cache_folder, tmp_path, case):
    with pytest.raises(CacheError, match="not one tensor of float16, logits, of 4 columns"):
        with_logits(cache_folder, tmp_path, *WRONG_LOGITS[case])


LOGITS_DAMAGES = {
    "a file that is missing": (
        lambda folder: (folder / "logits" / "teacher-rows.safetensors").unlink(),
        "teacher-rows.safetensors is missing",
    ),
    "a file of other bytes": (
        lambda folder: write_logits(folder / "logits" / "teacher-rows.safetensors", None, "x"),
        "teacher-rows.safetensors has changed",
    ),
    "a file that is none of the run's": (
        lambda folder: edit(folder, lambda c: c["logits"].update(other="c" * 64)),
        "logits/other is not among its files",
    ),
    "a name that leads out": (
        lambda folder: edit(folder, lambda c: c["logits"].update({"../x": "c" * 64})),
        "can't be used",
    ),
    "a fingerprint that is none": (
        lambda folder: edit(folder, lambda c: c["logits"].update({"teacher-rows.safetensors": 7})),
        "logits.teacher-rows.safetensors: Input should be a valid string",
    ),
    "the same twice": (
        lambda folder: edit(
            folder, lambda c: c["logits"].update({"teacher-rows.safetensors": "b" * 64})
        ),
        "the same logits stand in it twice",
    ),
    "a list": (
        lambda folder: edit(folder, lambda c: c.update(logits=[])),
        "logits: Input should be",
    ),
}


@pytest.mark.parametrize("damage", LOGITS_DAMAGES)
def test_damaged_logits_are_named(cache_folder, tmp_path, damage):
    run = with_logits(cache_folder, tmp_path)
    harm, words = LOGITS_DAMAGES[damage]
    harm(run.folder)
    with pytest.raises(CacheError, match=re.escape(words)):
        storage.read_run(run.folder)


def test_logits_that_are_no_safetensors_are_refused(cache_folder, tmp_path):
    run = with_logits(cache_folder, tmp_path)
    path = run.logits("a" * 64)
    path.unlink()  # it may be a hard link to the file that it was written from
    path.write_bytes(b"\xff" * 100)
    name = "logits/teacher-rows.safetensors"
    edit(run.folder, lambda c: c["files"].update({name: files.sha256(path)}))
    with pytest.raises(CacheError, match=r"teacher-rows\.safetensors can't be read"):
        storage.read_run(run.folder)


# --- schema 1 -----------------------------------------------------------------------------------


def test_a_run_of_schema_1_is_read_in_todays_terms(run_folder):
    before = storage.read_run(run_folder)
    synthetic.as_schema_1(run_folder)
    written = {path: path.read_bytes() for path in run_folder.rglob("*") if path.is_file()}
    run = storage.read_run(run_folder)
    assert run.record.schema == 1
    assert run.record.data == before.record.data  # title_first is true in schema 1
    assert run.record.logits == {}
    model, as_it_was = run.by_role["minilm"], before.by_role["minilm"]
    headline = {"mean_ms", "headline_mean_ms", "headline_p50_ms", "headline_p95_ms"}
    assert model.cost == dataclasses.replace(as_it_was.cost, **dict.fromkeys(headline))
    assert run.table()[sorted(headline)].isna().all(axis=None)
    assert list(run.table().columns) == list(before.table().columns)
    for conditions in vars(model.measured_on).values():
        assert conditions.threads == 2
        assert conditions.batch_size == 32
    assert model.metrics == as_it_was.metrics
    assert model.headlines == as_it_was.headlines
    assert run.predictions("minilm", "headlines").empty
    pd.testing.assert_frame_equal(run.predictions("minilm"), before.predictions("minilm"))
    assert run.artifact("minilm")
    # Reading has changed no file.
    assert written == {path: path.read_bytes() for path in written}


def test_a_run_of_schema_1_is_written_in_schema_2_with_what_it_had(run_folder):
    synthetic.as_schema_1(run_folder)
    run = storage.read_run(run_folder)
    again = run_writing.rewrite_run(run, dataclasses.replace(run.record, command="another"))
    content = json.loads((run_folder / storage.RECORD).read_text("utf-8"))
    assert content["schema"] == again.record.schema == 2
    assert content["models"][0]["cost"]["rows_per_second"] > 0
    assert content["models"][0]["cost"]["headline_p50_ms"] is None
    assert again.record.models == run.record.models
    assert again.artifact("minilm")


SCHEMA_1_DAMAGES = {
    "no cost": lambda model: model.pop("cost"),
    "a cost of today's name": lambda model: model["cost"].update(extra=1),
    "no conditions": lambda model: model.pop("measured_on"),
    "conditions in words": lambda model: model.update(measured_on="here"),
    "threads in words": lambda model: model.update(measured_on={"threads": "two"}),
}


@pytest.mark.parametrize("damage", SCHEMA_1_DAMAGES)
def test_damage_to_a_record_of_schema_1_is_named(run_folder, damage):
    synthetic.as_schema_1(run_folder)
    edit(run_folder, lambda content: SCHEMA_1_DAMAGES[damage](content["models"][1]))
    with pytest.raises(CacheError) as error:
        storage.read_run(run_folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["../out", "", ".hidden", "a/b", "a b", "x" * 101, "ü"])
def test_a_run_is_not_written_under_a_name_that_leads_out(cache_folder, name):
    with pytest.raises(CacheError, match="can't be used"):
        rewrite(cache_folder, lambda record: dataclasses.replace(record, run=name))


def test_a_writer_killed_between_its_renames_loses_nothing(cache_folder):
    """Killed after the old run was moved aside: the next writer puts it back."""
    (cache_folder / "synthetic").rename(cache_folder / ".old-synthetic")
    (cache_folder / ".new-abc" / "synthetic").mkdir(parents=True)
    assert storage.list_runs(cache_folder) == ([], [])
    run_writing.recover(cache_folder)
    assert [run.name for run in storage.list_runs(cache_folder)[0]] == ["synthetic"]
    assert folders(cache_folder) == ["synthetic"]


def test_a_writer_killed_after_its_renames_leaves_the_new_run(cache_folder):
    shutil.copytree(cache_folder / "synthetic", cache_folder / ".old-synthetic")
    (cache_folder / ".old-synthetic" / "mark").touch()
    run_writing.recover(cache_folder)
    assert folders(cache_folder) == ["synthetic"]
    assert not (cache_folder / "synthetic" / "mark").exists()


def test_a_writer_killed_in_the_swap_is_recovered_by_the_next(cache_folder, monkeypatch):
    monkeypatch.setattr(run_writing, "_exchange", lambda one, other: False)
    real, calls = os.rename, []

    def dies_at_the_second(self, target):
        calls.append(target)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(self, target)

    monkeypatch.setattr("pathlib.Path.rename", dies_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        synthetic.write_run(cache_folder, roles=("teacher", "tiny-int8"))
    monkeypatch.undo()
    run_writing.recover(cache_folder)
    (run,) = storage.list_runs(cache_folder)[0]
    assert list(run.by_role) == ["teacher", "minilm", "tiny-int8"]


@pytest.mark.slow
@pytest.mark.parametrize("can_exchange", [True, False])
def test_readers_never_miss_a_run_that_is_replaced(cache_folder, monkeypatch, can_exchange):
    if not can_exchange:
        monkeypatch.setattr(run_writing, "_exchange", lambda one, other: False)
    run = storage.read_run(cache_folder / "synthetic")
    tables = {role: run.all_predictions(role) for role in run.by_role}
    done, seen, problems = threading.Event(), [], []

    def look():
        while not done.is_set():
            try:
                seen.append(storage.read_run(cache_folder / "synthetic").record.created)
            except CacheError as error:
                problems.append(error)

    with ThreadPoolExecutor(2) as pool:
        for _ in range(2):
            pool.submit(look)
        for number in range(20):
            record = dataclasses.replace(run.record, created=str(number))
            run_writing.write_run(cache_folder, record, tables, {})
        done.set()
    assert problems == []
    assert len(set(seen)) > 1  # readers did read during the writes
    assert folders(cache_folder) == ["synthetic"]


@pytest.mark.skipif(sys.platform != "linux", reason="folders are exchanged on Linux only")
def test_folders_are_exchanged_in_one_step(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    if not run_writing._exchange(tmp_path / "one", tmp_path / "other"):
        pytest.skip("this file system can't exchange folders")
    assert (tmp_path / "one" / "other").is_file()
    assert (tmp_path / "other" / "one").is_file()
    assert not run_writing._exchange(tmp_path / "one", tmp_path / "nothing")


def test_an_artifact_behind_a_link_is_not_at_hand(cache_folder, tmp_path):
    run = storage.read_run(cache_folder / "synthetic")
    folder = run.artifact("minilm")
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert run.artifact("minilm") is None
    graph = run.artifact("tiny-int8") / "model.onnx"
    graph.rename(tmp_path / "model.onnx")
    graph.symlink_to(tmp_path / "model.onnx")
    assert run.artifact("tiny-int8") is None


@pytest.mark.parametrize("name", ["classifier.json", "weights.bin"])
def test_an_artifact_with_a_link_is_not_at_hand_whatever_its_record_names(
    cache_folder, run_folder, tmp_path, name
):
    """A graph can name a file as its data, and the classifier always reads its settings."""
    (tmp_path / "elsewhere").write_text("{}")
    artifact = run_folder / "artifacts" / "minilm"
    (artifact / name).unlink(missing_ok=True)
    (artifact / name).symlink_to(tmp_path / "elsewhere")
    edit(run_folder, lambda c: c["models"][1]["artifact"].pop(name, None))
    run = storage.read_run(run_folder)
    assert run.artifact("minilm") is None
    assert run.artifact("tiny-int8") is not None


def test_what_was_written_before_there_were_checksums_is_read(run_folder):
    edit(run_folder, lambda content: content.pop("checksum"))
    assert storage.read_run(run_folder).record.checksum == ""


def test_a_cascade_is_at_hand_where_its_members_are(run_folder):
    run = storage.read_run(run_folder)
    role, *others = run.artifacts()
    absent = next(each for each in run.by_role if run.artifact(each) is None)
    for members, here in ((others, True), ([*others, absent], False)):
        cascade = CascadeRecord(members, [], [], {})
        changed = dataclasses.replace(run.by_role[role], cascade=cascade)
        models = [changed if model.role == role else model for model in run.record.models]
        found = storage.Run(run.folder, dataclasses.replace(run.record, models=models))
        assert (found.artifact(role) is not None) == here
