"""ONNX graphs: exporting a classifier in float32, and quantizing the graph after training.

Every graph has the inputs `input_ids` and `attention_mask` (int64, [batch, sequence], both sizes
free) and the output `logits` (float32, [batch, labels]), and is one file. A source may have its
weights in files beside it. Activations are uint8 and weights int8. They have all eight bits for
CPUs with VNNI, as onnxruntime recommends, and seven bits (`reduce_range`) for other x86 CPUs, where
sums of such products would saturate.
"""

import contextlib
import copy
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx_ir.passes.common import ClearMetadataAndDocStringPass
from onnxruntime import quantization as ort
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from onnxruntime.quantization.onnx_model import ONNXModel
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel

from pipeline.compression.graph_rewrites import keep_first_token, vectorize_layer_norm
from pipeline.compression.smoothquant import Smoothing, smooth
from pipeline.errors import PipelineError

# The operators that hold weights, and so the size and the time of a transformer.
WEIGHT_OPERATORS = ["MatMul", "Gemm", "Gather"]


class _Logits(nn.Module):
    """The model as a function of two tensors: (input_ids, attention_mask) to logits."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits [batch, labels] of token ids and mask, both int64 [batch, sequence]."""
        return self.model(input_ids=input_ids, attention_mask=attention_mask).logits


def export_onnx(model: PreTrainedModel, path: Path) -> None:
    """Write `model` as a float32 graph to `path`, having compared it with `model` in eval().

    The model itself is left as it is, on its device and in its mode. Raises PipelineError when the
    graph's logits differ from the model's by more than 1e-4.
    """
    reference = copy.deepcopy(model).cpu().float().eval()
    export_graph(reference, path, lambda graph: check_graph(graph, reference, tolerance=1e-4))


def export_graph(model: PreTrainedModel, path: Path, check: Callable[[Path], None]) -> None:
    """Write `model`, which is in eval() on the CPU, to `path`.

    `check` is given the graph at another path first. What it raises leaves `path` as it was.
    """
    # Attention written out gives a plainer graph than sdpa's decomposition, with the same result.
    model.set_attn_implementation("eager")
    # Sizes of 1 would be taken for constants.
    ids = torch.full((2, 8), 5)
    free = {0: "batch", 1: "sequence"}
    with _silence(), _beside(path) as partial:
        program = torch.onnx.export(
            _Logits(model).eval(),
            (ids, torch.ones_like(ids)),
            dynamo=True,
            verbose=False,
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            dynamic_shapes=(free, free),
        )
        # The exporter notes a stack trace, with this machine's paths, on every node.
        ClearMetadataAndDocStringPass()(program.model)
        keep_first_token(program.model)
        vectorize_layer_norm(program.model)
        program.save(partial, external_data=False)
        check(partial)


def greatest_difference(expected: np.ndarray, actual: np.ndarray) -> float:
    """The greatest absolute difference of two arrays of logits."""
    return float(np.abs(actual - expected).max())


@torch.no_grad()
def check_graph(
    graph: Path | bytes,
    model: PreTrainedModel,
    tolerance: float,
    difference: Callable[[np.ndarray, np.ndarray], float] = greatest_difference,
    integers: bool = True,
) -> None:
    """Raise PipelineError unless `graph` gives the logits of `model`, in eval() on the CPU.

    Compares random token ids at several batch sizes and lengths, with and without padding: the
    `difference` of the expected and the actual logits, [rows, labels], may be up to `tolerance`.
    Without `integers`, onnxruntime is to compute in floats what it else would in integers.
    """
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.disable_quant_qdq", "0" if integers else "1")
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    expected, actual = [], []
    for ids, mask in _probes(model.config):
        expected.append(model(input_ids=ids, attention_mask=mask).logits.numpy())
        feeds = {"input_ids": ids.numpy(), "attention_mask": mask.numpy()}
        actual.append(session.run(["logits"], feeds)[0])
    found = difference(np.concatenate(expected), np.concatenate(actual))
    if not found <= tolerance:  # nan is a difference as well
        raise PipelineError(
            f"The exported graph's logits differ from the model's by {found:.2g}; "
            f"{tolerance:g} is allowed."
        )


