"""ONNX export of the n-gram classifier, with its table packed: two 4-bit numbers per byte."""

import copy
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.compression.export import check_graph, export_graph
from pipeline.models.ngrams import NGramClassifier, RoundedTable

_OFFSET = 8
"""Added to each step, so that packed steps are not negative."""


class _PackedTable(nn.Module):
    """The exported form of a RoundedTable: two numbers per byte, unpacked after the look-up."""

    packed: Tensor
    step: Tensor

    def __init__(self, table: RoundedTable) -> None:
        super().__init__()
        steps = (table.steps(table.weight.detach()) + _OFFSET).to(torch.uint8)
        low, high = steps.chunk(2, dim=1)
        self.register_buffer("packed", low + 16 * high)
        self.register_buffer("step", table.log_step.detach().exp())

    def forward(self, ids: Tensor) -> Tensor:
        both = functional.embedding(ids, self.packed).float()
        high = (both / 16).floor()
        return (torch.cat([both - 16 * high, high], dim=-1) - _OFFSET) * self.step


def export(model: NGramClassifier, path: Path) -> None:
    """Write ``model`` to ``path`` with its table packed, after comparing the graph with it.

    Raises:
        PipelineError: the graph's logits differ by more than 1e-4.
    """
    reference = copy.deepcopy(model).cpu().float().eval()
    packed = copy.deepcopy(reference)
    packed.set_submodule("table", _PackedTable(reference.table))
    export_graph(packed, path, lambda graph: check_graph(graph, reference, tolerance=1e-4))
