"""ONNX export of a classifier in float32; the graph is compared with the network.

Every graph has the inputs `input_ids` and `attention_mask` (int64, [batch, sequence], both sizes
free) and the output `logits` (float32, [batch, labels]), and is one file.
"""

import contextlib
import copy
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from onnx_ir.passes.common import ClearMetadataAndDocStringPass
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel

from pipeline.compression.graph_rewrites import keep_first_token, vectorize_layer_norm
from pipeline.errors import PipelineError


class _Logits(nn.Module):
    """The model as a function of two tensors: (input_ids, attention_mask) to logits."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits [batch, labels] of token ids and mask, both int64 [batch, sequence]."""
        return self.model(input_ids=input_ids, attention_mask=attention_mask).logits


def export_onnx(model: PreTrainedModel, path: Path) -> None:
    """Write the float32 graph of `model` to `path`, after comparing it with `model` in eval().

    The model itself keeps its device and its mode. Raises PipelineError when the graph's logits
    differ from the model's by more than 1e-4.
    """
    reference = copy.deepcopy(model).cpu().float().eval()
    export_graph(reference, path, lambda graph: check_graph(graph, reference, tolerance=1e-4))


def export_graph(model: PreTrainedModel, path: Path, check: Callable[[Path], None]) -> None:
    """Write the graph of `model`, which is in eval() on the CPU, to `path`.

    First, `check` is called with the path of a draft of the graph. If it raises, `path` is not
    changed.
    """
    # Eager attention gives a simpler graph than sdpa's decomposition, with the same result.
    model.set_attn_implementation("eager")
    # The exporter would treat sizes of 1 as constants.
    ids = torch.full((2, 8), 5)
    free = {0: "batch", 1: "sequence"}
    with silence(), written_beside(path) as partial:
        program = torch.onnx.export(
            _Logits(model).eval(),
            (ids, torch.ones_like(ids)),
            dynamo=True,
            verbose=False,
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            dynamic_shapes=(free, free),
        )
        assert program is not None, "with dynamo, torch gives a program"
        # The exporter writes a stack trace, with this machine's paths, on every node.
        ClearMetadataAndDocStringPass()(program.model)
        keep_first_token(program.model)
        vectorize_layer_norm(program.model)
        program.save(partial, external_data=False)
        check(partial)


def greatest_difference(expected: np.ndarray, actual: np.ndarray) -> float:
    """The greatest absolute difference between two arrays of logits."""
    return float(np.abs(actual - expected).max())


@torch.no_grad()
def check_graph(
    graph: Path | bytes,
    model: PreTrainedModel,
    tolerance: float,
    difference: Callable[[np.ndarray, np.ndarray], float] = greatest_difference,
    integers: bool = True,
) -> None:
    """Raise PipelineError unless `graph` returns the logits of `model`, in eval() on the CPU.

    Both get random token ids of several batch sizes and lengths, with and without padding. The
    `difference` of the expected and the actual logits, [rows, labels], may be up to `tolerance`.
    If `integers` is False, onnxruntime computes the quantized operators in floats.
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
    largest = difference(np.concatenate(expected), np.concatenate(actual))
    if not largest <= tolerance:  # also true for NaN
        raise PipelineError(
            f"The exported graph's logits differ from the model's by {largest:.2g}; "
            f"{tolerance:g} is allowed."
        )


def _probes(config: PreTrainedConfig) -> Iterator[tuple[Tensor, Tensor]]:
    """Random ids and masks, int64 [batch, sequence], of several shapes."""
    generator = torch.Generator().manual_seed(0)
    pad = config.pad_token_id or 0
    # Two fewer than there are position embeddings: MPNet's positions start after the padding id.
    longest = min(config.max_position_embeddings - 2, 128)
    for batch, length in [(1, 1), (1, 9), (2, 16), (3, 33), (4, 128)]:
        length = min(length, longest)
        ids = torch.randint(config.vocab_size, (batch, length), generator=generator)
        ids[ids == pad] = (pad + 1) % config.vocab_size  # MPNet finds positions by the padding id
        # The first row is full; each next one has more padding.
        lengths = torch.tensor([length - row * length // 5 for row in range(batch)])
        mask = torch.arange(length) < lengths[:, None]
        yield torch.where(mask, ids, pad), mask.long()


@contextlib.contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """A path in the same folder that becomes `path` on success and is removed on failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".partial-") as folder:
        partial = Path(folder, path.name)
        yield partial
        os.replace(partial, path)


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Suppress the warnings and logs of the exporter and the quantizers."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
