"""The mean of the weights over the last part of a training, kept instead of the last weights.

This is stochastic weight averaging (Izmailov et al., 2018, arXiv:1803.05407). The mean is a part of
the model during training, so a checkpoint contains it and a resumed training continues it. torch's
own ``AveragedModel`` can't be a part of the model that it averages.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    PreTrainedModel,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

_MEAN = "mean_of_weights"


class _Mean(nn.Module):
    """A copy of a model with the mean of its weights, and the number of steps in the mean."""

    model: PreTrainedModel
    steps: Tensor

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).requires_grad_(False)
        self.register_buffer("steps", torch.tensor(0))

    @torch.no_grad()
    def add(self, weights: dict[str, nn.Parameter]) -> None:
        """Add the weights after one more step to the mean."""
        self.steps += 1
        for name, mean in self.model.named_parameters():
            mean.lerp_(weights[name], 1 / int(self.steps))


class AverageWeights(TrainerCallback):
    """Adds the weights to the mean after every step of the last part of a training."""

    def __init__(self, since: float) -> None:
        """Start averaging after this share of the steps, 0..1."""
        self.since = since

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Add the weights to the mean."""
        model: nn.Module = kwargs["model"]
        if state.global_step > self.since * state.max_steps:
            mean = _mean_of(model)
            assert mean is not None, "add_mean came first"
            mean.add(dict(model.named_parameters()))


def add_mean(model: PreTrainedModel) -> None:
    """Add to ``model``, in place, the mean that training will compute."""
    setattr(model, _MEAN, _Mean(model))


def mean_or_last(model: nn.Module) -> nn.Module:
    """The model with the mean weights, if there are any yet; else ``model`` itself."""
    mean = _mean_of(model)
    return mean.model if mean is not None and mean.steps else model


def _mean_of(model: nn.Module) -> _Mean | None:
    mean = getattr(model, _MEAN, None)
    assert mean is None or isinstance(mean, _Mean)
    return mean


def take_mean(model: PreTrainedModel) -> None:
    """Replace the weights by their mean, in place, and remove the mean from the model."""
    if hasattr(model, _MEAN):
        weights = mean_or_last(model).state_dict()
        delattr(model, _MEAN)
        model.load_state_dict({name: weights[name] for name in model.state_dict()})
