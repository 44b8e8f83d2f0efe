"""Logits in float32 from a model that computes the rest in bf16."""

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from pipeline.models.inspection import class_count


class _InFloat32(nn.Linear):
    """A layer that computes in float32, whatever the precision of the layers before it."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())


def compute_head_in_float32(model: PreTrainedModel) -> None:
    """Make a classifier, in place, compute its logits in float32 while the rest runs in bf16.

    A bf16 logit has only 8 significant bits. Names and values of the weights do not change.
    """
    classes = class_count(model.config)
    for module in model.modules():
        is_head = isinstance(module, nn.Linear) and module.out_features == classes
        if is_head and not isinstance(module, _InFloat32):
            kind = type(module)
            module.__class__ = type(f"{kind.__name__}InFloat32", (_InFloat32, kind), {})
