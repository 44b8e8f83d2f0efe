"""Models that others trained, joined to a run: classes, formats, pages, and removing them."""

import json
import shutil
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from pipeline.__main__ import main
from pipeline.cascade_rules import Rule
from pipeline.data import data_sets, hub
from pipeline.deployment.deployed_model import is_answered_by_itself
from pipeline.errors import PipelineError
from pipeline.inference.classifier import Classifier
from pipeline.results import report, run_writing, storage
from pipeline.results.predictions import probabilities_of
from pipeline.results.storage import read_run
from pipeline.runs import fingerprinting, joined
from pipeline.runs.removal import remove
from tests import joining, synthetic
from tests.joining import LABELS
from views import run_command


@pytest.fixture(autouse=True)
def scored_here(request):
    if request.node.get_closest_marker("slow"):
        yield
        return
    with joining.evaluated_here():
        yield


@pytest.fixture
def join(tmp_path):
    """Joins a folder's model to a run on invented data, as ``guest``; returns the run."""

    def join(folder, labels, names=None, role="guest"):
        data = joining.corpus(labels)
        run = tmp_path / "cache" / "made"
        run = read_run(run) if run.is_dir() else joining.run_on(data, run.parent)
        path = None
        if names is not None:
            path = tmp_path / "names.txt"
            path.write_text(names if isinstance(names, str) else "\n".join(names), "utf-8")
        return joined.add(run, role, str(folder), data, tmp_path / "work", path)

    return join


def backwards(labels):
    return tuple(reversed(labels))


NAMED = {
    "as the run": (tuple, tuple, None, ""),
    "in another case": (tuple, lambda names: [name.upper() for name in names], None, ""),
    "without signs": (tuple, lambda names: [name.replace("/", "_") for name in names], None, ""),
    "in another order": (backwards, backwards, None, ""),
    "by LABEL_0": (tuple, lambda names: [f"LABEL_{i}" for i in range(len(names))], None, "order"),
    "by nobody": (tuple, lambda names: None, None, "order"),
    "in a file": (backwards, lambda names: [f"x{i}" for i in range(len(names))], backwards, ""),
    "in a JSON file": (
        backwards,
        lambda names: [f"x{i}" for i in range(len(names))],
        lambda names: json.dumps(backwards(names)),
        "",
    ),
}


@pytest.mark.parametrize("classes", LABELS)
@pytest.mark.parametrize("case", NAMED)
def test_classes_are_found_by_their_names(join, tmp_path, capsys, classes, case):
    outputs, named, in_file, said = NAMED[case]
    labels = LABELS[classes]
    folder = joining.onnx_folder(tmp_path / "theirs", labels, named(labels), outputs(labels))
    run = join(folder, labels, in_file and in_file(labels))
    model = run.by_role["guest"]
    assert model.metrics.accuracy == model.validation.accuracy == 1.0
    assert (said in capsys.readouterr().err) == bool(said) or not said
    assert Classifier(run.artifact("guest")).labels == list(labels)
    assert not joined.at_chance(run, "guest")


def test_what_is_stored_says_where_it_comes_from(join, tmp_path):
    run = join(joining.onnx_folder(tmp_path / "theirs", LABELS[4], LABELS[4]), LABELS[4])
    model = run.by_role["guest"]
    assert model.is_joined
    assert (model.method, model.parent, model.checkpoint) == ("joined", None, "theirs")
    assert model.settings["max_length"] == 64
    assert str(tmp_path) not in (run.folder / storage.RECORD).read_text("utf-8")
    assert model.metrics.agreement == pytest.approx(11 / 12)
    assert list(run.by_role) == ["teacher", "tiny-int8", "guest"]


def test_it_is_done_as_long_as_the_data_are_the_same(join, tmp_path):
    from pipeline.recipes.families import FAMILIES

    run = join(joining.onnx_folder(tmp_path / "theirs", LABELS[4], LABELS[4]), LABELS[4])
    family = FAMILIES["mpnet"]
    assert fingerprinting.state(family, run, "guest") == "done"
    other = replace(run, record=replace(run.record, data=replace(run.record.data, fingerprint="1")))
    assert fingerprinting.state(family, other, "guest") == "stale"


