"""The Classifier on a tiny artifact: order, hostile texts, damaged files."""

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from pipeline.data.data_sets import LABELS
from pipeline.errors import PipelineError
from pipeline.inference import classifier as classifier_module
from pipeline.inference import encoders
from pipeline.inference import graph as graph_module
from pipeline.inference.classifier import Classifier
from pipeline.inference.graph import GRAPH
from tests import synthetic
from tests.synthetic import WORDS

HOSTILE = [
    "",
    " ",
    "\x00",
    "\ud800 lone surrogate",
    "🎉🏳️‍🌈👩‍👩‍👧",
    "شركة النفط تعلن أرباحا قياسية",
    "\u202eright to left override",
    "<script>alert(1)</script>",
    "**bold** [link](javascript:alert(1)) $x^2$ :material/home:",
    "=cmd|' /C calc'!A0",
    "coach " * 50_000,
    "\n\r\t\v\u2028",
    "ﷺ" * 10_000,
    "[PAD] [UNK] [MASK]",
]


@pytest.fixture(scope="module")
def classifier(artifact):
    return Classifier(artifact)


@pytest.fixture
def damaged(artifact, tmp_path):
    return shutil.copytree(artifact, tmp_path / "damaged")


def test_it_knows_its_words(classifier):
    texts = [" ".join(words) for words in WORDS.values()]
    probabilities = classifier.predict_proba(texts)
    assert probabilities.shape == (4, 4)
    assert probabilities.dtype == np.float32
    assert probabilities.argmax(axis=1).tolist() == [0, 1, 2, 3]
    assert classifier.labels == list(LABELS)


def test_confidence_is_the_softmax_of_the_logits(classifier):
    # A text of one known word has that word's row as its logits: 6, 0, 0, 0.
    expected = np.exp(6) / (np.exp(6) + 3)
    assert classifier.predict_proba(["election"])[0, 0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_rows_come_back_in_order_whatever_the_batch(classifier, batch_size):
    words = [word for words in WORDS.values() for word in words]
    texts = [f"{word} {'x ' * (7 * i % 11)}" for i, word in enumerate(words)]
    alone = np.concatenate([classifier.predict_proba([text]) for text in texts])
    together = classifier.predict_proba(texts, batch_size=batch_size)
    np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_are_classified(classifier, text):
    probabilities = classifier.predict_proba([text, "coach"])
    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert probabilities[1].argmax() == 1


def test_no_text_gives_no_row(classifier):
    assert classifier.predict_proba([]).shape == (0, 4)


def test_progress_counts_every_text(classifier):
    done = []
    classifier.predict_proba(["coach"] * 70, progress=done.append)
    assert done == [32, 32, 6]


def test_threads_may_share_one(classifier):
    texts = [f"coach {'x ' * i}" for i in range(40)]
    expected = classifier.predict_proba(texts)
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: classifier.predict_proba(texts), range(16)):
            np.testing.assert_array_equal(found, expected)


def test_threads_sleep_soon_after_a_run(artifact):
    """By default they would spin for another 40 ms and slow down everything else."""
    classifier = Classifier(artifact, threads=2)
    classifier.predict_proba(["coach"])
    before = time.process_time()
    time.sleep(0.2)
    assert time.process_time() - before < 0.015


def test_softmax_of_large_logits_is_finite():
    found = graph_module.softmax(np.array([[1e4, 0, -1e4, 0]], np.float32))
    assert found.tolist() == [[1, 0, 0, 0]]


@pytest.mark.parametrize("name", [f"{graph_module.GRAPH}.data", "weights.bin", "weights/table"])
def test_size_counts_external_data_whatever_its_name(artifact, damaged, name):
    (damaged / name).parent.mkdir(exist_ok=True)
    (damaged / name).write_bytes(b"x" * 1000)
    assert classifier_module.graph_bytes(damaged) == classifier_module.graph_bytes(artifact) + 1000
    assert classifier_module.graph_bytes(artifact) == (artifact / graph_module.GRAPH).stat().st_size


@pytest.mark.parametrize("name", [graph_module.GRAPH, encoders.TOKENIZER, encoders.SETTINGS])
@pytest.mark.parametrize("content", [None, b"", b"\x00\xff" * 50, b"{}", b"[]"])
def test_damaged_files_are_one_clear_line(damaged, name, content):
    (damaged / name).unlink()
    if content is not None:
        (damaged / name).write_bytes(content)
    with pytest.raises(PipelineError) as caught:
        Classifier(damaged)
    assert str(damaged) in str(caught.value)
    assert "\n" not in str(caught.value)


