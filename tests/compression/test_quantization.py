"""Exported and quantized graphs of tiny random models, against PyTorch."""

from collections import Counter
from dataclasses import replace

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
import torch
from onnx import TensorProto, numpy_helper
from safetensors.torch import load_file
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    MPNetConfig,
    MPNetForSequenceClassification,
)

from pipeline.compression import export, graph_rewrites, qat, quantization, smoothquant
from pipeline.compression.smoothquant import Smoothing
from pipeline.errors import PipelineError
from pipeline.models import fake_quantization
from pipeline.runs import fingerprinting
from tests import pipelines

pytestmark = pytest.mark.slow

VOCABULARY, POSITIONS, WIDTH, INNER, LAYERS, PAD = 120, 40, 32, 64, 2, 1
ARCHITECTURES = {
    "bert": (BertConfig, BertForSequenceClassification),
    "distilbert": (DistilBertConfig, DistilBertForSequenceClassification),
    "mpnet": (MPNetConfig, MPNetForSequenceClassification),
}
# Each layer has query, key, value, output and two of the feed-forward; the head has two.
LINEARS = 6 * LAYERS + 2
TABLES = 3
SMOOTHING = Smoothing(fingerprinting.SMOOTHING, fingerprinting.UNEVEN)
BITS = 8


def tiny(architecture):
    """A random classifier in eval(), with weights large enough for its logits to differ."""
    torch.manual_seed(0)
    settings = {
        "vocab_size": VOCABULARY,
        "max_position_embeddings": POSITIONS,
        "pad_token_id": PAD,
        "num_labels": 4,
        "initializer_range": 0.2,
    }
    if architecture == "distilbert":
        settings |= {"dim": WIDTH, "n_layers": LAYERS, "n_heads": 4, "hidden_dim": INNER}
    else:
        settings |= {
            "hidden_size": WIDTH,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": 4,
            "intermediate_size": INNER,
        }
    config, classifier = ARCHITECTURES[architecture]
    model = classifier(config(**settings)).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):  # all start at zero, which would hide a mix-up
            parameter.data.normal_(std=0.1)
    return model


def inputs(batch, length, seed=0):
    """Random ids, every second row padded by a third."""
    ids = torch.randint(5, VOCABULARY, (batch, length), generator=torch.manual_seed(seed))
    mask = torch.ones_like(ids)
    mask[1::2, length - length // 3 :] = 0
    return {"input_ids": torch.where(mask.bool(), ids, PAD), "attention_mask": mask}


def arrays(tensors):
    return {name: tensor.numpy() for name, tensor in tensors.items()}


@torch.no_grad()
def model_logits(model, tensors):
    return model(**tensors).logits.numpy()


def graph_logits(path, tensors):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["logits"], arrays(tensors))[0]


def probability_error(path, model):
    """The greatest difference between the graph's and the model's probabilities."""
    tensors = inputs(8, 30, seed=9)
    expected = torch.from_numpy(model_logits(model, tensors)).softmax(-1)
    actual = torch.from_numpy(graph_logits(path, tensors)).softmax(-1)
    return float((actual - expected).abs().max())


def operators(graph):
    return Counter(node.op_type for node in onnx.load(graph).graph.node)


def takers(path):
    """Types of the operators that read a dequantized tensor."""
    nodes = onnx.load(path).graph.node
    names = {node.output[0] for node in nodes if node.op_type == "DequantizeLinear"}
    return {node.op_type for node in nodes if names.intersection(node.input)}


def stored(path):
    """Names of the data types of stored matrices, by shape."""
    kinds = {}
    for tensor in onnx.load(path).graph.initializer:
        if len(tensor.dims) >= 2:
            kind = TensorProto.DataType.Name(tensor.data_type)
            kinds.setdefault(tuple(tensor.dims), set()).add(kind)
    return kinds


def bytes_stored(path):
    return sum(numpy_helper.to_array(t).nbytes for t in onnx.load(path).graph.initializer)


