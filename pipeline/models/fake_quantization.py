"""Fake quantization: the rounding of int8 inference, inside a network's forward pass.

`prepare` makes a classifier round its weights and the inputs of its linear layers as the int8 graph
will, and `calibrate` gives the inputs their first ranges. Training then goes on as usual: gradients
pass straight through the rounding, and reach the ranges too.

- Weights: int8, symmetric, with one scale for each output channel or embedding row. The largest
  weight is 127 steps with 8 bits, and 63 with 7 bits, for processors on which 8 bits saturate.
- Inputs of linear layers: uint8, asymmetric, one range a layer, learned as in LSQ+ (Bhalgat et al.
  2020, arXiv:2004.09576), in the log domain as in TQT (Jain et al. 2020, arXiv:1903.08066).
- Everything else (attention's products, softmax, LayerNorm, GELU, residual sums) stays in floating
  point, as in Q8BERT (Zafrir et al. 2019, arXiv:1910.06188).
"""

from collections.abc import Iterable
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from transformers import PreTrainedConfig, PreTrainedModel

from pipeline.errors import PipelineError

# The entry of a prepared model's configuration that stores the bits of its weights.
_BITS = "int8_bits"

LEVELS = 255  # steps from the least to the greatest uint8

# Adam changes a parameter by about the learning rate in each step. With this factor and a rate of
# 1e-4, a range changes by about a thousandth in each step.
RANGE_RATE = 10.0

# One in this many rows of an input adds to the gradient of its range. It is a prime: a number that
# divides the padded length would always sample the same positions of a text, and first tokens
# differ from the others.
SAMPLED = 7
LEAST_SAMPLED = 512


def prepare(model: PreTrainedModel, bits: int) -> None:
    """Make every linear layer and embedding table of `model` quantize to `bits`, 7 or 8, in place.

    Names and values of the parameters do not change. Each linear layer gains `input.limits` and
    `input.stretch`, so a state dict of a prepared model loads into another prepared model.
    Until `calibrate` (or such a state dict) sets the ranges, the model returns NaN.
    """
    for name, module in list(model.named_modules()):
        parent, _, child = name.rpartition(".")
        # MPNet's table of relative positions is left out: it is a bias of the attention, in float.
        is_table = type(module) is nn.Embedding and parent.endswith("embeddings")
        if is_table or type(module) is nn.Linear:
            quantized = FakeQuantizedEmbedding if is_table else FakeQuantizedLinear
            setattr(model.get_submodule(parent), child, quantized(module, largest_step(bits)))
    setattr(model.config, _BITS, bits)


def prepared_bits(config: PreTrainedConfig) -> int | None:
    """The weights' bits in a model that ``prepare`` changed; None for any other model."""
    return getattr(config, _BITS, None)


def largest_step(bits: int) -> int:
    """The largest absolute value of an int8 weight with this many bits: 127 for 8, 63 for 7."""
    return 2 ** (bits - 1) - 1


@torch.no_grad()
def calibrate(model: PreTrainedModel, batches: Iterable[dict[str, Tensor]]) -> None:
    """Set every input range of a prepared `model` to the least and greatest value in `batches`.

    `batches` hold `input_ids` and `attention_mask` (int64, [batch, sequence]), on any device. The
    model's mode is restored. Raises PipelineError when there are no batches.
    """
    batches = list(batches)
    if not batches:
        raise PipelineError("Calibrating the input ranges needs at least one batch.")
    quantizers = [module for module in model.modules() if isinstance(module, InputQuantizer)]
    for quantizer in quantizers:
        # A range starts at zero, so that it includes zero: uint8 has to represent it exactly.
        quantizer.limits.zero_()
        quantizer.stretch.zero_()

    def widen(quantizer: InputQuantizer, inputs: tuple[Tensor]) -> None:
        low, high = inputs[0].float().aminmax()
        limits = quantizer.limits
        limits.copy_(torch.stack([torch.minimum(limits[0], low), torch.maximum(limits[1], high)]))

    hooks = [quantizer.register_forward_pre_hook(widen) for quantizer in quantizers]
    training = model.training
    model.eval()
    try:
        for batch in batches:
            ids, mask = (batch[key].to(model.device) for key in ("input_ids", "attention_mask"))
            model(input_ids=ids, attention_mask=mask)
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()


class InputQuantizer(nn.Module):
    """Rounds a tensor to 256 levels of a range whose two ends are learned.

    `limits` [2], in the tensor's unit, is the calibrated range. `stretch` [2] is what training
    learns: the logarithm of each end's factor, divided by RANGE_RATE. So training changes an end in
    proportion to its size, an end keeps its sign, and weight decay pulls the range towards the
    calibrated one.
    """

    limits: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("limits", torch.full((2,), torch.nan))
        self.stretch = nn.Parameter(torch.zeros(2))

    def forward(self, x: Tensor) -> Tensor:
        """`x` rounded, of the same shape."""
        return fake_quantize_inputs(x, *self.range())

    def range(self) -> Tensor:
        """The learned least and greatest value, float32 [2]."""
        return self.limits.float() * torch.exp(RANGE_RATE * self.stretch.float())


