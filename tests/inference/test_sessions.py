"""int8 models answer alike with VNNI and without it.

An emulator plays a processor with AVX2 and without VNNI, on which sums of int8 products saturate.
"""

import json
import platform
import shutil
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from pipeline import hardware
from pipeline.data.data_sets import invented_headlines
from pipeline.deployment import export
from pipeline.inference import sessions
from pipeline.results.predictions import HEADLINES, probabilities_of
from pipeline.results.storage import CACHE, read_run
from tests.pipelines import ROOT

EMULATOR = shutil.which("qemu-x86_64")
ROLES = ("tiny-int8", "tiny-static", "tiny-qat")
ROWS = 12
_CLASSIFY = """
import json
import sys

from pipeline.inference import sessions
from pipeline.inference.classifier import Classifier

assert sessions.int8_saturates()
folders, texts = json.load(sys.stdin)
answers = [Classifier(folder, threads=1).predict_proba(texts).tolist() for folder in folders]
print(json.dumps(answers))
"""
_EXPORTED = """
import runpy
import sys
from pathlib import Path

read = Path.read_text
# /proc/cpuinfo is the real processor's
Path.read_text = lambda path, *how: read(path, *how).replace("vnni", "")
script = sys.argv.pop(1)
runpy.run_path(script, run_name="__main__")
"""


@pytest.fixture(scope="module")
def run():
    return read_run(CACHE / "mpnet")


@pytest.fixture(scope="module")
def stored(run):
    """By role, the recorded probabilities of the first ``ROWS`` invented headlines."""
    tables = {role: run.all_predictions(role) for role in ROLES}
    return {
        role: probabilities_of(table[table["split"] == HEADLINES])[:ROWS]
        for role, table in tables.items()
    }


def emulated(*arguments, text):
    """Standard output of a Python process on an emulated processor with AVX2 alone."""
    if not EMULATOR or platform.machine() != "x86_64":
        pytest.skip("no qemu-x86_64: apt-get install qemu-user")
    done = subprocess.run(
        [EMULATOR, "-cpu", "Haswell", sys.executable, *arguments],
        input=text,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_shipped_int8_models_answer_alike_without_vnni(run, stored):
    texts = list(invented_headlines().texts[:ROWS])
    folders = [str(run.artifact(role)) for role in ROLES]
    answers = json.loads(emulated("-c", _CLASSIFY, text=json.dumps([folders, texts])))
    for role, answer in zip(ROLES, answers, strict=True):
        assert np.abs(np.array(answer) - stored[role]).max() < 1e-5, role


@pytest.mark.slow
def test_an_exported_script_answers_alike_without_vnni(run, stored, tmp_path):
    texts = list(invented_headlines().texts[:ROWS])
    # Its graph has one zero point for all operators, which onnxruntime alone could not open there.
    folder = export.export(run, "tiny-qat", tmp_path / "out")
    lines = emulated("-c", _EXPORTED, folder / "classify.py", text="\n".join(texts)).splitlines()
    greatest = stored["tiny-qat"].max(axis=1)
    found = [(label, round(float(share), 4)) for label, share, _ in (x.split("\t") for x in lines)]
    labels = [run.labels[number] for number in stored["tiny-qat"].argmax(axis=1)]
    assert found == [(a, round(float(b), 4)) for a, b in zip(labels, greatest, strict=True)]


def test_the_probe_agrees_with_the_processors_flags():
    assert sessions.int8_saturates() == (hardware.int8_bits() == 7)


def shared_zero_point():
    """Two products whose int8 weights have the same zero points: tensors by name and the model."""
    weights = np.array([[127, -128], [90, 127]], np.int8)
    tensors = {
        "first": weights,
        "second": weights[::-1].copy(),
        "zeros": np.zeros(2, np.int8),
        "scales": np.full(2, 0.01, np.float32),
    }
    nodes = []
    for name, source in (("first", "x"), ("second", "y1")):
        product = "y1" if name == "first" else "logits"
        read = [name, "scales", "zeros"]
        nodes.append(helper.make_node("DequantizeLinear", read, [f"{name}_f"], axis=1))
        nodes.append(helper.make_node("MatMul", [source, f"{name}_f"], [product]))
    graph = helper.make_graph(
        nodes,
        "shared",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(array, name) for name, array in tensors.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_tensors_of_several_operators_become_their_own():
    model = shared_zero_point()
    taken = numpy_helper.from_array(np.zeros(1, np.float32), "zeros_2")
    model.graph.initializer.append(taken)
    sessions.unshare_int8(model)
    zero_points = [node.input[2] for node in model.graph.node[::2]]
    tensors = {t.name: numpy_helper.to_array(t).tolist() for t in model.graph.initializer}
    assert len(set(zero_points)) == 2
    assert [tensors[name] for name in zero_points] == [[0, 0], [0, 0]]
    assert [node.input[1] for node in model.graph.node[::2]] == ["scales", "scales"]  # no int8
    onnx.checker.check_model(model)


@pytest.mark.parametrize(("values", "eight"), [([64, -64], False), ([65], True), ([-128], True)])
def test_weights_of_seven_bits_keep_the_fast_product(values, eight):
    model = shared_zero_point()
    [tensor] = [t for t in model.graph.initializer if t.name == "second"]
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.array([1], np.int8), "first"))
    tensor.CopyFrom(numpy_helper.from_array(np.array(values, np.int8), "second"))
    assert sessions.uses_eight_bits(model) == eight


@pytest.mark.parametrize("saturates", [True, False])
def test_a_graph_opens_in_both_ways(tmp_path, monkeypatch, saturates):
    monkeypatch.setattr(sessions, "int8_saturates", lambda: saturates)
    onnx.save(shared_zero_point(), tmp_path / "model.onnx")
    options = ort.SessionOptions()
    opened = sessions.open_session(tmp_path / "model.onnx", options)
    x = np.array([[1, 2], [-3, 0.5]], np.float32)
    first = np.array([[1.27, -1.28], [0.9, 1.27]])
    found = opened.run(["logits"], {"x": x})[0]
    assert np.allclose(found, x @ first @ first[::-1], atol=1e-4)
