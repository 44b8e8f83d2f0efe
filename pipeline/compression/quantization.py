"""Quantizing an ONNX graph after training: dynamic and static int8, and 4 bits.

Graphs come from `export`; their weights may be in files beside them. Activations are uint8 and
weights int8. Weights have all eight bits for CPUs with VNNI, as onnxruntime recommends, and seven
bits (`reduce_range`) for other x86 CPUs, where sums of products of eight bits would saturate.
"""

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime import quantization as ort
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from onnxruntime.quantization.onnx_model import ONNXModel
from onnxruntime.quantization.shape_inference import quant_pre_process

from pipeline.compression.export import silence, written_beside
from pipeline.compression.smoothquant import Smoothing, smooth
from pipeline.errors import PipelineError
from pipeline.inference import whole_graphs

# The operators with weights: they make up most of a transformer's size and time.
WEIGHT_OPERATORS = ["MatMul", "Gemm", "Gather"]


def quantize_dynamic(
    source: Path,
    target: Path,
    batches: Iterable[dict[str, np.ndarray]],
    bits: int,
    smoothing: Smoothing | None = None,
) -> None:
    """Write the float32 graph `source` with int8 weights, dynamically quantized, to `target`.

    Matrices have one scale for each output channel; an embedding table (uint8) has one scale.
    Activations stay float32 between the products, and are quantized to uint8 by the range of the
    batch. Weights have `bits` bits, 7 or 8. With `smoothing`, `smooth` first evens out the inputs
    of products. It measures them on `batches`, which are inputs by name, int64 [batch, sequence].

    Raises PipelineError when `smoothing` is passed without batches.
    """
    with silence(), _prepared(source) as prepared, written_beside(target) as partial:
        if smoothing is not None:
            smooth(prepared, prepared, _some(batches), smoothing)
        ort.quantize_dynamic(
            prepared,
            partial,
            op_types_to_quantize=WEIGHT_OPERATORS,
            per_channel=True,
            weight_type=ort.QuantType.QInt8,
            reduce_range=bits < 8,
        )


def quantize_static(
    source: Path,
    target: Path,
    batches: Iterable[dict[str, np.ndarray]],
    bits: int,
    smoothing: Smoothing | None = None,
    every_operator: bool = False,
) -> None:
    """Write the float32 graph `source` to `target` in int8 with ranges fixed from `batches`.

    `batches` are calibration inputs by name (int64, [batch, sequence]). A range goes from the least
    to the greatest value of a tensor on them. Percentile ranges would cut off the few large
    activations that BERT depends on (microsoft/onnxruntime#10571).

    By default only the weights' operators are quantized, and only their inputs: LayerNorm, softmax
    and the residual sums stay float32. `every_operator` quantizes all operators that onnxruntime
    can, including their outputs. This naive setting ruins BERT (huggingface/optimum#151). Weights
    have `bits` bits, 7 or 8. With `smoothing`, `smooth` first evens out the inputs of products.

    Raises PipelineError when there are no batches.
    """
    with silence(), _prepared(source) as prepared, written_beside(target) as partial:
        batches = _some(batches)
        if smoothing is not None:
            smooth(prepared, prepared, batches, smoothing)
        # MinMax calibration keeps two numbers per tensor and batch, not the activations.
        ort.quantize_static(
            prepared,
            partial,
            _Reader(batches),
            per_channel=True,
            activation_type=ort.QuantType.QUInt8,
            weight_type=ort.QuantType.QInt8,
            reduce_range=bits < 8,
            calibrate_method=ort.CalibrationMethod.MinMax,
            **(_every_operator(prepared) if every_operator else _weights_only(prepared)),
        )


def quantize_4bit(source: Path, target: Path, block_size: int = 128) -> None:
    """Write the float32 graph `source` to `target` with weights in symmetric 4-bit blocks.

    Each block of `block_size` weights (a power of two, at least 16) shares one float32 scale.
    Products use int8 activations, which are quantized at run time (accuracy level 4).
    """
    with silence(), _prepared(source) as prepared, written_beside(target) as partial:
        model = ONNXModel(onnx.load(prepared))
        # There is no 4-bit Gemm: each Gemm of a two-dimensional layer becomes MatMul and Add.
        model.replace_gemm_with_matmul()
        quantizer = MatMulNBitsQuantizer(
            model.model,
            block_size=block_size,
            is_symmetric=True,
            accuracy_level=4,
            op_types_to_quantize=("MatMul", "Gather"),
        )
        quantizer.process()
        onnx.save(quantizer.model.model, partial)


def _weights_only(path: Path) -> dict[str, Any]:
    """onnxruntime's settings to quantize only weights and the inputs that they multiply."""
    graph = onnx.load(path).graph
    constants = {tensor.name for tensor in graph.initializer}
    return {
        "op_types_to_quantize": WEIGHT_OPERATORS,
        # Attention multiplies two activations. (`MatMulConstBOnly` has no effect on QDQ graphs.)
        "nodes_to_exclude": [
            node.name
            for node in graph.node
            if node.op_type == "MatMul" and node.input[1] not in constants
        ],
        "extra_options": {"OpTypesToExcludeOutputQuantization": ["MatMul", "Gemm"]},
    }


def _every_operator(path: Path) -> dict[str, Any]:
    """onnxruntime's settings to quantize every operator, except those that compute look-up indices.

    MPNet computes its relative positions with a logarithm. After rounding, they would be outside
    their table.
    """
    graph = onnx.load(path).graph
    made_by = {output: node for node in graph.node for output in node.output}
    names, waiting = [], [node.input[1] for node in graph.node if node.op_type == "Gather"]
    while waiting:
        node = made_by.pop(waiting.pop(), None)
        if node:
            names.append(node.name)
            waiting += node.input
    return {"nodes_to_exclude": names}


def _some(batches: Iterable[dict[str, np.ndarray]]) -> list[dict[str, np.ndarray]]:
    """The batches as a list; raises PipelineError if there are none."""
    batches = list(batches)
    if not batches:
        raise PipelineError("Quantization to int8 needs at least one batch to calibrate on.")
    return batches


class _Reader(ort.CalibrationDataReader):
    """Passes one batch after another to onnxruntime's calibration."""

    def __init__(self, batches: list[dict[str, np.ndarray]]) -> None:
        self.batches = iter(batches)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.batches, None)


@contextlib.contextmanager
def _prepared(source: Path) -> Iterator[Path]:
    """A temporary copy of the graph with constants folded and shapes inferred, to quantize."""
    with tempfile.TemporaryDirectory() as folder:
        # Save as one file: external weight files would be missing in the temporary folder.
        whole, path = Path(folder, "whole.onnx"), Path(folder, "model.onnx")
        onnx.save(whole_graphs.read(source), whole)
        quant_pre_process(whole, path, skip_symbolic_shape=True)
        yield path
