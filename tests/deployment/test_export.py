"""The folder that a model is exported as: what is in it, and when it is written."""

import io
import json
import shutil
import zipfile

import onnx
import pytest
from onnx import numpy_helper

from pipeline.__main__ import main
from pipeline.compression import weight_files
from pipeline.deployment import export
from pipeline.deployment.architecture import read_architecture
from pipeline.errors import PipelineError
from pipeline.inference.graph import GRAPH
from pipeline.results import run_writing, storage
from tests import synthetic

COMMON = {"config.json", "README.md", "classify.py"}
TOKENIZER = {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"}
SHIPPED = {
    "tiny-int8": "onnx/model_quantized.onnx",
    "tiny-int4": "onnx/model_q4.onnx",
    "nano": "onnx/model.onnx",
}
"""Role of the run in the repository → its graph in the export."""
REAL = {
    "teacher": "onnx/model.onnx",
    "distil": "onnx/model.onnx",
    "minilm": "onnx/model.onnx",
    "minilm-int4": "onnx/model_q4.onnx",
    "nano": "onnx/model.onnx",
    "tfidf": "onnx/model.onnx",
}


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def config_of(folder):
    return json.loads((folder / "config.json").read_text("utf-8"))


@pytest.fixture
def run(cache_folder):
    return storage.read_run(cache_folder / "synthetic")


@pytest.fixture(scope="session")
def shipped():
    return storage.read_run(storage.CACHE / "mpnet")


@pytest.mark.parametrize("role", SHIPPED)
def test_the_layout_of_what_is_shipped(shipped, tmp_path, role):
    check_layout(shipped, role, tmp_path / "out", SHIPPED[role])


@pytest.mark.slow
@pytest.mark.parametrize("role", REAL)
def test_the_layout_of_every_kind(real_run, tmp_path, role):
    check_layout(real_run, role, tmp_path / "out", REAL[role])


def check_layout(run, role, target, graph_name):
    folder = export.export(run, role, target)
    tokenizer = set() if role in ("nano", "tfidf") else TOKENIZER
    assert files(folder) == {*COMMON, *tokenizer, graph_name}
    graph = onnx.load(folder / graph_name, load_external_data=False).graph
    assert not any(tensor.external_data for tensor in graph.initializer)  # all in this one file
    config = config_of(folder)
    assert config["id2label"] == {str(n): label for n, label in enumerate(run.labels)}
    assert config["label2id"] == {label: n for n, label in enumerate(run.labels)}
    assert config["problem_type"] == "single_label_classification"


def test_weights_in_several_files_come_back_into_the_graph(tmp_path):
    labels = [f"class {number}" for number in range(40)]
    run = synthetic.write_run(tmp_path / "cache", labels=labels)
    split = shutil.copytree(run.artifact("minilm"), tmp_path / "split")
    whole = (split / GRAPH).read_bytes()
    weight_files.split_weights(split / GRAPH, most_bytes=1_000)
    assert list(split.glob("model.onnx.data-*"))
    tables = {role: run.all_predictions(role) for role in run.by_role}
    # Files of a run that is written like this are hard links to those of the stage.
    run = run_writing.write_run(tmp_path / "cache", run.record, tables, {"minilm": split})
    folder = export.export(run, "minilm", tmp_path / "out")
    assert files(folder) == {*COMMON, *TOKENIZER, "onnx/model.onnx"}
    merged, expected = (
        {t.name: numpy_helper.to_array(t).tolist() for t in model.graph.initializer}
        for model in (onnx.load(folder / "onnx/model.onnx"), onnx.load_from_string(whole))
    )
    assert merged == expected


@pytest.mark.parametrize(("role", "layers"), [("minilm-int4", 6), ("tiny-int8", 3)])
def test_a_rounded_graph_tells_its_architecture(shipped, role, layers):
    assert read_architecture(shipped.artifact(role) / GRAPH) == {
        "model_type": "bert",
        "architectures": ["BertForSequenceClassification"],
        "num_hidden_layers": layers,
        "hidden_size": 384,
        "num_attention_heads": 12,
        "intermediate_size": 1536,
        "layer_norm_eps": 1e-12,
        "vocab_size": 30522,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
    }


def test_a_graph_without_a_transformer_tells_none(shipped, artifact):
    assert read_architecture(shipped.artifact("nano") / GRAPH) is None
    assert read_architecture(artifact / GRAPH) is None


@pytest.mark.slow
@pytest.mark.parametrize("role", ["teacher", "distil", "minilm", "minilm-int4"])
def test_a_graph_tells_the_architecture_that_its_weights_were_saved_with(real_run, role):
    root = real_run.folder.parents[1]
    trained = config_of(root / "weights" / role.removesuffix("-int4"))
    found = read_architecture(real_run.artifact(role) / GRAPH)
    assert found.pop("architectures") == [
        {
            "mpnet": "MPNetForSequenceClassification",
            "distilbert": "DistilBertForSequenceClassification",
            "bert": "BertForSequenceClassification",
        }[found["model_type"]]
    ]
    assert len(found) >= 7
    assert found == {name: trained[name] for name in found}


@pytest.mark.slow
def test_weights_are_exported_only_where_the_graph_is_made_of_them(real_run, tmp_path):
    weights = real_run.folder.parents[1] / "weights" / "minilm"
    exact = export.export(real_run, "minilm", tmp_path / "exact", weights)
    stored = (weights / "model.safetensors").read_bytes()
    assert (exact / "model.safetensors").read_bytes() == stored
    assert config_of(exact)["architectures"] == ["BertForSequenceClassification"]
    rounded = export.export(real_run, "minilm-int4", tmp_path / "rounded", weights)
    assert "model.safetensors" not in files(rounded)
    assert "model.safetensors" not in (rounded / "README.md").read_text("utf-8")


def test_an_older_export_is_replaced(run, tmp_path):
    folder = export.export(run, "minilm", tmp_path / "out")
    (folder / "README.md").write_text("old", encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"old")
    (folder / "__pycache__").mkdir()  # left by an import of its script
    (folder / "__pycache__" / "classify.cpython-311.pyc").write_bytes(b"compiled")
    export.export(run, "minilm", folder)
    assert (folder / "README.md").read_text("utf-8") != "old"
    assert "model.safetensors" not in files(folder)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_an_empty_folder_is_filled(run, tmp_path):
    (tmp_path / "out").mkdir()
    assert files(export.export(run, "minilm", tmp_path / "out")) >= COMMON


def _a_note(folder):
    folder.mkdir()
    (folder / "note.txt").write_text("mine")


def _a_file(folder):
    folder.write_text("mine")


def _anothers_config(folder):
    folder.mkdir()
    (folder / "config.json").write_text("{}")


def _a_folder(folder):
    (folder / "mine").mkdir(parents=True)


@pytest.mark.parametrize("put", [_a_note, _a_file, _anothers_config, _a_folder])
def test_what_is_something_else_is_left_alone(run, tmp_path, put):
    put(tmp_path / "out")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(PipelineError, match="name a folder"):
        export.export(run, "minilm", tmp_path / "out")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(("role", "more"), [("tiny-int8", ""), ("minilm", "note.txt")])
def test_an_export_of_another_model_or_with_more_in_it_is_left_alone(run, tmp_path, role, more):
    folder = export.export(run, "minilm", tmp_path / "out")
    if more:
        (folder / more).write_text("mine")
    before = (folder / "README.md").stat().st_mtime_ns
    with pytest.raises(PipelineError, match="something else than an export of"):
        export.export(run, role, folder)
    assert (folder / "README.md").stat().st_mtime_ns == before


def test_nothing_is_left_of_an_export_that_fails(run, tmp_path, monkeypatch):
    folder = export.export(run, "minilm", tmp_path / "out")

    def fail(*_):
        raise OSError("no space left")

    monkeypatch.setattr(export.model_card, "card", fail)
    with pytest.raises(OSError, match="no space left"):
        export.export(run, "minilm", tmp_path / "new")
    with pytest.raises(OSError, match="no space left"):
        export.export(run, "minilm", folder)
    left = [path.name for path in tmp_path.iterdir() if path.name.startswith((".export", "new"))]
    assert left == []
    assert files(folder) >= COMMON


def test_an_artifact_that_has_changed_is_not_exported(run, tmp_path):
    graph = run.artifact("minilm") / GRAPH
    content = bytearray(graph.read_bytes())
    content[-1] ^= 1
    graph.unlink()  # it may be a hard link to the draft
    graph.write_bytes(content)
    with pytest.raises(PipelineError, match="is not the file that its run recorded"):
        export.export(run, "minilm", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_zip_holds_the_export(run, tmp_path):
    folder = export.export(run, "minilm", tmp_path / "minilm")
    with zipfile.ZipFile(io.BytesIO(export.archive(run, "minilm"))) as file:
        found = {name: file.read(name) for name in file.namelist()}
    assert found == {f"minilm/{name}": (folder / name).read_bytes() for name in files(folder)}


def test_a_graph_of_no_known_architecture_is_exported_for_its_script_alone(run, tmp_path):
    config = config_of(export.export(run, "minilm", tmp_path / "out"))
    assert "model_type" not in config
    assert "transformers.js" not in (tmp_path / "out" / "README.md").read_text("utf-8")


def test_the_command(cache_folder, tmp_path, capsys):
    arguments = ["export", "synthetic", "minilm", str(tmp_path / "out"), "--cache"]
    assert main([*arguments, str(cache_folder)]) == 0
    assert "classify.py" in capsys.readouterr().out
    assert files(tmp_path / "out") >= COMMON


@pytest.mark.parametrize(
    ("run_name", "role", "said"),
    [
        ("none", "minilm", "no run none"),
        ("synthetic", "huge", "has no model 'huge'"),
        ("synthetic", "teacher", "make it first"),
    ],
)
def test_what_is_not_there_is_said(cache_folder, tmp_path, capsys, run_name, role, said):
    arguments = ["export", run_name, role, str(tmp_path / "out"), "--cache", str(cache_folder)]
    assert main(arguments) == 1
    [line] = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: ")
    assert said in line
    assert not (tmp_path / "out").exists()


def test_labels_in_any_script_are_kept(tmp_path):
    labels = ["日本", 'a "quoted" | name', "Ünï"]
    run = synthetic.write_run(tmp_path / "cache", labels=labels)
    folder = export.export(run, "minilm", tmp_path / "out")
    assert list(config_of(folder)["id2label"].values()) == labels