def test_nothing_is_done_twice(join, tmp_path, monkeypatch):
    folder = joining.onnx_folder(tmp_path / "theirs", LABELS[4], LABELS[4])
    first = join(folder, LABELS[4])
    monkeypatch.setattr("pipeline.compression.joined_graphs.write", None)
    monkeypatch.setattr("pipeline.evaluation.scoring.evaluate", None)
    second = join(folder, LABELS[4])
    assert second.by_role["guest"] == first.by_role["guest"]


def test_another_model_takes_the_place_of_a_joined_one(join, tmp_path):
    join(joining.onnx_folder(tmp_path / "one", LABELS[4], LABELS[4]), LABELS[4])
    turned = LABELS[4][1:] + LABELS[4][:1]
    wrong = joining.onnx_folder(tmp_path / "two", LABELS[4], turned)
    run = join(wrong, LABELS[4])
    assert run.by_role["guest"].metrics.accuracy == 0
    assert joined.at_chance(run, "guest")


# --- kinds of graphs ----------------------------------------------------------------------------


def edited(change):
    def make(folder):
        path = folder / "onnx" / "model.onnx"
        model = onnx.load(path)
        change(model.graph)
        onnx.save(model, path)

    return make


def call_logits(name):
    def change(graph):
        graph.node[-1].output[0] = graph.output[0].name = name

    return edited(change)


def take_int32(graph):
    for value in graph.input:
        value.type.tensor_type.elem_type = TensorProto.INT32


def give_float16(graph):
    graph.node[-1].output[0] = "wide"
    graph.node.append(helper.make_node("Cast", ["wide"], ["logits"], to=TensorProto.FLOAT16))
    graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT16


def give_more(graph):
    graph.output.append(helper.make_tensor_value_info("mean", TensorProto.FLOAT, None))


def leave_width_open(graph):
    graph.output[0].type.tensor_type.shape.dim[1].dim_param = "labels"


def keep_weights_apart(folder):
    path = folder / "onnx" / "model.onnx"
    onnx.save(
        onnx.load(path),
        path,
        save_as_external_data=True,
        location="their weights.bin",
        size_threshold=100,
    )


def move_up(folder):
    (folder / "onnx" / "model.onnx").rename(folder / "model_quantized.onnx")


def pad_otherwise(folder):
    """Rename [PAD], as in RoBERTa's tokenizer, so that only its id in config.json tells it."""
    content = json.loads((folder / "tokenizer.json").read_text())
    content["model"]["vocab"]["<fill>"] = content["model"]["vocab"].pop("[PAD]")
    (folder / "tokenizer.json").write_text(json.dumps(content))


GRAPHS = {
    "as it is": lambda folder: None,
    "token types": lambda folder: joining.with_token_types(folder / "onnx" / "model.onnx"),
    "another name of the output": call_logits("output_0"),
    "int32": edited(take_int32),
    "float16": edited(give_float16),
    "more outputs": edited(give_more),
    "an open width": edited(leave_width_open),
    "weights apart": keep_weights_apart,
    "alone under another name": move_up,
    "another padding token": pad_otherwise,
}


@pytest.mark.parametrize("order", [tuple, backwards])
@pytest.mark.parametrize("case", GRAPHS)
def test_graphs_of_others_answer_as_they_are_called(join, tmp_path, case, order):
    labels = LABELS[4]
    folder = joining.onnx_folder(tmp_path / "theirs", labels, order(labels), order(labels))
    GRAPHS[case](folder)
    run = join(folder, labels)
    assert run.by_role["guest"].metrics.accuracy == 1.0
    classifier = Classifier(run.artifact("guest"))
    assert classifier.predict_proba(["coach", "coach bank oil"]).dtype == np.float32
    model = onnx.load(run.artifact("guest") / "model.onnx", load_external_data=False)
    assert [value.name for value in model.graph.input] == ["input_ids", "attention_mask"]
    assert [value.name for value in model.graph.output] == ["logits"]


def take_positions(graph):
    graph.input.append(helper.make_tensor_value_info("position_ids", TensorProto.INT64, None))


def take_no_mask(graph):
    graph.input[1].name = "token_type_ids"


def fix_size(graph):
    graph.input[0].type.tensor_type.shape.dim[1].dim_value = 16


