"""How a run is written as models are added, with a stand-in for what makes the models."""

import dataclasses
import itertools
import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from pipeline.data import data_sets, declarations
from pipeline.data.fingerprint import fingerprint_of_schema_1
from pipeline.data.loading import Asked
from pipeline.errors import PipelineError
from pipeline.evaluation import verification
from pipeline.recipes.families import FAMILIES
from pipeline.results.run_writing import rewrite_run, write_run
from pipeline.results.storage import read_run
from pipeline.runs import execution
from tests import synthetic
from tests.results.test_storage import edit

FAMILY = FAMILIES["mpnet"]


@pytest.fixture
def corpus(data_folder):
    return data_sets.load(data_folder)


@pytest.fixture
def run(tmp_path, corpus):
    """A run on the corpus. Today's family does not know one of its models, "older"."""
    folder = synthetic.write_run(tmp_path / "cache").folder
    shutil.move(folder / "predictions/minilm.parquet", folder / "predictions/older.parquet")

    def change(content):
        content["data"]["fingerprint"] = corpus.fingerprint
        content["models"][1] |= {"role": "older", "artifact": {}}
        digest = content["files"].pop("predictions/minilm.parquet")
        content["files"]["predictions/older.parquet"] = digest

    edit(folder, change)
    return read_run(folder)


def as_schema_1(folder, corpus):
    """The run as it was written before schema 2, when data had another hash."""
    synthetic.as_schema_1(folder)
    fingerprint = fingerprint_of_schema_1(
        [(split.texts, split.labels) for split in corpus.splits().values()]
    )
    assert fingerprint != corpus.fingerprint
    edit(folder, lambda content: content["data"].update(fingerprint=fingerprint))
    return read_run(folder)


def add(run, corpus, role="tiny", logits=None):
    """Add a model to a run, as if it had been made."""
    record = dataclasses.replace(run.by_role["teacher"], role=role, title="Added", artifact={})
    table = run.all_predictions("teacher")
    stages = SimpleNamespace(
        family=FAMILY,
        corpus=corpus,
        models=FAMILY.by_role(),
        predictions=lambda role: table,
        artifact=lambda role: run.artifact("tiny-int8"),
        logits=SimpleNamespace(
            learned=lambda: set(logits or {}), at_hand=lambda roles: logits or {}
        ),
    )
    existing = execution._existing(run.folder, FAMILY, corpus)
    request = execution.Request(run.name, "the command", [role])
    return execution._write(existing, stages, record, request, run.folder.parent)


def test_a_model_is_added_and_all_others_stay(run, corpus):
    before = run.by_role
    after = add(run, corpus)
    assert list(after.by_role) == ["teacher", "tiny", "tiny-int8", "older"]
    assert {role: after.by_role[role] for role in before} == before
    assert after.record.data.labels == list(corpus.labels)
    assert after.record.data.title_first is True
    assert after.artifact("tiny")
    assert after.artifact("tiny-int8")


def test_texts_that_may_be_passed_on_are_written_with_the_run(run, corpus, monkeypatch):
    assert add(run, corpus).texts() is None  # AG News's may not be redistributed
    free = dataclasses.replace(corpus, data_set=declarations.BANKING77)
    after = add(run, free)
    found = after.texts().set_index("row")["text"]
    assert found.to_dict() == dict(zip(free.test.rows, free.test.texts, strict=True))
    assert execution._has_texts(after)
    monkeypatch.setattr(verification, "corpus_of", lambda run, asked: (free, ""))
    said = f"{len(free.test)} stored texts are those of the data"
    assert (said, True) in itertools.islice(verification.verify(after, Asked()), 3)
    other = dataclasses.replace(free.test, texts=["another", *free.test.texts[1:]])
    free = dataclasses.replace(free, test=other)
    assert (said.replace("are", "are not"), False) in itertools.islice(
        verification.verify(after, Asked()), 3
    )


def test_a_run_that_lacks_its_texts_is_written_again(tmp_path):
    labels = ("a", "b")
    run = synthetic.write_run(tmp_path, labels=labels, data_set=declarations.BANKING77)
    tables = {role: run.all_predictions(role) for role in run.by_role}
    older = write_run(tmp_path, run.record, tables, run.artifacts())
    assert older.texts() is None
    assert execution._has_texts(run)
    assert not execution._has_texts(older)
    assert execution._has_texts(synthetic.write_run(tmp_path, "own", labels=labels))


def test_a_run_of_schema_1_becomes_schema_2_as_it_is_added_to(run, corpus):
    whole = rewrite_run(run, run.record)
    older = as_schema_1(whole.folder, corpus)
    assert older.record.schema == 1
    after = add(older, corpus)
    assert after.record.schema == 2
    assert after.record.data.fingerprint == corpus.fingerprint
    assert {role: after.by_role[role] for role in older.by_role} == older.by_role
    for role in older.by_role:
        pd.testing.assert_frame_equal(after.all_predictions(role), older.all_predictions(role))
    assert after.artifact("tiny-int8")


def test_a_model_that_is_made_anew_keeps_headlines_which_older_ones_lack(run, corpus):
    table = run.all_predictions("teacher")
    older = as_schema_1(run.folder, corpus)
    assert older.predictions("teacher", "headlines").empty
    asked = SimpleNamespace(
        **{name: getattr(older, name) for name in ("by_role", "folder", "name", "artifact")},
        all_predictions=lambda role: table,
    )
    after = add(asked, corpus)
    assert len(after.predictions("tiny", "headlines")) == 400
    assert after.predictions("teacher", "headlines").empty


def test_logits_are_written_beside_the_models_that_learned_them(run, corpus, tmp_path):
    path = tmp_path / "logits.safetensors"
    save_file({"logits": np.zeros((3, 4), np.float16)}, path)
    after = add(run, corpus, logits={"ab" * 32: path})
    assert after.logits("ab" * 32).read_bytes() == path.read_bytes()


def test_a_run_on_other_data_is_not_added_to(run, corpus):
    edit(run.folder, lambda content: content["data"].update(fingerprint="0" * 64))
    with pytest.raises(PipelineError, match="whose fingerprint is not that of these data"):
        add(run, corpus)