# --- external data: a graph names files to read, and could name any -----------------------------

OTHER_TABLE = np.tile(np.float32([0, 0, 0, 9]), (22, 1))


def use_external_table(folder, location, place):
    """Let the graph read its table of logits from a file. ``place`` is where it names the file."""
    model = onnx.load(folder / graph_module.GRAPH)
    graph = model.graph
    (table,) = [tensor for tensor in graph.initializer if tensor.name == "table"]
    graph.initializer.remove(table)
    assert table.dims == list(OTHER_TABLE.shape)
    table.ClearField("raw_data")
    table.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "length": str(OTHER_TABLE.nbytes)}.items():
        table.external_data.add(key=key, value=value)
    if place == "initializer":
        graph.initializer.append(table)
    else:
        node = helper.make_node("Constant", [], ["table"], value=table)
        if place == "branch":
            out = helper.make_tensor_value_info("table", TensorProto.FLOAT, None)
            branch = helper.make_graph([node], "branch", [], [out])
            node = helper.make_node(
                "If", ["yes"], ["table"], then_branch=branch, else_branch=branch
            )
            graph.initializer.append(helper.make_tensor("yes", TensorProto.BOOL, [], [True]))
        graph.node.insert(0, node)
    (folder / graph_module.GRAPH).write_bytes(model.SerializeToString())


@pytest.fixture
def elsewhere(damaged):
    """A file outside the artifact's folder that a graph could read as its table."""
    path = damaged.parent / "elsewhere"
    OTHER_TABLE.tofile(path)
    (damaged / "data").mkdir()
    return path


PLACES = ["initializer", "constant", "branch"]


@pytest.mark.parametrize("place", PLACES)
def test_a_graph_reads_its_external_data_in_its_folder(damaged, elsewhere, place):
    shutil.copyfile(elsewhere, damaged / "data" / "table")
    use_external_table(damaged, "data/table", place)
    assert Classifier(damaged).predict_proba(["coach"])[0].argmax() == 3


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "location",
    ["../elsewhere", "data/../../elsewhere", "{parent}/elsewhere", "link", "out/elsewhere"],
)
def test_a_graph_reads_nothing_outside_its_folder(damaged, elsewhere, place, location):
    """Today's onnxruntime refuses such a graph by itself; an older one would read the file."""
    (damaged / "link").symlink_to(elsewhere)
    (damaged / "out").symlink_to(damaged.parent)
    use_external_table(damaged, location.format(parent=damaged.parent), place)
    with pytest.raises(PipelineError, match="holds no model that can be loaded") as caught:
        Classifier(damaged)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_there():
    with pytest.raises(PipelineError, match="nowhere"):
        Classifier("/nowhere/at/all")


def test_the_tokenizer_is_set_to_pad_and_truncate(artifact):
    settings = json.loads((artifact / encoders.TOKENIZER).read_text("utf-8"))
    assert settings["truncation"]["max_length"] == 64
    assert settings["padding"]["pad_token"] == "[PAD]"


# --- a graph and class names that do not belong together ----------------------------------------


@pytest.mark.parametrize("is_said", [True, False])
def test_a_graph_of_another_width_than_its_labels_is_refused(tmp_path, is_said):
    folder = synthetic.write_artifact(tmp_path / "model")
    model = onnx.load(folder / GRAPH)
    if not is_said:
        model.graph.output[0].type.tensor_type.shape.dim[1].dim_param = "labels"
        onnx.save(model, folder / GRAPH)
    settings = json.loads((folder / encoders.SETTINGS).read_text())
    (folder / encoders.SETTINGS).write_text(json.dumps(settings | {"labels": ["a", "b", "c"]}))
    with pytest.raises(PipelineError, match=r"tells 4 classes apart, and .* names 3"):
        Classifier(folder).predict_proba(["coach", "oil"])


def test_a_graph_without_logits_is_refused(tmp_path):
    folder = synthetic.write_artifact(tmp_path / "model")
    model = onnx.load(folder / GRAPH)
    model.graph.node[-1].output[0] = model.graph.output[0].name = "answers"
    onnx.save(model, folder / GRAPH)
    with pytest.raises(PipelineError, match="has no output 'logits'"):
        Classifier(folder)