def several(folder):
    for name in ("a", "b"):
        shutil.copyfile(folder / "onnx" / "model.onnx", folder / "onnx" / f"{name}.onnx")
    (folder / "onnx" / "model.onnx").unlink()


def lead_out(folder):
    path = folder / "onnx" / "model.onnx"
    model = onnx.load(path)
    table = model.graph.initializer[0]
    (folder / "table").write_bytes(table.raw_data)
    onnx.external_data_helper.set_external_data(table, "../table")
    table.ClearField("raw_data")
    onnx.save(model, path)


def lose_weights(folder):
    keep_weights_apart(folder)
    (folder / "onnx" / "their weights.bin").unlink()


def bring_code(folder):
    path = folder / "config.json"
    content = {"model_type": "theirs", "auto_map": {"AutoConfig": "code.Config"}}
    path.write_text(json.dumps(json.loads(path.read_text()) | content))


def write(name, text):
    def make(folder):
        (folder / name).write_text(text)

    return make


def fewer(names):
    def make(folder):
        path = folder / "config.json"
        names_by_number = {str(i): name for i, name in enumerate(names)}
        path.write_text(json.dumps(json.loads(path.read_text()) | {"id2label": names_by_number}))

    return make


def no_graph(*names):
    def make(folder):
        shutil.rmtree(folder / "onnx")
        for name in names:
            (folder / name).write_bytes(b"\x80\x04K\x01.")

    return make


