"""What the pages say of a model: in today's words, and true to its graph."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pipeline.compression import quantization
from pipeline.recipes.families import FAMILIES
from pipeline.results.storage import RECORD, Run
from tests import synthetic
from views.parts.common import describe, plain

DYNAMIC, STATIC = (FAMILIES["mpnet"].by_role()[role].description for role in ("dynamic", "static"))


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    """A table and a product, quantized: an ONNX graph by method."""
    folder, random = tmp_path_factory.mktemp("graphs"), np.random.default_rng(0)
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "input_ids"], ["rows"], "look-up"),
            helper.make_node("MatMul", ["rows", "weight"], ["logits"], "product"),
        ],
        "small",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "sequence"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "sequence", 4])],
        [
            numpy_helper.from_array(random.normal(size=(50, 16)).astype(np.float32), "table"),
            numpy_helper.from_array(random.normal(size=(16, 4)).astype(np.float32), "weight"),
        ],
    )
    source = folder / "float.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), source)
    batches = [{"input_ids": random.integers(0, 50, (4, 8))}]
    quantization.quantize_dynamic(source, folder / "dynamic.onnx", batches, bits=8)
    quantization.quantize_static(source, folder / "static.onnx", batches, bits=8)
    return {name: onnx.load(folder / f"{name}.onnx").graph for name in ("dynamic", "static")}


@pytest.mark.parametrize(("method", "description"), [("dynamic", DYNAMIC), ("static", STATIC)])
def test_weights_are_int8_by_channel_and_tables_uint8_with_one_scale(graphs, method, description):
    tensors = {t.name: numpy_helper.to_array(t) for t in graphs[method].initializer}
    assert tensors["weight_quantized"].dtype == np.int8
    assert tensors["weight_scale"].shape == (4,)
    assert tensors["table_quantized"].dtype == np.uint8
    assert tensors["table_scale"].ndim == 0
    assert "Weights in int8, a scale for each channel" in description
    assert "embeddings in uint8, a scale for each table" in description


def test_static_quantizes_what_is_looked_up_too(graphs):
    outputs = {output: node for node in graphs["static"].node for output in node.output}
    rounded = [n.input[0] for n in graphs["static"].node if n.op_type == "QuantizeLinear"]
    assert "Gather" in {outputs[name].op_type for name in rounded if name in outputs}
    assert "what is looked up" in STATIC
    assert "what is looked up" not in DYNAMIC


def test_todays_words_are_shown_and_a_records_own_only_for_roles_that_are_gone(cache_folder):
    run = synthetic.write_run(cache_folder, roles=("teacher", "tiny-int8"), at_hand=())
    stored = [
        replace(run.record.models[0], role=role, title="old", description="wrong")
        for role in ("tiny-int8", "tiny-control", "tiny-seed43", "gone")
    ]
    run = Run(run.folder, replace(run.record, models=stored))
    today = FAMILIES["mpnet"].by_role()
    for role, name in (("tiny-int8", "tiny-int8"), ("tiny-control", "tiny-baseline")):
        assert describe(run, role) == (today[name].title, today[name].description)
    assert describe(run, "tiny-seed43") == ("Tiny, seed 43", "As tiny, but from another seed.")
    assert describe(run, "gone") == ("old", "wrong")
    other = Run(run.folder, replace(run.record, family="later"))
    assert describe(other, "tiny-int8") == ("old", "wrong")


def test_card_and_about_show_todays_words(open_page, cache_folder):
    path = cache_folder / "synthetic" / RECORD
    content = json.loads(path.read_text())
    for model in content["models"]:
        model["description"] = "as it was then"
    path.write_text(json.dumps(content | {"checksum": ""}))
    card, about = open_page("compare", model="tiny-int8"), open_page("about")
    assert any(DYNAMIC in text.value for text in card.text)
    assert any(plain(DYNAMIC) in text.value for text in about.markdown)
    assert not any("as it was then" in text.value for app in (card, about) for text in app.text)
