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
"""Gives a model as its training starts from it, and its tokenizer."""


@dataclass(frozen=True)
class TrainingTask:
    """A model to train."""

    start: Start
    settings: Training
    rows: Split
    """To train on; they include their random spans."""
    validation: Split
    """To choose the rate, the length and the checkpoint on."""
    max_length: int
    """Tokens of a text that are read."""
    teacher_logits: np.ndarray | None = None
    """(rows, classes), on ``rows``; None trains on the labels alone."""
    hidden_teacher: HiddenTeacher | None = None
    """Matched in the first ``settings.hidden_epochs``."""


@dataclass(frozen=True)
class TokenizedTask:
    """What a Trainer takes of a task: its rows tokenized, see ``rows.tokenize``."""

    settings: Training
    rows: Dataset
    validation: Dataset | None = None
    hidden_teacher: HiddenTeacher | None = None