REFUSED = {
    "one more input": (edited(take_positions), "takes input_ids, attention_mask, position_ids"),
    "no mask": (edited(take_no_mask), "takes input_ids, token_type_ids"),
    "a fixed size": (edited(fix_size), "fixed size of input_ids"),
    "several graphs": (several, "several graphs: give --model the one of onnx/a.onnx, onnx/b.onnx"),
    "weights elsewhere": (lead_out, "has weights at '../table'"),
    "no weights": (lose_weights, "needs their weights.bin"),
    "no graph at all": (write("onnx/model.onnx", "hello"), "is no ONNX graph"),
    "code of its own": (bring_code, "code of others is never run"),
    "no config": (lambda folder: (folder / "config.json").unlink(), "has no config.json"),
    "no JSON": (write("config.json", "{"), "can't be read"),
    "no object": (write("config.json", "[]"), "is no JSON object"),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "has no tokenizer.json"),
    "a broken tokenizer": (write("tokenizer.json", "{}"), "can't read the tokenizer"),
    "another number": (fewer("abc"), "tells 4 classes apart, and theirs names 3"),
    "other names": (fewer(("World", "Sports", "Business", "x")), "it lacks Sci/Tech; write"),
    "a name twice": (fewer(("World", "World", "Business", "Sci/Tech")), "--labels FILE"),
    "pickles": (no_graph("pytorch_model.bin"), "it has pytorch_model.bin"),
    "nothing": (no_graph(), "only safetensors are read"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_can_not_be_joined_is_refused_in_a_line(join, tmp_path, case):
    make, said = REFUSED[case]
    folder = joining.onnx_folder(tmp_path / "theirs", LABELS[4], LABELS[4])
    make(folder)
    with pytest.raises(PipelineError) as error:
        join(folder, LABELS[4])
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert list(read_run(tmp_path / "cache" / "made").by_role) == ["teacher", "tiny-int8"]


@pytest.mark.parametrize("classes", [2, 77])
def test_another_number_of_classes_is_refused(join, tmp_path, classes):
    folder = joining.onnx_folder(tmp_path / "theirs", LABELS[classes], LABELS[classes])
    with pytest.raises(PipelineError, match=rf"theirs has {classes} classes .* run has 4"):
        join(folder, LABELS[4])


FILES = {"too few": "a\nb", "no list": '["a", 1]', "no JSON": '["a"'}


@pytest.mark.parametrize("case", FILES)
def test_a_file_of_labels_that_does_not_fit(join, tmp_path, case):
    folder = joining.onnx_folder(tmp_path / "theirs", LABELS[4], LABELS[4])
    with pytest.raises(PipelineError, match=r"names\.txt"):
        join(folder, LABELS[4], FILES[case])


@pytest.mark.parametrize(
    ("role", "said"),
    [
        ("tiny-int8", "a role of the run's own"),
        ("minilm", "a role of the run's own"),
        ("mine-seed43", "seed replicate"),
        ("mine-baseline", "baseline"),
        ("../mine", "can't be used"),
    ],
)
def test_a_role_that_is_taken(join, tmp_path, role, said):
    folder = joining.onnx_folder(tmp_path / "theirs", LABELS[4], LABELS[4])
    with pytest.raises(PipelineError, match=said):
        join(folder, LABELS[4], role=role)


@pytest.mark.parametrize("name", ["no/where", "nowhere", "/no/where/at/all"])
def test_a_source_that_is_nowhere(join, tmp_path, name, monkeypatch):
    monkeypatch.setattr(hub, "_answers", lambda: False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(PipelineError, match=r"does not answer|no folder at"):
        join(name, LABELS[4])


def test_a_name_on_the_hub_is_read_from_its_local_cache(join, tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(hub, "_answers", lambda: False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    kept = tmp_path / "hub" / "models--some--model"
    joining.onnx_folder(kept / "snapshots" / ("a" * 40), LABELS[4], LABELS[4])
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text("a" * 40)
    run = join("some/model", LABELS[4])
    assert run.by_role["guest"].checkpoint == "some/model"
    assert run.by_role["guest"].metrics.accuracy == 1.0
    assert run_command.make_command(run.record, "guest").endswith(
        "python -m pipeline add made guest --model some/model --data DIR"
    )


# --- beside the run's own models ----------------------------------------------------------------


def test_it_takes_part_in_the_recommendation_only_if_asked(join, tmp_path):
    before = None
    for wanted in (False, True):
        folder = joining.onnx_folder(tmp_path / f"theirs{wanted}", LABELS[4], LABELS[4])
        if before is None:
            data = joining.corpus(LABELS[4])
            before = report.compared_models(joining.run_on(data, tmp_path / "cache"))
        compared = report.compared_models(join(folder, LABELS[4]), wanted)
        assert ("guest" in set(compared["role"])) == wanted
        if not wanted:  # even the bounds of the others are unchanged
            assert compared.equals(before)
        else:
            assert compared.loc[compared["reference"], "role"].tolist() == ["guest"]


def test_the_command_line_on_a_toy_run(tmp_path, capsys):
    data = data_sets.load(toy=True)
    run = joining.run_on(data, tmp_path / "cache", toy=True)
    theirs = joining.onnx_folder(tmp_path / "theirs", data.labels)
    (tmp_path / "wrong.txt").write_text("\n".join(data.labels[1:] + data.labels[:1]))
    cache = ("--cache", str(tmp_path / "cache"))
    more = ("--model", str(theirs), *cache)
    assert main(["add", "made", "guest", *more]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("guest, joined to made: accuracy 0.")
    assert "another order" not in captured.out
    assert "taken in the run's order" in captured.err
    assert main(["add", "made", "other", *more, "--labels", str(tmp_path / "wrong.txt")]) == 0
    assert "are the labels in another order?" in capsys.readouterr().out
    # The predictions of tiny-int8 are invented, so its artifact does not match them.
    assert main(["verify", "made", *cache]) == 1
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("FAIL")]
    assert len(said) == 1
    assert "tiny-int8" in said[0]
    for verb in (["status"], ["report", "made"], ["recommend", "made"]):
        assert main([*verb, *cache]) == 0, capsys.readouterr().out
    assert "guest" not in capsys.readouterr().out.splitlines()[-1]
    assert main(["recommend", "made", "--joined", *cache]) == 0
    assert "guest" in capsys.readouterr().out
    assert main(["predict", "coach", "--model", "guest", "--run", "made", *cache]) == 0
    assert "Sports" in capsys.readouterr().out
    assert main(["export", "made", "guest", str(tmp_path / "out"), *cache]) == 0
    assert "Trained elsewhere as theirs" in (tmp_path / "out" / "README.md").read_text()
    assert main(["remove", "made", "other", *cache]) == 0
    assert list(read_run(run.folder).by_role) == ["teacher", "tiny-int8", "guest"]


@pytest.mark.slow
def test_it_is_measured_as_the_others_are(tmp_path, capsys):
    data = data_sets.load(toy=True)
    run = joining.run_on(data, tmp_path / "cache", toy=True)
    theirs = joining.onnx_folder(tmp_path / "theirs", data.labels, data.labels)
    arguments = ("--model", str(theirs / "onnx" / "model.onnx"), "--cache", str(run.folder.parent))
    assert main(["add", "made", "guest", *arguments]) == 0, capsys.readouterr().err
    model = read_run(run.folder).by_role["guest"]
    assert model.cost.p50_ms > 0
    assert model.cost.rows_per_second > 0
    assert model.measured_on.predictions.hardware
    assert model.measured_on.latency.threads > 0
    assert model.checkpoint == "theirs"


def test_a_graph_of_dynamic_int8_is_known_as_such(join, tmp_path):
    folder = joining.onnx_folder(tmp_path / "theirs", LABELS[4], LABELS[4])
    assert not is_answered_by_itself(join(folder, LABELS[4]).by_role["guest"])

    def quantize(graph):
        last = graph.node[-1]
        last.output[0] = "wide"
        graph.node.extend(
            [
                helper.make_node("DynamicQuantizeLinear", ["wide"], ["bytes", "scale", "zero_"]),
                helper.make_node("DequantizeLinear", ["bytes", "scale", "zero_"], ["logits"]),
            ]
        )

    edited(quantize)(folder)
    assert is_answered_by_itself(join(folder, LABELS[4]).by_role["guest"])


def test_its_own_texts_are_needed(tmp_path, capsys):
    joining.run_on(joining.corpus(LABELS[4]), tmp_path / "cache")
    theirs = joining.onnx_folder(tmp_path / "theirs", LABELS[4])
    arguments = ["--model", str(theirs), "--cache", str(tmp_path / "cache")]
    assert main(["add", "made", "guest", *arguments]) == 1
    assert "name their folder with --data" in capsys.readouterr().err


# --- removing models ----------------------------------------------------------------------------


def test_removed_models_leave_nothing(cache_folder):
    run = read_run(cache_folder / "synthetic")
    bench = {"one": [{"role": "minilm", "ms": 1}, {"role": "teacher"}], "latency": {"minilm": {}}}
    run_writing.rewrite_run(run, replace(run.record, bench=bench))
    left = remove(read_run(run.folder), "minilm")
    assert list(left.by_role) == ["teacher", "tiny-int8"]
    assert left.record.bench == {"one": [{"role": "teacher"}], "latency": {}}
    assert not list(run.folder.rglob("*minilm*"))


REMAINS = {
    "a member": ("minilm", "cascade-small asks minilm: take the cascade out first"),
    "no model": ("nobody", "has no model 'nobody'; it has teacher, minilm"),
}


@pytest.mark.parametrize("case", REMAINS)
def test_what_can_not_be_removed(cache_folder, case, capsys):
    role, said = REMAINS[case]
    run = read_run(cache_folder / "synthetic")
    run = synthetic.add_cascade(run, {"tiny-int8": Rule(0.9), "minilm": None})
    assert main(["remove", "synthetic", role, "--cache", str(cache_folder)]) == 1
    assert said in capsys.readouterr().err
    assert len(read_run(run.folder).by_role) == 4
    assert list(remove(run, "cascade-small").by_role) == ["teacher", "minilm", "tiny-int8"]


def test_the_last_model_stays(cache_folder):
    run = read_run(cache_folder / "synthetic")
    for role in ("minilm", "tiny-int8"):
        run = remove(run, role)
    with pytest.raises(PipelineError, match="the only model"):
        remove(run, "teacher")


def test_a_run_of_schema_1_is_not_renamed(cache_folder):
    synthetic.as_schema_1(cache_folder / "synthetic")
    with pytest.raises(PipelineError, match="of schema 1"):
        remove(read_run(cache_folder / "synthetic"), "minilm")


def test_probabilities_are_put_in_the_runs_order(join, tmp_path):
    labels = LABELS[4]
    turned = backwards(labels)
    run = join(joining.onnx_folder(tmp_path / "a", labels, turned, turned), labels, role="a")
    run = join(joining.onnx_folder(tmp_path / "b", labels, labels), labels, role="b")
    a, b = (probabilities_of(run.predictions(role)) for role in "ab")
    assert np.array_equal(a, b)
