"""Rules for the length and the learning rate of a training. They read numbers, not rows."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.errors import PipelineError
from pipeline.recipes.training_settings import Training

RATE_MARGIN = 0.02
"""How much larger the loss of a lower rate may be, as a share of the least loss. Lower rates are
preferred because a trial is shorter than the training, and shorter trainings need higher rates."""

MOST_SAVES = 16
"""A training writes a checkpoint after each epoch, up to about this many checkpoints.
``Training.checkpoint_steps`` may require more."""


class Lengths(NamedTuple):
    """How long a training takes, in whole epochs."""

    steps_per_epoch: int
    epochs: list[int]
    """Numbers of epochs to try, the smallest first. The next one is tried only if the loss was
    still falling at the end of the one before."""


@dataclass(frozen=True)
class Schedule:
    """One training: its peak learning rate, its steps, and when it is validated."""

    rate: float
    steps: int
    save_every: int | None = None
    """Number of steps between checkpoints, each with a validation; None: no checkpoints."""


def lengths(settings: Training, rows: int) -> Lengths:
    """How long a model is trained on ``rows`` rows, including their random spans."""
    steps_per_epoch = math.ceil(rows / settings.batch_size)
    # Whole epochs, because a Trainer that resumes at the end of a partial epoch adds a step.
    epochs = [max(settings.epochs, math.ceil(settings.least_steps / steps_per_epoch))]
    most = settings.doubled_up_to or 0
    while 2 * epochs[-1] * steps_per_epoch <= most:
        epochs.append(2 * epochs[-1])
    return Lengths(steps_per_epoch, epochs)


def steps_of_trial(settings: Training, steps: int) -> int:
    """The number of steps for which each rate is tried, before a training of ``steps`` steps."""
    return min(steps, max(settings.search_steps, round(settings.search_share * steps)))


def save_every(settings: Training, epochs: int, steps: int) -> int:
    """Number of steps between checkpoints: about an epoch, but see ``MOST_SAVES``."""
    saves = max(math.ceil(steps / settings.checkpoint_steps), min(epochs, MOST_SAVES))
    return math.ceil(steps / saves)


def best_rate(tried: dict[str, float | None], classes: int) -> float:
    """The lowest rate whose loss is within ``RATE_MARGIN`` of the least.

    Args:
        tried: cross-entropy by rate, None where it is not finite.
        classes: number of classes, which determines the loss of guessing.

    Raises:
        PipelineError: no loss is finite.
    """
    finite = {float(rate): loss for rate, loss in tried.items() if loss is not None}
    if not finite:
        raise PipelineError(
            f"training diverged at every rate, {', '.join(tried)}; give the role lower ones"
        )
    least = min(finite.values())
    # The margin is also at most a share of the gain over guessing. Otherwise, if all losses are
    # near that of guessing, rates that learned nothing would be within the margin.
    gained = max(math.log(classes) - least, 0.0)
    enough = least + RATE_MARGIN * min(least, gained)
    return min(rate for rate, loss in finite.items() if loss <= enough)
