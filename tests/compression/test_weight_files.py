"""Weights in files beside a graph: answers stay the same, and every reader finds the files."""

import copy
import os
import shutil

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from pipeline.compression import export, qat, quantization
from pipeline.compression.smoothquant import Smoothing, smooth
from pipeline.compression.weight_files import ALIGNMENT, LEAST_BYTES, split_weights
from pipeline.data import data_sets
from pipeline.errors import PipelineError
from pipeline.files import sha256
from pipeline.inference.classifier import Classifier, graph_bytes
from pipeline.inference.graph import GRAPH, takes_ranges_from_the_batch
from pipeline.models import fake_quantization, networks
from pipeline.results.storage import list_runs
from tests import pipelines, synthetic

pytestmark = pytest.mark.slow

MOST = 30_000
SMOOTHING = Smoothing(strength=0.5, uneven=1.0)
"""Smooths every input, however even it is."""
TEXTS = ["Shares fell", "Coach resigns after a long season", "", "x " * 300]


@pytest.fixture(scope="module")
def network(checkpoints):
    name = "sentence-transformers/all-MiniLM-L6-v2"
    return networks.load_checkpoint(name, "bert", checkpoints, data_sets.LABELS)


@pytest.fixture(scope="module")
def whole(network, tmp_path_factory):
    """An artifact of one file, far larger than ``MOST``; not to be changed."""
    folder = tmp_path_factory.mktemp("whole")
    export.export_onnx(network[0], folder / GRAPH)
    networks.write_encoder(folder, network[1], 32, data_sets.LABELS)
    return folder


@pytest.fixture
def split(whole, tmp_path):
    """The same artifact in several files, with hard links as the files of stages and runs have."""
    folder = shutil.copytree(whole, tmp_path / "split")
    split_weights(folder / GRAPH, MOST)
    for path in folder.iterdir():
        os.link(path, tmp_path / f"linked-{path.name}")
    return folder


@pytest.fixture(scope="module")
def batches(network):
    texts = data_sets.load(toy=True).train.texts[:32]
    return [dict(network[1](texts, padding=True, return_tensors="np", return_token_type_ids=False))]


def beside(folder):
    return sorted(folder.glob(f"{GRAPH}.*"))


def tensors(graph):
    return {t.name: numpy_helper.to_array(t) for t in onnx.load(graph).graph.initializer}


def test_answers_are_the_same_to_the_bit(whole, split):
    expected = Classifier(whole).predict_proba(TEXTS)
    np.testing.assert_array_equal(Classifier(split).predict_proba(TEXTS), expected)


def test_files_are_of_fair_size_but_for_the_tensors_that_are_named(whole, tmp_path):
    folder = shutil.copytree(whole, tmp_path / "split")
    named = split_weights(folder / GRAPH, MOST)
    large = {name: t.nbytes for name, t in tensors(whole / GRAPH).items() if t.nbytes > MOST}
    assert set(named) == set(large)
    assert large, "the test is of a table that has a file of its own"
    sizes = [path.stat().st_size for path in beside(folder)]
    assert len(sizes) >= 3
    assert [path.name[-4:] for path in beside(folder)] == [
        f"{number:04d}" for number in range(1, len(sizes) + 1)
    ]
    assert sorted(size for size in sizes if size > MOST) == sorted(large.values())
    assert (folder / GRAPH).stat().st_size < (whole / GRAPH).stat().st_size / 2
    assert graph_bytes(folder) == sum(sizes) + (folder / GRAPH).stat().st_size
    assert {path.name for path in folder.iterdir()} == {
        *(path.name for path in whole.iterdir()),
        *(path.name for path in beside(folder)),
    }


def test_tensors_are_where_kernels_can_read_them(split):
    for tensor in onnx.load(split / GRAPH, load_external_data=False).graph.initializer:
        place = {entry.key: entry.value for entry in tensor.external_data}
        assert int(place.get("offset", 0)) % ALIGNMENT == 0
        assert place or len(tensor.raw_data) < LEAST_BYTES


def test_the_same_graph_gives_the_same_files(whole, split, tmp_path):
    again = shutil.copytree(whole, tmp_path / "again")
    split_weights(again / GRAPH, MOST)
    assert {p.name: sha256(p) for p in again.iterdir()} == {
        p.name: sha256(p) for p in split.iterdir()
    }


def test_a_small_graph_stays_and_so_does_one_that_was_split(whole, split):
    for folder, most in ((whole, (whole / GRAPH).stat().st_size), (split, 100_000)):
        before = {path.name: sha256(path) for path in folder.iterdir()}
        assert (folder / GRAPH).stat().st_size <= most
        assert split_weights(folder / GRAPH, most) == []
        assert {path.name: sha256(path) for path in folder.iterdir()} == before


