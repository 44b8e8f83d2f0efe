"""A model to train: where it starts, what it learns from, and how."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from datasets import Dataset
from transformers import PreTrainedModel

from pipeline.data.data_sets import Split
from pipeline.models.networks import Tokenizer
from pipeline.recipes.training_settings import Training
from pipeline.training.distillation import HiddenTeacher

Start = Callable[[], tuple[PreTrainedModel, Tokenizer]]
"""Returns the model that a training starts from, and its tokenizer."""


@dataclass(frozen=True)
class TrainingTask:
    """A model to train."""

    start: Start
    settings: Training
    rows: Split
    """The rows to train on, including their random spans."""
    validation: Split
    """The rows that choose the rate, the length and the checkpoint."""
    max_length: int
    """At most this many tokens of a text are read."""
    teacher_logits: np.ndarray | None = None
    """The teacher's logits on ``rows``, (rows, classes). None: train only on the labels."""
    hidden_teacher: HiddenTeacher | None = None
    """Its hidden states are matched in the first ``settings.hidden_epochs`` epochs."""


@dataclass(frozen=True)
class TokenizedTask:
    """The part of a task that a Trainer needs, with rows tokenized by ``rows.tokenize``."""

    settings: Training
    rows: Dataset
    validation: Dataset | None = None
    hidden_teacher: HiddenTeacher | None = None