def quantize_dynamic(
    source: Path,
    target: Path,
    batches: Iterable[dict[str, np.ndarray]],
    bits: int,
    smoothing: Smoothing | None = None,
) -> None:
    """Write the float32 graph `source` with int8 weights to `target`, activations measured live.

    Matrices have a scale for each output channel; embedding tables (uint8) have one. Activations
    stay float32 between the products, and are quantized to uint8 by each batch's own range. Weights
    take up `bits`, 7 or 8. With `smoothing`, inputs are made even beforehand (`smooth`) on
    `batches`: inputs by name, int64 [batch, sequence].

    Raises PipelineError when there are no batches to make inputs even on.
    """
    with _silence(), _prepared(source) as prepared, _beside(target) as partial:
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

    `batches` are calibration inputs by name (int64, [batch, sequence]); a range spans the least and
    the greatest value that a tensor takes on them. Percentile ranges cut off the few large
    activations that BERT lives by (microsoft/onnxruntime#10571).

    By default only the weights' operators are quantized, and only their inputs: LayerNorm, softmax
    and the residual sums stay float32. `every_operator` quantizes all that onnxruntime can, its
    outputs included: the naive setting that ruins BERT (huggingface/optimum#151). Weights take up
    `bits`, 7 or 8. With `smoothing`, inputs are made even beforehand (`smooth`).

    Raises PipelineError when there are no batches.
    """
    with _silence(), _prepared(source) as prepared, _beside(target) as partial:
        batches = _some(batches)
        if smoothing is not None:
            smooth(prepared, prepared, batches, smoothing)
        # MinMax calibration keeps two numbers a tensor and batch, not the activations.
        ort.quantize_static(
            prepared,
            partial,
            _Reader(batches),
            per_channel=True,
            activation_type=ort.QuantType.QUInt8,
            weight_type=ort.QuantType.QInt8,
            reduce_range=bits < 8,
            calibrate_method=ort.CalibrationMethod.MinMax,
            **(_all_numbers(prepared) if every_operator else _weights_only(prepared)),
        )


def quantize_4bit(source: Path, target: Path, block_size: int = 128) -> None:
    """Write the float32 graph `source` to `target` with weights in symmetric 4-bit blocks.

    Each block of `block_size` weights (a power of two, at least 16) shares one float32 scale.
    Products take int8 activations, quantized live (accuracy level 4).
    """
    with _silence(), _prepared(source) as prepared, _beside(target) as partial:
        model = ONNXModel(onnx.load(prepared))
        # There is no 4-bit Gemm: make those of two-dimensional layers MatMul and Add.
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


def _weights_only(path: Path) -> dict:
    """onnxruntime's settings to quantize weights and what they are multiplied with, no more."""
    graph = onnx.load(path).graph
    constants = {tensor.name for tensor in graph.initializer}
    return {
        "op_types_to_quantize": WEIGHT_OPERATORS,
        # Attention multiplies activations. (`MatMulConstBOnly` says so too, but not to QDQ graphs.)
        "nodes_to_exclude": [
            node.name
            for node in graph.node
            if node.op_type == "MatMul" and node.input[1] not in constants
        ],
        "extra_options": {"OpTypesToExcludeOutputQuantization": ["MatMul", "Gemm"]},
    }


def _all_numbers(path: Path) -> dict:
    """onnxruntime's settings to quantize all but what computes the places that are looked up.

    MPNet's of relative positions have a logarithm in them: rounded, they are out of their table.
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
    batches = list(batches)
    if not batches:
        raise PipelineError("Quantization to int8 needs at least one batch to calibrate on.")
    return batches


def _probes(config: PreTrainedConfig) -> Iterator[tuple[Tensor, Tensor]]:
    """Random ids and masks, int64 [batch, sequence], of several shapes."""
    generator = torch.Generator().manual_seed(0)
    pad = config.pad_token_id or 0
    # Two positions fewer than there are embeddings: MPNet's positions begin after its padding's.
    longest = min(config.max_position_embeddings - 2, 128)
    for batch, length in [(1, 1), (1, 9), (2, 16), (3, 33), (4, 128)]:
        length = min(length, longest)
        ids = torch.randint(config.vocab_size, (batch, length), generator=generator)
        ids[ids == pad] = (pad + 1) % config.vocab_size  # positions may depend on what is padding
        # The first row is full, and each further one is padded more.
        lengths = torch.tensor([length - row * length // 5 for row in range(batch)])
        mask = torch.arange(length) < lengths[:, None]
        yield torch.where(mask, ids, pad), mask.long()


class _Reader(ort.CalibrationDataReader):
    """onnxruntime's way of asking for batches, one at a time."""

    def __init__(self, batches: list[dict[str, np.ndarray]]) -> None:
        self.batches = iter(batches)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.batches, None)


@contextlib.contextmanager
def _prepared(source: Path) -> Iterator[Path]:
    """A temporary copy of the graph with constants folded and shapes inferred, to quantize."""
    with tempfile.TemporaryDirectory() as folder:
        # In one file: what it says of files beside it would not hold in another folder.
        whole, path = Path(folder, "whole.onnx"), Path(folder, "model.onnx")
        onnx.save(onnx.load(source), whole)
        quant_pre_process(whole, path, skip_symbolic_shape=True)
        yield path


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A path in the same folder that becomes `path` on success and is removed on failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".partial-") as folder:
        partial = Path(folder, path.name)
        yield partial
        os.replace(partial, path)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep the exporter's and the quantizers' notes to developers out of people's terminals."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
