"""How long a training takes and at which rate: rules that read numbers and no rows."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.errors import PipelineError
from pipeline.recipes.training_settings import Training

RATE_MARGIN = 0.02
"""How much larger the loss of a lower rate may be, as a share of the least loss. A trial is shorter
than the training, and the best rate of a shorter training is higher."""

MOST_SAVES = 16
"""A training of many epochs writes at most so many checkpoints, and not one after each epoch."""


class Lengths(NamedTuple):
    """How long a training takes, in whole epochs."""

    steps_per_epoch: int
    epochs: list[int]
    """To try, the shortest first. A longer one is tried only if the loss was still falling at the
    end of the one before."""


@dataclass(frozen=True)
class Schedule:
    """One training: its peak learning rate, its steps, and when it is validated."""

    rate: float
    steps: int
    save_every: int | None = None
    """Steps from one checkpoint, and its validation, to the next; None: there are none."""


def lengths(settings: Training, rows: int) -> Lengths:
    """How long a model is trained on so many rows, which include their random spans."""
    steps_per_epoch = math.ceil(rows / settings.batch_size)
    # Whole epochs: a Trainer that resumes at the end of a part of an epoch adds a step.
    epochs = [max(settings.epochs, math.ceil(settings.least_steps / steps_per_epoch))]
    most = settings.doubled_up_to or 0
    while 2 * epochs[-1] * steps_per_epoch <= most:
        epochs.append(2 * epochs[-1])
    return Lengths(steps_per_epoch, epochs)


def steps_of_trial(settings: Training, steps: int) -> int:
    """For how many steps each rate is tried, before a training of ``steps``."""
    return min(steps, max(settings.search_steps, round(settings.search_share * steps)))


def save_every(settings: Training, epochs: int, steps: int) -> int:
    """Steps between the checkpoints of a training: about one an epoch, or more often."""
    saves = max(math.ceil(steps / settings.checkpoint_steps), min(epochs, MOST_SAVES))
    return math.ceil(steps / saves)


def best_rate(tried: dict[str, float | None], classes: int) -> float:
    """The lowest rate whose loss is within ``RATE_MARGIN`` of the least.

    Args:
        tried: cross-entropy by rate, None where it is not finite.
        classes: number of classes; it says what loss a guess has.

    Raises:
        PipelineError: no loss is finite.
    """
    finite = {float(rate): loss for rate, loss in tried.items() if loss is not None}
    if not finite:
        raise PipelineError(
            f"training diverged at every rate, {', '.join(tried)}; give the role lower ones"
        )
    least = min(finite.values())
    # The margin is a share of the gain over a guess too: near a guess all losses are alike, and
    # would be within the margin whether or not a rate learned anything.
    gained = max(math.log(classes) - least, 0.0)
    enough = least + RATE_MARGIN * min(least, gained)
    return min(rate for rate, loss in finite.items() if loss <= enough)
