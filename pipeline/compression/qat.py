"""The int8 graph of a network that was trained with fake quantization, with its learned ranges."""

import copy
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.onnx.ops import symbolic
from transformers import PreTrainedModel

from pipeline.compression.export import check_graph, export_graph
from pipeline.errors import PipelineError
from pipeline.models.fake_quantization import (
    FakeQuantizedEmbedding,
    FakeQuantizedLinear,
    InputQuantizer,
    fake_quantize_rows,
    row_scales,
    scale_and_zero_point,
)

# The graph sums in integers and PyTorch in float32. If the last bit decides how an input is
# rounded, the two can differ by one of its 256 levels. The difference grows from layer to layer. It
# is measured relative to the spread of the logits, so it is small once training has spread them.
ROUNDING_TOLERANCE = 0.5
# Without the rounding of inputs, the two have to agree as closely as float32 graphs do.
TOLERANCE = 1e-4


def export_int8(model: PreTrainedModel, path: Path) -> None:
    """Write a prepared and calibrated `model` to `path` as an int8 graph with its learned ranges.

    The graph stores int8 weights and multiplies integers. `model` itself is not changed. Raises
    PipelineError when the model has not been calibrated, or the graph differs (see `check_int8`).
    """
    reference = copy.deepcopy(model).cpu().float().eval()
    quantizers = [module for module in reference.modules() if isinstance(module, InputQuantizer)]
    if not quantizers or any(bool(module.limits.isnan().any()) for module in quantizers):
        raise PipelineError("Prepare and calibrate the model before it is exported to int8.")
    deployed = copy.deepcopy(reference)
    for name, module in list(deployed.named_modules()):
        if isinstance(module, FakeQuantizedLinear):
            deployed.set_submodule(name, _Int8Linear(module))
        elif isinstance(module, FakeQuantizedEmbedding):
            deployed.set_submodule(name, _Int8Embedding(module))
    export_graph(deployed, path, lambda graph: check_int8(graph, reference))


def check_int8(graph: Path, model: PreTrainedModel) -> None:
    """Raise PipelineError unless `graph` computes the same as the prepared `model` in eval().

    They are compared twice. With the rounding of inputs, `relative_noise` may be up to
    ROUNDING_TOLERANCE. Without it, logits may differ by up to TOLERANCE.
    """
    check_graph(graph, model, ROUNDING_TOLERANCE, relative_noise)
    unrounded = copy.deepcopy(model)
    for module in unrounded.modules():
        if isinstance(module, FakeQuantizedLinear):
            module.set_submodule("input", nn.Identity())
    plain = _without_rounding(graph).SerializeToString()
    check_graph(plain, unrounded, TOLERANCE, integers=False)


def relative_noise(expected: np.ndarray, actual: np.ndarray) -> float:
    """Root mean square of the differences, divided by the expected logits' standard deviation."""
    return float(np.sqrt(np.mean((actual - expected) ** 2)) / expected.std())


class _Int8Linear(nn.Module):
    """The exported form of a FakeQuantizedLinear; it can't run in PyTorch.

    onnxruntime fuses both DequantizeLinear and the MatMul into one product of integers.
    """

    weight: Tensor
    weight_scale: Tensor
    weight_zero_point: Tensor
    input_scale: Tensor
    input_zero_point: Tensor

    def __init__(self, linear: FakeQuantizedLinear) -> None:
        super().__init__()
        weight, scale = _int8_rows(linear.weight, linear.largest)
        # [in, out], as MatMul reads it: with a Transpose in between, the product is in floats.
        self.register_buffer("weight", weight.T.contiguous())
        self.register_buffer("weight_scale", scale)
        self.register_buffer("weight_zero_point", torch.zeros(len(scale), dtype=torch.int8))
        input_scale, input_zero_point = scale_and_zero_point(*linear.input.range().detach())
        self.register_buffer("input_scale", input_scale)
        self.register_buffer("input_zero_point", input_zero_point.to(torch.uint8))
        self.bias = linear.bias

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 2:
            # onnxruntime would fuse a MatMul of two matrices and its Add into a Gemm of floats.
            return self(x.unsqueeze(0)).squeeze(0)
        parameters = (self.input_scale, self.input_zero_point)
        steps = symbolic("QuantizeLinear", (x, *parameters), dtype=torch.uint8, shape=x.shape)
        x = symbolic("DequantizeLinear", (steps, *parameters), dtype=x.dtype, shape=x.shape)
        weight = symbolic(
            "DequantizeLinear",
            (self.weight, self.weight_scale, self.weight_zero_point),
            {"axis": 1},
            dtype=x.dtype,
            shape=self.weight.shape,
        )
        product = x @ weight
        return product if self.bias is None else product + self.bias


class _Int8Embedding(nn.Module):
    """The exported form of a FakeQuantizedEmbedding: int8 rows, looked up and then scaled."""

    weight: Tensor
    scale: Tensor

    def __init__(self, table: FakeQuantizedEmbedding) -> None:
        super().__init__()
        weight, scale = _int8_rows(table.weight, table.largest)
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale[:, None])

    def forward(self, ids: Tensor) -> Tensor:
        return F.embedding(ids, self.weight).float() * F.embedding(ids, self.scale)


def _int8_rows(weight: Tensor, largest: int) -> tuple[Tensor, Tensor]:
    """The int8 steps [rows, columns] of `fake_quantize_rows`, and their scales [rows]."""
    scale = row_scales(weight, largest)
    # Dividing the rounded weights gives the same steps as the forward pass, also for ties.
    rounded = fake_quantize_rows(weight.detach(), largest)
    return (rounded / scale[:, None]).round().to(torch.int8), scale


def _without_rounding(graph: Path) -> onnx.ModelProto:
    """The graph with every pair of QuantizeLinear and DequantizeLinear bypassed."""
    model = onnx.load(graph)
    nodes = model.graph.node
    rounded = {node.output[0]: node.input[0] for node in nodes if node.op_type == "QuantizeLinear"}
    pairs = [node for node in nodes if node.op_type == "DequantizeLinear"]
    bypass = {node.output[0]: rounded[node.input[0]] for node in pairs if node.input[0] in rounded}
    for node in nodes:
        node.input[:] = [bypass.get(name, name) for name in node.input]
    return model
