"""Compare our training with the source notebook's set-up, in speed and accuracy.

The notebook's way is transformers' Trainer with default settings, in float32, in batches of 16.
When a student is distilled, the teacher answers every batch of every epoch.
"""

import math
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import (
    DataCollatorWithPadding,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainingArguments,
    set_seed,
)

from pipeline.data.data_sets import SEED, Corpus, Split
from pipeline.errors import PipelineError
from pipeline.models import networks
from pipeline.progress import say
from pipeline.recipes.roles import Family, Trained
from pipeline.recipes.training_settings import Training
from pipeline.training.distillation import distillation_loss, ids_of_teacher
from pipeline.training.prediction import predict_logits
from pipeline.training.rows import draw, tokenize
from pipeline.training.schedule import Schedule
from pipeline.training.task import TokenizedTask
from pipeline.training.trainer import make_trainer

EPOCHS = {"teacher": 1, "minilm": 3}
"""Epochs of each role that is timed, parents first. Students are trained longer than a teacher."""
BATCH_SIZE = 16

Learner = tuple[PreTrainedModel, PreTrainedTokenizerBase]


@dataclass(frozen=True)
class Lesson:
    """What a network learns from, the same for both ways."""

    rows: Split
    max_length: int
    settings: Training
    teacher: Learner | None
    folder: Path
    """Where a Trainer writes its files."""


def compare(
    family: Family,
    corpus: Corpus,
    checkpoints: Path | None,
    rates: Mapping[str, float],
    rows: int,
) -> list[dict]:
    """Train a teacher and a student from their checkpoints, each in both ways.

    A student learns from the teacher that was trained in the same way.

    Args:
        family: the family whose models are trained.
        corpus: models learn from its training rows, and are scored on its validation rows.
        checkpoints: folder in which pretrained checkpoints are looked for first.
        rates: by role, the learning rate of our way; the notebook's is the Trainer's default.
        rows: most training rows and most validation rows that are drawn.

    Returns:
        For each role and way: role, way, rows, epochs, seconds (without scoring), rows_per_second
        and accuracy on validation.
    """
    train, _ = draw(corpus.train, None, rows, SEED)
    validation, _ = draw(corpus.validation, None, rows, SEED)
    teachers: dict[str, Learner] = {}
    results = []
    for role, epochs in EPOCHS.items():
        model = family.by_role()[role]
        if not (isinstance(model, Trained) and model.checkpoint):
            raise PipelineError(f"{family.name} does not train {role} from a checkpoint")
        settings = replace(model.training, rates=(rates[role],), epochs=epochs)
        for way, learn in WAYS.items():
            say(f"{role}, {way}: {epochs} × {len(train):,} rows")
            set_seed(settings.seed)
            learner = networks.load_checkpoint(
                model.checkpoint.name, model.checkpoint.architecture, checkpoints, corpus.labels
            )
            with tempfile.TemporaryDirectory() as folder:
                started = time.perf_counter()
                teacher = teachers.get(way)
                learn(learner, Lesson(train, family.max_length, settings, teacher, Path(folder)))
                seconds = time.perf_counter() - started
            teachers.setdefault(way, learner)
            logits = predict_logits(*learner, validation, family.max_length)
            results.append(
                {
                    "role": role,
                    "way": way,
                    "rows": len(train),
                    "epochs": epochs,
                    "seconds": seconds,
                    "rows_per_second": epochs * len(train) / seconds,
                    "accuracy": float((logits.argmax(axis=1) == validation.labels).mean()),
                }
            )
    return results


def learn_as_the_notebook(learner: Learner, lesson: Lesson) -> None:
    """Train a network in place. Only the settings epochs, temperature and label share are used."""
    network, tokenizer = learner
    arguments = TrainingArguments(
        output_dir=str(lesson.folder),
        per_device_train_batch_size=BATCH_SIZE,
        num_train_epochs=lesson.settings.epochs,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=torch.cuda.is_available(),
    )
    made = _AsksTheTeacher(
        network,
        arguments,
        DataCollatorWithPadding(tokenizer),
        tokenize(lesson.rows, tokenizer, lesson.max_length),
    )
    made.remove_callback(PrinterCallback)
    if lesson.teacher:
        teacher, its_tokenizer = lesson.teacher
        made.teach(lesson.settings, teacher, ids_of_teacher(its_tokenizer, tokenizer))
    made.train()


class _AsksTheTeacher(Trainer):
    """Distils as tutorials do: every forward pass of the student also runs the teacher."""

    teacher: PreTrainedModel | None = None

    def teach(self, settings: Training, teacher: PreTrainedModel, ids: Tensor) -> None:
        """Add the teacher's answers to the loss. ``ids`` maps student ids to the teacher's."""
        self.settings, self.teacher, self.ids = settings, teacher.eval(), ids.to(teacher.device)

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """The mean loss of a batch, from its labels and, if there is a teacher, its answers."""
        labels = inputs.pop("labels")
        logits = model(**inputs).logits
        if not self.teacher:
            return functional.cross_entropy(logits, labels)
        inputs["input_ids"] = self.ids[inputs["input_ids"]]
        with torch.no_grad():
            theirs = self.teacher(**inputs).logits
        how = self.settings.temperature, self.settings.label_share
        return distillation_loss(logits, labels, theirs, *how).mean()


def learn_as_we_do(learner: Learner, lesson: Lesson) -> None:
    """Train a network in place. The teacher's logits are computed once, before training."""
    rows, length, settings = lesson.rows, lesson.max_length, lesson.settings
    logits = predict_logits(*lesson.teacher, rows, length) if lesson.teacher else None
    task = TokenizedTask(settings, tokenize(rows, learner[1], length, logits))
    steps = settings.epochs * math.ceil(len(rows) / settings.batch_size)
    make_trainer(*learner, task, Schedule(settings.rates[0], steps), lesson.folder).train()


WAYS = {"the notebook's": learn_as_the_notebook, "ours": learn_as_we_do}
