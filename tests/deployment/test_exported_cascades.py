"""A cascade's export holds its members' exports and a script that asks them one after another."""

import io
import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard

from pipeline.cascade_rules import Rule
from pipeline.data.data_sets import invented_headlines
from pipeline.deployment import deployed_model, export
from pipeline.errors import PipelineError
from pipeline.inference.classifier import Classifier
from pipeline.results import run_writing, storage
from tests import synthetic
from tests.deployment.test_export import files
from tests.deployment.test_exported_models import ask_script

HEADLINES = invented_headlines().texts
MEMBERS = {"nano": Rule(0.8, 1.4), "micro-int4": Rule(0.9), "tiny-int4": None}
"""Models of the run in the repository, by role, and the rule of when each is sure enough."""
ROLE = "cascade-small"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of shipped models, with a cascade of three of them."""
    shipped = storage.read_run(storage.CACHE / "mpnet")
    models = [shipped.by_role[role] for role in ("teacher", *MEMBERS)]
    record = replace(shipped.record, run="small", models=models, bench={}, logits={})
    tables = {model.role: shipped.all_predictions(model.role) for model in models}
    folders = {role: shipped.artifact(role) for role in MEMBERS}
    cache = tmp_path_factory.mktemp("cascade") / "cache"
    return synthetic.add_cascade(run_writing.write_run(cache, record, tables, folders), MEMBERS)


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    return export.export(run, ROLE, tmp_path_factory.mktemp("exported") / ROLE)


def test_each_member_is_there_as_it_is_exported_by_itself(run, exported, tmp_path):
    expected = {"cascade.json", "README.md", "classify.py"}
    for role in MEMBERS:
        alone = export.export(run, role, tmp_path / role)
        for name in files(alone):
            assert (exported / role / name).read_bytes() == (alone / name).read_bytes(), name
        expected |= {f"{role}/{name}" for name in files(alone)}
    assert {name for name in files(exported) if "__pycache__" not in name} == expected
    content = json.loads((exported / "cascade.json").read_text("utf-8"))
    assert content["members"] == [
        {"folder": "nano", "threshold": 0.8, "temperature": 1.4},
        {"folder": "micro-int4", "threshold": 0.9, "temperature": 1.0},
        {"folder": "tiny-int4"},
    ]


def test_transformers_reads_a_members_tokenizer(exported):
    from transformers import AutoConfig, AutoTokenizer

    assert AutoConfig.from_pretrained(exported / "micro-int4").model_type == "bert"
    tokenizer = AutoTokenizer.from_pretrained(exported / "micro-int4")
    assert tokenizer.tokenize("oil prices") == ["oil", "prices"]


@pytest.mark.slow
def test_the_script_answers_as_the_classifier_where_nothing_else_is(run, exported, bare_python):
    packages = deployed_model.packages(*deployed_model.members(run, ROLE))
    assert packages == ["onnxruntime", "tokenizers", "numpy"]
    texts = [*HEADLINES, "", "Ünïcödé 東京", "word " * 300]
    found = ask_script(bare_python(*packages), exported, texts)
    given = np.array([[answer[label] for label in run.labels] for answer in found])
    own = Classifier(run.artifact(ROLE), threads=1).answer(texts, batch_size=1)
    assert set(own.members.tolist()) == {0, 1, 2}
    np.testing.assert_allclose(given, own.probabilities, atol=1e-5)


def test_the_script_is_short():
    script = Path(export.__file__).with_name("classify_cascade.py")
    assert len(script.read_text("utf-8").splitlines()) <= 40


def test_a_member_that_is_never_sure_passes_everything_on(exported, tmp_path, bare_python):
    copy = shutil.copytree(exported, tmp_path / "copy")
    content = json.loads((copy / "cascade.json").read_text("utf-8"))
    for member in content["members"][:-1]:
        member["threshold"] = 2.0
    (copy / "cascade.json").write_text(json.dumps(content), encoding="utf-8")
    python = bare_python("onnxruntime", "tokenizers", "numpy")
    assert ask_script(python, copy, HEADLINES[:5]) == ask_script(
        python, copy / "tiny-int4", HEADLINES[:5]
    )


def test_the_card_says_who_answers_and_what_that_costs(exported):
    card = ModelCard.load(exported / "README.md")
    assert "| [`nano`](nano) | 1.0 | 80.0 % | 1.40 | 33 % | 33 % |" in card.text
    assert "| [`tiny-int4`](tiny-int4) | 9.3 | whatever is left | | 33 % | 33 % |" in card.text
    assert "mean 2.50 ms, median 0.25 ms, 95th percentile 7.50 ms" in card.text
    assert "pip install onnxruntime tokenizers numpy" in card.text
    assert "`micro-int4/`" in card.text
    assert "CPU: nano: Any CPU that onnxruntime runs on. micro-int4, tiny-int4: Any" in card.text
    assert card.data.base_model is None
    assert "cascade" in card.data.tags


def test_an_older_export_is_replaced_and_anything_else_is_left_alone(run, exported, tmp_path):
    folder = shutil.copytree(exported, tmp_path / "out")
    (folder / "README.md").write_text("old", encoding="utf-8")
    (folder / "nano" / "__pycache__").mkdir(exist_ok=True)
    (folder / "nano" / "__pycache__" / "classify.cpython-311.pyc").write_bytes(b"compiled")
    export.export(run, ROLE, folder)
    assert (folder / "README.md").read_text("utf-8") != "old"
    for put in ("note.txt", "nano/note.txt", "other/config.json"):
        (folder / put).parent.mkdir(exist_ok=True)
        (folder / put).write_text("mine", encoding="utf-8")
        before = files(folder)
        with pytest.raises(PipelineError, match="something else than an export of cascade-small"):
            export.export(run, ROLE, folder)
        assert files(folder) == before
        (folder / put).unlink()
    with pytest.raises(PipelineError, match="something else than an export of nano"):
        export.export(run, "nano", folder)


@pytest.mark.parametrize("damage", ["nonsense", '{"members": []}', "[]"])
def test_a_cascade_json_of_somebody_else_is_left_alone(run, tmp_path, damage):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "cascade.json").write_text(damage, encoding="utf-8")
    with pytest.raises(PipelineError, match="holds something else"):
        export.export(run, ROLE, tmp_path / "out")
    assert files(tmp_path / "out") == {"cascade.json"}


def test_nothing_is_exported_where_a_member_has_changed(run, tmp_path):
    copy = storage.read_run(shutil.copytree(run.folder, tmp_path / "cache" / "small"))
    settings = copy.artifact("micro-int4") / "classifier.json"
    settings.write_text(settings.read_text("utf-8") + " ", encoding="utf-8")
    with pytest.raises(PipelineError, match="was made with another micro-int4"):
        export.export(copy, ROLE, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_zip_holds_the_export(run, exported):
    with zipfile.ZipFile(io.BytesIO(export.archive(run, ROLE))) as file:
        found = {name: file.read(name) for name in file.namelist()}
    expected = {name for name in files(exported) if "__pycache__" not in name}
    assert found == {f"{ROLE}/{name}": (exported / name).read_bytes() for name in expected}
