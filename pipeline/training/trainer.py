"""A Trainer set up to fine-tune or to distil, and one set up to predict."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import torch
from torch.nn import functional
from transformers import (
    DataCollatorWithPadding,
    EvalPrediction,
    PreTrainedModel,
    ProgressCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer_utils import rotate_checkpoints

from pipeline import hardware, processes
from pipeline.models.networks import Tokenizer
from pipeline.models.ngrams import NGramTokenizer
from pipeline.progress import say
from pipeline.recipes.training_settings import Training
from pipeline.training.distillation_trainer import DistillationTrainer
from pipeline.training.head_precision import compute_head_in_float32
from pipeline.training.rows import with_filler
from pipeline.training.schedule import Schedule
from pipeline.training.task import TokenizedTask

if TYPE_CHECKING:
    from tqdm import tqdm

LOSS = "cross_entropy"
"""The validation metric that chooses rates, lengths and checkpoints."""

_LOG_EVERY = 500
_ROWS_OF_VALIDATION = 64


class _Progress(ProgressCallback):
    """The Trainer's progress bar, without a line for every number that it logs."""

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        # transformers declares only the bar's initial value, None.
        bar = cast("tqdm | None", self.training_bar)
        if bar is not None and logs and "eval_accuracy" in logs:
            bar.set_postfix_str(f"validation {logs['eval_accuracy']:.4f}")


class KeepNewest(TrainerCallback):
    """Deletes all checkpoints except the best one and the newest one by its number of steps.

    The Trainer's own limit compares file times: after a clock was set back, it would delete the
    newest. It also deletes the last checkpoint too early: a kill may still come before the result
    is written.
    """

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Delete old checkpoints after each save."""
        if processes.is_first():
            assert args.output_dir is not None, "make_trainer sets it"
            rotate_checkpoints(args.output_dir, 1, state.best_model_checkpoint)


def make_trainer(
    model: PreTrainedModel,
    tokenizer: Tokenizer,
    task: TokenizedTask,
    schedule: Schedule,
    folder: Path,
    callbacks: tuple[TrainerCallback, ...] = (),
) -> Trainer:
    """A Trainer that groups rows by length, and trains in bf16 if the processor supports it.

    Args:
        model: trained in place; its dropout and its attention kernel are set, too.
        tokenizer: pads a batch to its longest row.
        task: what the model learns; without ``validation`` nothing is validated.
        schedule: length and peak learning rate of the training.
        folder: for checkpoints.
        callbacks: added to the Trainer's.
    """
    _prepare(model, task.settings.dropout)
    rows = with_filler(task.rows) if processes.count() > 1 else task.rows
    trainer = DistillationTrainer(
        model,
        _arguments(task.settings, schedule, folder, sampling="group_by_length"),
        _collator(tokenizer),
        rows,
        task.validation,
        compute_metrics=_validation_metrics,
        callbacks=list(callbacks),
        settings=task.settings,
        hidden_teacher=task.hidden_teacher,
    )
    _show_progress(trainer)
    if schedule.save_every:
        trainer.add_callback(KeepNewest)
    return trainer


def make_predictor(model: PreTrainedModel, tokenizer: Tokenizer, folder: Path) -> Trainer:
    """A Trainer that predicts rows in their order. It writes nothing to ``folder``."""
    compute_head_in_float32(model)
    settings = Training(rates=(), epochs=0)
    # The strategy applies to prediction, too: grouping by length would change the order of rows.
    arguments = _arguments(settings, Schedule(rate=0.0, steps=-1), folder, sampling="random")
    trainer = DistillationTrainer(
        model,
        arguments,
        _collator(tokenizer),
        compute_metrics=_validation_metrics,
        settings=settings,
    )
    _show_progress(trainer)
    return trainer


def _arguments(
    settings: Training,
    schedule: Schedule,
    folder: Path,
    sampling: Literal["group_by_length", "random"],
) -> TrainingArguments:
    """The settings of transformers' Trainer."""
    validates = schedule.save_every is not None
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=schedule.steps,
        learning_rate=schedule.rate,
        lr_scheduler_type="linear",
        warmup_steps=settings.warmup,
        weight_decay=settings.weight_decay,
        per_device_train_batch_size=processes.share(settings.batch_size),
        per_device_eval_batch_size=_ROWS_OF_VALIDATION,
        train_sampling_strategy=sampling,
        remove_unused_columns=False,
        label_names=["labels"],
        bf16=hardware.has_bf16(),
        use_cpu=not torch.accelerator.is_available(),
        seed=settings.seed,
        report_to="none",
        disable_tqdm=False,
        logging_steps=schedule.save_every or _LOG_EVERY,
        dataloader_pin_memory=torch.cuda.is_available(),
        eval_strategy="steps" if validates else "no",
        eval_steps=schedule.save_every,
        save_strategy="steps" if validates else "no",
        save_steps=schedule.save_every or _LOG_EVERY,
        load_best_model_at_end=validates,
        metric_for_best_model=LOSS if validates else None,
        greater_is_better=False if validates else None,
    )
    use_one_gpu(arguments)
    return arguments


def _collator(tokenizer: Tokenizer) -> Callable[[list[dict[str, Any]]], Mapping[str, Any]]:
    """Return a function that makes a batch of rows, padded to the longest, without lengths."""
    pad = (
        tokenizer.pad
        if isinstance(tokenizer, NGramTokenizer)
        else DataCollatorWithPadding(tokenizer)
    )
    return lambda rows: pad([{k: v for k, v in row.items() if k != "length"} for row in rows])


def _prepare(model: PreTrainedModel, dropout: float) -> None:
    """Set a model's dropout, its fastest attention kernel and its head's precision, in place."""
    compute_head_in_float32(model)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = dropout
    if not torch.accelerator.is_available():
        # On a CPU, the fused kernel's backward pass takes 2.6 times as long as plain products.
        model.set_attn_implementation("eager")


def _show_progress(trainer: Trainer) -> None:
    trainer.remove_callback(ProgressCallback)
    trainer.add_callback(_Progress)


def use_one_gpu(arguments: TrainingArguments) -> None:
    """Prevent the Trainer from silently using ``DataParallel``, which makes the batch larger.

    To train on several GPUs, accelerate has to start one process for each GPU.
    """
    if arguments.n_gpu > 1:
        say(f"note: of {arguments.n_gpu} GPUs one is used; accelerate launch uses all of them")
        arguments._n_gpu = 1


def _validation_metrics(prediction: EvalPrediction) -> dict[str, float]:
    """Accuracy and mean cross-entropy. Each validation row counts once."""
    logits, labels = prediction.predictions, prediction.label_ids
    assert isinstance(logits, np.ndarray), "compute_loss gives one output"
    losses = functional.cross_entropy(torch.tensor(logits), torch.tensor(labels))
    return {"accuracy": float((logits.argmax(-1) == labels).mean()), LOSS: float(losses)}