class FakeQuantizedLinear(nn.Linear):
    """A linear layer that computes with rounded weights and a rounded input."""

    def __init__(self, linear: nn.Linear, largest: int) -> None:
        super().__init__(linear.in_features, linear.out_features, device="meta")
        self.largest = largest
        self.weight, self.bias = linear.weight, linear.bias
        self.input = InputQuantizer().to(linear.weight.device)

    def forward(self, x: Tensor) -> Tensor:
        """[..., in_features] to [..., out_features]."""
        return F.linear(self.input(x), fake_quantize_rows(self.weight, self.largest), self.bias)


class FakeQuantizedEmbedding(nn.Embedding):
    """An embedding table with rounded weights."""

    def __init__(self, table: nn.Embedding, largest: int) -> None:
        super().__init__(
            table.num_embeddings, table.embedding_dim, table.padding_idx, device="meta"
        )
        self.largest = largest
        self.weight = table.weight

    def forward(self, ids: Tensor) -> Tensor:
        """Ids [...] to rows [..., embedding_dim]."""
        # Each row has its own scale, so only the rows in use need rounding.
        rows = super().forward(ids)
        return fake_quantize_rows(rows.flatten(0, -2), self.largest).view_as(rows)


def fake_quantize_inputs(x: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """`x` [..., columns] rounded to uint8 levels of a range, whose ends (scalars) get gradients."""
    scale, zero_point = scale_and_zero_point(low.detach(), high.detach())
    rounded = torch.fake_quantize_per_tensor_affine(x, scale, zero_point, 0, LEVELS)
    return _LearnRange.apply(rounded, x.detach(), low, high)


def fake_quantize_rows(weight: Tensor, largest: int) -> Tensor:
    """`weight` [rows, columns] rounded to steps of at most `largest`, float32.

    Gradients pass straight through.
    """
    weight = weight.float()
    scale = row_scales(weight, largest)
    zero = torch.zeros_like(scale, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scale, zero, 0, -largest, largest)


def row_scales(weight: Tensor, largest: int) -> Tensor:
    """The value of one int8 step in each row of `weight` [rows, columns], float32 [rows]."""
    # A row of zeros, such as padding's, gets a scale above zero too.
    greatest = torch.linalg.vector_norm(weight.detach().float(), torch.inf, dim=1)
    return (greatest / largest).clamp_min(1e-12)


def scale_and_zero_point(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """The value of one uint8 step, and the step (int32) that stands for zero."""
    scale = ((high - low) / LEVELS).clamp_min(1e-12)
    return scale, (-low / scale).round().clamp(0, LEVELS).int()


class _Context(Protocol):
    """What torch passes to both methods below. torch's own stub has only one saved tensor."""

    saved_tensors: tuple[Tensor, Tensor, Tensor]

    def save_for_backward(self, *tensors: Tensor) -> None: ...


class _LearnRange(torch.autograd.Function):
    """Adds LSQ+'s gradients for the two ends of a range; the rounded values pass unchanged.

    PyTorch's rounding has a gradient for the values and none for the range. The range's gradient is
    a sum over millions of values. A sum over a sample of the rows trains equally well, and the
    backward pass takes a third of the time.
    """

    @staticmethod
    def forward(ctx: _Context, rounded: Tensor, x: Tensor, low: Tensor, high: Tensor) -> Tensor:
        # A copy, so that only the sample stays in memory.
        ctx.save_for_backward(_sample(x).clone(), low, high)
        return rounded.view_as(rounded)

    @staticmethod
    def backward(ctx: _Context, gradient: Tensor) -> tuple[Tensor, None, Tensor, Tensor]:
        x, low, high = ctx.saved_tensors
        x, sample = x.float(), _sample(gradient).float()
        scale, zero_point = scale_and_zero_point(low, high)
        below = x < (-0.5 - zero_point) * scale
        above = x > (LEVELS + 0.5 - zero_point) * scale
        # A clipped value equals an end of the range. Any other value is steps times scale: it
        # changes with the scale by its rounding error in steps. The scale is the range over LEVELS.
        error = torch.fake_quantize_per_tensor_affine(x, scale, zero_point, 0, LEVELS) - x
        by_width = (sample * error).masked_fill(below | above, 0).sum() / (scale * LEVELS)
        by_low = (sample * below).sum() - by_width
        by_high = (sample * above).sum() + by_width
        # LSQ's gradient scale: without it, these sums would be far larger than the weights'
        # gradients, and clipping would make the weights' gradients tiny.
        balance = gradient.numel() / x.numel() * (gradient.numel() * LEVELS) ** -0.5
        return gradient, None, by_low * balance, by_high * balance


def _sample(x: Tensor) -> Tensor:
    """One in SAMPLED rows of `x` [..., columns]; all rows if there are at most LEAST_SAMPLED."""
    rows = x.reshape(-1, x.shape[-1])
    return rows[::SAMPLED] if len(rows) > LEAST_SAMPLED else rows
