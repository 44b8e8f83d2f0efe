"""The mean of the weights over the last part of a training, kept instead of the last weights.

Stochastic weight averaging (Izmailov et al., 2018, arXiv:1803.05407). The mean is a part of the
model while it trains, so that a checkpoint holds it and a resumed training goes on with it. (That
is why it is not torch's own ``AveragedModel``, which can't be a part of what it averages.)
"""

import copy

import torch
from torch import nn
from transformers import PreTrainedModel, TrainerCallback

_MEAN = "mean_of_weights"


class _Mean(nn.Module):
    """A model with the mean of another's weights, and of how many steps it is."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).requires_grad_(False)
        self.register_buffer("steps", torch.tensor(0))

    @torch.no_grad()
    def add(self, weights: dict[str, nn.Parameter]) -> None:
        self.steps += 1
        for name, mean in self.model.named_parameters():
            mean.lerp_(weights[name], 1 / self.steps.item())


class AverageWeights(TrainerCallback):
    """Takes the weights into the mean after every step of the last part of a training."""

    def __init__(self, since: float) -> None:
        """Take part from this share of the steps on, 0..1."""
        self.since = since

    def on_step_end(self, args, state, control, model, **kwargs) -> None:
        if state.global_step > self.since * state.max_steps:
            getattr(model, _MEAN).add(dict(model.named_parameters()))


def add_mean(model: PreTrainedModel) -> None:
    """Give ``model``, in place, the mean that its training will fill."""
    setattr(model, _MEAN, _Mean(model))


def mean_or_last(model: nn.Module) -> nn.Module:
    """The model with the mean weights, once there are any; until then ``model`` as it is."""
    mean = getattr(model, _MEAN, None)
    return mean.model if mean is not None and mean.steps else model


def take_mean(model: PreTrainedModel) -> None:
    """Replace the weights by their mean, in place, and drop the mean."""
    if hasattr(model, _MEAN):
        weights = mean_or_last(model).state_dict()
        delattr(model, _MEAN)
        model.load_state_dict({name: weights[name] for name in model.state_dict()})