@pytest.mark.parametrize("smoothing", [None, SMOOTHING])
@pytest.mark.parametrize("quantize", [quantization.quantize_dynamic, quantization.quantize_static])
def test_int8_of_a_split_graph_is_that_of_the_whole(
    quantize, smoothing, whole, split, batches, tmp_path
):
    for name, source in (("whole", whole), ("split", split)):
        quantize(source / GRAPH, tmp_path / f"{name}.onnx", batches, 8, smoothing)
    assert sha256(tmp_path / "split.onnx") == sha256(tmp_path / "whole.onnx")


def test_4_bits_of_a_split_graph_are_those_of_the_whole(whole, split, tmp_path):
    for name, source in (("whole", whole), ("split", split)):
        quantization.quantize_4bit(source / GRAPH, tmp_path / f"{name}.onnx", 16)
    assert sha256(tmp_path / "split.onnx") == sha256(tmp_path / "whole.onnx")


def test_made_even_a_split_graph_is_the_whole_one(whole, split, batches, tmp_path):
    for name, source in (("whole", whole), ("split", split)):
        smooth(source / GRAPH, tmp_path / f"{name}.onnx", batches, SMOOTHING)
    even, expected = tensors(tmp_path / "split.onnx"), tensors(tmp_path / "whole.onnx")
    assert any(name.endswith("_shrink") for name in even)
    for name in expected:
        np.testing.assert_array_equal(even[name], expected[name])


@pytest.fixture(params=["dynamic", "static", "4 bits", "qat"])
def quantized(request, network, whole, batches, tmp_path):
    """The same quantized artifact whole and split."""
    folders = tmp_path / "one", tmp_path / "many"
    graph = shutil.copytree(whole, folders[0]) / GRAPH
    match request.param:
        case "dynamic":
            quantization.quantize_dynamic(whole / GRAPH, graph, batches, 7)
        case "static":
            quantization.quantize_static(whole / GRAPH, graph, batches, 7)
        case "4 bits":
            quantization.quantize_4bit(whole / GRAPH, graph, 16)
        case "qat":
            aware = copy.deepcopy(network[0])
            fake_quantization.prepare(aware, 7)
            fake_quantization.calibrate(
                aware, [{k: torch.from_numpy(v) for k, v in b.items()} for b in batches]
            )
            qat.export_int8(aware, graph)
    shutil.copytree(*folders)
    split_weights(folders[1] / GRAPH, 10_000)
    return folders


def test_a_quantized_graph_in_files_is_the_same_model(quantized):
    one, many = quantized
    assert beside(many)
    assert (many / GRAPH).stat().st_size < (one / GRAPH).stat().st_size
    np.testing.assert_array_equal(
        Classifier(many).predict_proba(TEXTS), Classifier(one).predict_proba(TEXTS)
    )
    graphs = one / GRAPH, many / GRAPH
    assert len({takes_ranges_from_the_batch(graph) for graph in graphs}) == 1
    int8 = any(tensor.dtype == np.int8 for tensor in tensors(one / GRAPH).values())
    assert not int8 or len({pipelines.weight_bits(graph) for graph in graphs}) == 1
    without = [qat._without_rounding(graph).graph.node for graph in graphs]
    assert without[0] == without[1]


def test_a_split_dynamic_graph_still_takes_each_text_by_itself(whole, batches, tmp_path):
    folder = shutil.copytree(whole, tmp_path / "dynamic")
    quantization.quantize_dynamic(whole / GRAPH, folder / GRAPH, batches, 8)
    split_weights(folder / GRAPH, 10_000)
    assert takes_ranges_from_the_batch(folder / GRAPH)
    alone = [Classifier(folder).predict_proba([text]) for text in TEXTS]
    np.testing.assert_array_equal(Classifier(folder).predict_proba(TEXTS), np.concatenate(alone))


@pytest.mark.parametrize("damage", ["gone", "cut", "a link that leads out"])
def test_a_damaged_file_of_weights_is_one_clear_line(split, damage):
    path = beside(split)[-1]
    if damage == "cut":
        os.truncate(path, path.stat().st_size // 2)
    else:
        elsewhere = path.rename(split.parent / "elsewhere")
        if damage != "gone":
            path.symlink_to(elsewhere)
    with pytest.raises(PipelineError, match="holds no model that can be loaded") as caught:
        Classifier(split)
    assert "\n" not in str(caught.value)


def test_a_run_has_the_artifact_if_it_has_every_file(tmp_path, monkeypatch):
    write = synthetic.write_artifact

    def write_split(*arguments):
        folder = write(*arguments)
        monkeypatch.setattr("pipeline.compression.weight_files.LEAST_BYTES", 64)
        split_weights(folder / GRAPH, 100)
        return folder

    monkeypatch.setattr(synthetic, "write_artifact", write_split)
    run = synthetic.write_run(tmp_path / "cache")
    folder = run.artifact("minilm")
    assert [path.name for path in beside(folder)] == [f"{GRAPH}.data-0001"]
    assert f"{GRAPH}.data-0001" in run.by_role["minilm"].artifact
    assert Classifier(folder).predict_proba(["coach"]).argmax() == 1
    beside(folder)[0].unlink()
    assert list_runs(tmp_path / "cache")[0][0].artifact("minilm") is None