def assert_int8(path, source):
    """Check that every matrix of weights is stored in 8 bits, and all in one file."""
    kinds = stored(path)
    for rows in (VOCABULARY, POSITIONS):
        assert kinds[rows, WIDTH] <= {"INT8", "UINT8"}
    for shape in [(WIDTH, WIDTH), (WIDTH, INNER), (INNER, WIDTH)]:
        assert kinds[shape] == {"INT8"}
    tensors = onnx.load(path).graph.initializer
    per_channel = [t for t in tensors if t.name.endswith("scale") and t.dims == [INNER]]
    assert len(per_channel) == LAYERS
    assert list(path.parent.iterdir()) == [path]
    assert bytes_stored(path) < 0.4 * bytes_stored(source)


def activation_parameters(path):
    """Scale and zero point of every QuantizeLinear."""
    graph = onnx.load(path).graph
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    nodes = [node for node in graph.node if node.op_type == "QuantizeLinear"]
    return [tuple(float(tensors[name]) for name in node.input[1:3]) for node in nodes]


def optimized(path, folder):
    """Path of the optimized graph that onnxruntime really runs."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(folder / "optimized.onnx")
    options.log_severity_level = 3  # no warning that this file is for this machine alone
    onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return folder / "optimized.onnx"


def input_quantizers(model):
    return [
        module for module in model.modules() if isinstance(module, fake_quantization.InputQuantizer)
    ]


@pytest.fixture(scope="module")
def model():
    return tiny("bert")


@pytest.fixture(scope="module")
def source(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("float") / "model.onnx"
    export.export_onnx(model, path)
    return path


@pytest.fixture(scope="module")
def calibration():
    return [inputs(4, 12, seed) for seed in range(1, 5)]


@pytest.fixture(scope="module")
def aware(calibration):
    """A calibrated QAT model whose ranges have moved, as they do in training."""
    model = tiny("bert")
    fake_quantization.prepare(model, BITS)
    fake_quantization.calibrate(model, calibration)
    with torch.no_grad():
        for quantizer in input_quantizers(model):
            quantizer.stretch.uniform_(-0.02, 0.02)
    return model


@pytest.fixture(scope="module")
def aware_graph(aware, tmp_path_factory):
    path = tmp_path_factory.mktemp("qat") / "model.onnx"
    qat.export_int8(aware, path)
    return path


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_export_answers_as_the_model_at_any_size(architecture, tmp_path, capfd):
    model = tiny(architecture).train()
    path = tmp_path / "made" / "model.onnx"
    export.export_onnx(model, path)
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""
    assert model.training
    assert [file.name for file in path.parent.iterdir()] == ["model.onnx"]
    graph = onnx.load(path).graph
    assert [value.name for value in graph.input] == ["input_ids", "attention_mask"]
    assert [value.name for value in graph.output] == ["logits"]
    assert not any(node.metadata_props for node in graph.node)
    model.eval()
    for batch, length in [(1, 1), (1, 38), (2, 9), (5, 17)]:
        tensors = inputs(batch, length)
        expected = model_logits(model, tensors)
        assert expected.std() > 0.1  # otherwise agreement would mean little
        np.testing.assert_allclose(graph_logits(path, tensors), expected, atol=1e-4)


def test_the_last_layer_is_computed_for_the_first_token_alone(source):
    model = onnx.load(source)
    inner = [node.output[0] for node in model.graph.node if node.op_type == "Gelu"]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in inner)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    found = session.run(inner, arrays(inputs(3, 11)))
    assert [rows.shape for rows in found] == [(3, 11, INNER)] * (LAYERS - 1) + [(3, 1, INNER)]


def test_layer_norms_are_written_for_the_faster_kernel(source):
    counts = operators(source)
    assert counts["LayerNormalization"] == 0
    assert counts["InstanceNormalization"] == 1 + 2 * LAYERS


def test_a_graph_that_selects_no_token_stays_as_it_is():
    x = ir.val("x", ir.DataType.FLOAT, ["batch", "tokens", 4])
    doubled = ir.node("Add", [x, x])
    mean = ir.node("GlobalAveragePool", [doubled.outputs[0]])
    graph = ir.Graph([x], mean.outputs, nodes=[doubled, mean], opset_imports={"": 20})
    graph_rewrites.keep_first_token(ir.Model(graph, ir_version=10))
    graph_rewrites.vectorize_layer_norm(ir.Model(graph, ir_version=10))
    assert [node.op_type for node in graph] == ["Add", "GlobalAveragePool"]


def test_a_graph_that_differs_is_refused(model, source):
    export.check_graph(source, model, tolerance=1e-4)
    for change in (0.01, np.nan):
        graph = onnx.load(source)
        weight = next(t for t in graph.graph.initializer if t.name == "model.classifier.weight")
        weight.CopyFrom(
            numpy_helper.from_array(numpy_helper.to_array(weight) + np.float32(change), weight.name)
        )
        with pytest.raises(PipelineError, match="differ"):
            export.check_graph(graph.SerializeToString(), model, tolerance=1e-4)


def test_a_failed_export_leaves_what_was_there(tmp_path):
    def refuse(graph):
        assert onnx.load(graph).graph.node
        raise PipelineError("no")

    path = tmp_path / "model.onnx"
    path.write_text("an earlier one")
    with pytest.raises(PipelineError, match="no"):
        export.export_graph(tiny("distilbert"), path, refuse)
    assert path.read_text() == "an earlier one"
    assert list(tmp_path.iterdir()) == [path]


def test_dynamic(source, model, calibration, tmp_path):
    path = tmp_path / "model.onnx"
    quantization.quantize_dynamic(source, path, map(arrays, calibration), BITS, SMOOTHING)
    assert_int8(path, source)
    assert operators(path)["MatMulInteger"] == LINEARS
    assert 1e-4 < probability_error(path, model) < 0.05


def test_static(source, model, calibration, tmp_path):
    path = tmp_path / "model.onnx"
    quantization.quantize_static(source, path, map(arrays, calibration), BITS)
    assert_int8(path, source)
    # Gather looks up the int8 tables, and Add sums the rows that were found.
    assert takers(path) == {"MatMul", "Gemm", "Gather", "Add"}
    counts = operators(path)
    # Products of two activations have none. Query, key and value share one, except in the last
    # layer, where the query is of the first token alone.
    assert counts["QuantizeLinear"] == LINEARS - 2 * LAYERS + 1 + TABLES
    assert 1e-4 < probability_error(path, model) < 0.05


@pytest.mark.parametrize("bits", [7, 8])
@pytest.mark.parametrize("quantize", [quantization.quantize_dynamic, quantization.quantize_static])
def test_weights_have_the_bits_that_are_asked_for(quantize, bits, source, calibration, tmp_path):
    quantize(source, tmp_path / "model.onnx", map(arrays, calibration), bits)
    assert pipelines.weight_bits(tmp_path / "model.onnx") == bits


def test_static_ranges_are_the_calibration_batches(source, model, calibration, tmp_path):
    path = tmp_path / "model.onnx"
    seen = []
    dense = model.bert.encoder.layer[0].output.dense
    hook = dense.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].aminmax()))
    for batch in calibration:
        model_logits(model, batch)
    hook.remove()
    low, high = min(pair[0] for pair in seen), max(pair[1] for pair in seen)

    quantization.quantize_static(source, path, map(arrays, calibration), BITS)
    scales = [scale for scale, _ in activation_parameters(path)]
    assert np.isclose(scales, float(high - low) / 255, rtol=1e-4).any()


def test_naive_static_quantizes_what_static_leaves_alone(source, calibration, tmp_path):
    path = tmp_path / "model.onnx"
    batches = map(arrays, calibration)
    quantization.quantize_static(source, path, batches, BITS, every_operator=True)
    assert {"InstanceNormalization", "Softmax", "Gelu", "Add"} <= takers(path)
    assert np.isfinite(graph_logits(path, inputs(2, 9))).all()


def test_naive_static_looks_up_in_its_tables(tmp_path, calibration):
    """MPNet computes the indices of its relative positions with a logarithm."""
    source, path = tmp_path / "source.onnx", tmp_path / "model.onnx"
    export.export_onnx(tiny("mpnet"), source)
    quantization.quantize_static(source, path, map(arrays, calibration), BITS, every_operator=True)
    for length in (1, 2, 9, 30):
        assert np.isfinite(graph_logits(path, inputs(2, length))).all()


@pytest.mark.parametrize("quantize", [quantization.quantize_dynamic, quantization.quantize_static])
def test_int8_needs_batches(quantize, source, tmp_path):
    with pytest.raises(PipelineError, match="calibrate"):
        quantize(source, tmp_path / "model.onnx", iter([]), BITS, SMOOTHING)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    """A model and its graph. As in trained models, a few hidden units are far above the rest."""
    model = tiny("bert")
    with torch.no_grad():
        for layer in model.bert.encoder.layer:
            layer.intermediate.dense.weight[:2] *= 40
            layer.output.dense.weight[:, :2] /= 40
    path = tmp_path_factory.mktemp("uneven") / "model.onnx"
    export.export_onnx(model, path)
    return model, path


def test_smoothing_keeps_the_logits_and_evens_the_columns(uneven, calibration, tmp_path):
    model, source = uneven
    path = tmp_path / "smooth.onnx"
    batches = list(map(arrays, calibration))
    smoothquant.smooth(source, path, batches, SMOOTHING)
    export.check_graph(path, model, tolerance=1e-4)
    graph = onnx.load(path).graph
    even = [node.output[0] for node in graph.node if node.output[0].endswith("_even")]
    assert len(even) == LAYERS  # one per layer: its uneven input
    before = smoothquant._largest_of_columns(
        onnx.load(source), [name.removesuffix("_even") for name in even], batches
    )
    after = smoothquant._largest_of_columns(onnx.load(path), even, batches)
    for old, new in zip(before.values(), after.values(), strict=True):
        assert old.max() / np.median(old) >= SMOOTHING.uneven
        assert new.max() / np.median(new) < SMOOTHING.uneven / 2


@pytest.mark.parametrize("quantize", [quantization.quantize_dynamic, quantization.quantize_static])
def test_smoothing_lets_int8_lose_less(quantize, uneven, calibration, tmp_path):
    model, source = uneven
    batches = list(map(arrays, calibration))
    quantize(source, tmp_path / "smooth.onnx", batches, BITS, SMOOTHING)
    none_is_uneven = replace(SMOOTHING, uneven=np.inf)
    quantize(source, tmp_path / "rough.onnx", batches, BITS, none_is_uneven)
    smooth, rough = (
        probability_error(tmp_path / f"{name}.onnx", model) for name in ("smooth", "rough")
    )
    assert smooth < rough / 2


@pytest.mark.parametrize("block_size", [16, 128])
def test_4bit(source, model, tmp_path, block_size):
    path = tmp_path / "model.onnx"
    quantization.quantize_4bit(source, path, block_size)
    nodes = [n for n in onnx.load(path).graph.node if n.op_type == "MatMulNBits"]
    assert len(nodes) == LINEARS  # the head's Gemms as well
    settings = [{a.name: a.i for a in node.attribute} for node in nodes]
    assert all(setting["bits"] == setting["accuracy_level"] == 4 for setting in settings)
    assert {setting["block_size"] for setting in settings} == {block_size}
    kinds = stored(path)
    assert kinds[VOCABULARY, WIDTH] == kinds[POSITIONS, WIDTH] == {"INT4"}
    assert list(tmp_path.iterdir()) == [path]
    assert 1e-3 < probability_error(path, model) < 0.2


def test_weights_are_rounded_to_the_levels_of_their_row():
    weight = (
        torch.randn(5, 400, generator=torch.manual_seed(0)) * torch.tensor([[9.0, 1, 1, 1, 0]]).T
    )
    weight[1] *= 1e-3
    largest = fake_quantization.largest_step(BITS)
    rounded = fake_quantization.fake_quantize_rows(weight, largest)
    scales = weight.abs().amax(1, keepdim=True) / largest
    steps = rounded / scales.clamp_min(1e-12)
    assert torch.allclose(steps, steps.round(), atol=1e-3)
    assert steps.abs().max() < largest + 0.5
    assert all(len(row.unique()) <= 2 * largest + 1 for row in rounded)
    # Rounded to the nearest step, in small rows and large ones alike.
    assert ((rounded - weight).abs() <= scales / 2 * 1.001).all()
    assert torch.equal(rounded[4], weight[4])


def test_inputs_are_rounded_to_256_levels_of_the_range():
    quantizer = fake_quantization.InputQuantizer()
    quantizer.limits.copy_(torch.tensor([-1.0, 3.0]))
    x = torch.linspace(-2, 5, 5000)
    with torch.no_grad():
        rounded = quantizer(x)
        assert len(rounded.unique()) == 256
        assert rounded.min() == pytest.approx(-1, abs=4 / 255)
        assert rounded.max() == pytest.approx(3, abs=4 / 255)
        inside = (x > -0.99) & (x < 2.99)
        assert (rounded - x)[inside].abs().max() <= 4 / 255 / 2 * 1.001
        assert quantizer(torch.zeros(1)) == 0
        quantizer.stretch[1] = np.log(2) / fake_quantization.RANGE_RATE
        assert quantizer(x).max() == pytest.approx(5, abs=0.05)


# Once with clipped values, which have the larger gradients, and once without.
@pytest.mark.parametrize(("low", "high"), [(-1.5, 2.5), (-12.0, 10.0)])
def test_gradients_are_those_of_straight_through_rounding(low, high):
    def composed(x, low, high):
        """The same in plain operations, whose rounding has the gradient of the identity."""

        def through(value):
            return value + (value.round() - value).detach()

        scale = (high - low) / 255
        zero_point = through(-low / scale)
        steps = (through(x / scale) + zero_point).clamp(0, 255)
        return (steps - zero_point) * scale

    generator = torch.manual_seed(0)
    x = torch.randn(4000, generator=generator) * 2
    weights = torch.randn(4000, generator=generator)
    results = []
    for function in (fake_quantization.fake_quantize_inputs, composed):
        leaves = [x.clone(), torch.tensor(low), torch.tensor(high)]
        for leaf in leaves:
            leaf.requires_grad_()
        y = function(*leaves)
        (y * weights).sum().backward()
        results.append((y.detach(), *(leaf.grad for leaf in leaves)))
    (y, dx, dlow, dhigh), (y2, dx2, dlow2, dhigh2) = results
    torch.testing.assert_close(y, y2)
    torch.testing.assert_close(dx, dx2)
    clipped = int((dx == 0).sum())
    assert clipped == 0 if low < -10 else 400 < clipped < 2000
    # Ours treats a clipped value as the end of the range, which the rounded zero point may move by
    # half a step.
    balance = (4000 * 255) ** -0.5
    torch.testing.assert_close(dlow, dlow2 * balance, rtol=5e-3, atol=1e-7)
    torch.testing.assert_close(dhigh, dhigh2 * balance, rtol=5e-3, atol=1e-7)


def test_of_many_rows_a_sample_gives_the_ranges_gradients(monkeypatch):
    generator = torch.manual_seed(0)
    x = torch.randn(20_000, 16, generator=generator).cumsum(1)
    found = []
    for least in (fake_quantization.LEAST_SAMPLED, len(x)):  # a sample, and all
        monkeypatch.setattr(fake_quantization, "LEAST_SAMPLED", least)
        low, high = torch.tensor(-4.0, requires_grad=True), torch.tensor(5.0, requires_grad=True)
        rounded = fake_quantization.fake_quantize_inputs(x, low, high)
        (rounded - x).square().sum().backward()
        found.append((low.grad.item(), high.grad.item()))
    assert found[0] == pytest.approx(found[1], rel=0.1)
    assert found[0] != found[1]


def test_training_finds_a_better_range():
    quantizer = fake_quantization.InputQuantizer()
    quantizer.limits.copy_(torch.tensor([-30.0, 1.0]))  # far too wide below, cut off above
    x = torch.randn(4000, generator=torch.manual_seed(0))

    def error():
        return (quantizer(x) - x).square().mean()

    optimizer = torch.optim.AdamW(quantizer.parameters(), lr=0.01)
    before = error().item()
    for _ in range(60):
        optimizer.zero_grad()
        error().backward()
        optimizer.step()
    assert error().item() < before / 20
    low, high = quantizer.range().tolist()
    assert -30 < low < -2
    assert 2 < high < 6


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_prepared_model_rounds_trains_and_comes_back(architecture, calibration, tmp_path):
    model = tiny(architecture)
    tensors = inputs(3, 11)
    plain = model_logits(model, tensors)
    fake_quantization.prepare(model, BITS)
    assert np.isnan(model_logits(model, tensors)).all()  # there are no ranges yet
    fake_quantization.calibrate(model.train(), calibration)
    assert model.training
    model.eval()
    rounded = model_logits(model, tensors)
    assert 1e-4 < np.abs(rounded - plain).max() < 0.5

    model.train()
    with torch.autocast("cpu", torch.bfloat16):
        loss = model(**tensors, labels=torch.tensor([0, 1, 2])).loss
    loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    assert all(q.stretch.grad.abs().sum() > 0 for q in input_quantizers(model))
    assert len(input_quantizers(model)) == LINEARS
    torch.optim.AdamW(model.parameters(), lr=1e-3).step()
    model.eval()
    trained = model_logits(model, tensors)
    assert np.abs(trained - rounded).max() > 1e-3

    model.save_pretrained(tmp_path)
    fresh = tiny(architecture)
    fake_quantization.prepare(fresh, BITS)
    fresh.load_state_dict(load_file(tmp_path / "model.safetensors"))
    np.testing.assert_array_equal(model_logits(fresh, tensors), trained)


def test_int8_graph_has_what_was_learned(aware, aware_graph, source):
    assert_int8(aware_graph, source)
    learned = {
        tuple(value.item() for value in fake_quantization.scale_and_zero_point(*quantizer.range()))
        for quantizer in input_quantizers(aware)
    }
    assert len(learned) == LINEARS
    assert set(activation_parameters(aware_graph)) == learned
    assert pipelines.weight_bits(aware_graph) == BITS

    dense = aware.bert.encoder.layer[1].intermediate.dense
    tensors = {t.name: numpy_helper.to_array(t) for t in onnx.load(aware_graph).graph.initializer}
    name = "model.bert.encoder.layer.1.intermediate.dense.weight"
    assert tensors[name].dtype == np.int8
    weight = tensors[name] * tensors[f"{name}_scale"]
    expected = fake_quantization.fake_quantize_rows(dense.weight.detach(), dense.largest).T
    np.testing.assert_allclose(weight, expected.numpy(), rtol=1e-6)


def test_int8_graph_answers_as_the_prepared_model(aware, aware_graph):
    for batch, length in [(1, 1), (1, 38), (2, 9), (5, 17)]:
        tensors = inputs(batch, length, seed=3)
        expected = model_logits(aware, tensors)
        assert expected.std() > 0.1
        np.testing.assert_allclose(graph_logits(aware_graph, tensors), expected, atol=0.02)


def test_int8_graph_multiplies_integers(aware_graph, tmp_path):
    counts = operators(optimized(aware_graph, tmp_path))
    assert counts["MatMulIntegerToFloat"] == LINEARS
    # The rest are products of two activations, two per layer.
    assert counts["MatMul"] + counts["FusedMatMul"] == 2 * LAYERS
    assert counts["Gemm"] + counts["DequantizeLinear"] == 0


@pytest.mark.parametrize(("architecture", "bits"), [("distilbert", 7), ("mpnet", 8)])
def test_int8_export_has_the_bits_that_are_asked_for_and_leaves_the_model_as_it_was(
    architecture, bits, calibration, tmp_path
):
    model = tiny(architecture)
    assert fake_quantization.prepared_bits(model.config) is None
    fake_quantization.prepare(model, bits)
    assert fake_quantization.prepared_bits(model.config) == bits
    fake_quantization.calibrate(model, calibration)
    model.train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    qat.export_int8(model, tmp_path / "model.onnx")
    assert pipelines.weight_bits(tmp_path / "model.onnx") == bits
    assert model.training
    assert before.keys() == model.state_dict().keys()
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("name", ["query.weight_scale", "value.bias", "word_embeddings.weight"])
def test_an_int8_graph_that_differs_is_refused(aware, aware_graph, tmp_path, name):
    qat.check_int8(aware_graph, aware)
    graph = onnx.load(aware_graph)
    tensor = next(t for t in graph.graph.initializer if t.name.endswith(name))
    values = numpy_helper.to_array(tensor).copy()
    values[0] = values[0] * 0.9 + 0.01 if values.dtype == np.float32 else values[0] // 2
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    onnx.save(graph, tmp_path / "model.onnx")
    with pytest.raises(PipelineError, match="differ"):
        qat.check_int8(tmp_path / "model.onnx", aware)


def test_int8_export_needs_ranges(calibration, tmp_path):
    model = tiny("bert")
    for step in (lambda: None, lambda: fake_quantization.prepare(model, BITS)):
        step()
        with pytest.raises(PipelineError, match="calibrate"):
            qat.export_int8(model, tmp_path / "model.onnx")
    with pytest.raises(PipelineError, match="batch"):
        fake_quantization.calibrate(model, iter([]))
    assert np.isnan(model_logits(model, inputs(1, 5))).all()
