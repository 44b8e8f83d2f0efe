"""Fine-tuning and distillation: validation rows choose the rate, the length and the checkpoint."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from transformers import PreTrainedModel, TrainerCallback, set_seed

from pipeline import hardware, processes
from pipeline.errors import PipelineError
from pipeline.files import write_json
from pipeline.models.inspection import class_count
from pipeline.models.networks import Tokenizer
from pipeline.progress import busy
from pipeline.training import schedule
from pipeline.training.resumable import (
    LengthRecord,
    finite,
    or_infinity,
    train_for,
    weights_after,
)
from pipeline.training.rows import draw, tokenize
from pipeline.training.schedule import Schedule
from pipeline.training.task import Start, TokenizedTask, TrainingTask
from pipeline.training.trainer import LOSS, make_trainer


def train_and_select(
    task: TrainingTask, folder: Path, callbacks: tuple[TrainerCallback, ...] = ()
) -> tuple[PreTrainedModel, Tokenizer, dict[str, Any]]:
    """Choose the rate and the length, train, and return the model that is best on validation.

    Resumes from the last checkpoint in ``folder`` if an earlier call was killed.

    Args:
        task: the model, and what it learns.
        folder: for checkpoints.
        callbacks: added to the Trainer's.

    Returns:
        The model, its tokenizer, and a record of the training for ``run.json``.

    Raises:
        PipelineError: the loss is never finite, or several processes would match hidden states.
    """
    if task.hidden_teacher and processes.count() > 1:
        raise PipelineError("hidden states are matched by one process only; start one")
    settings = task.settings
    model, tokenizer = task.start()
    tokenized = _tokenized(task, tokenizer)
    epochs_to_try = schedule.lengths(settings, len(tokenized.rows)).epochs
    rates = search_rate(tokenized, epochs_to_try[0], task.start, folder)
    rate = schedule.best_rate(rates, class_count(model.config)) if rates else settings.rates[0]
    tried: dict[int, LengthRecord] = {}
    for epochs in epochs_to_try:
        tried[epochs] = train_for(epochs, rate, tokenized, task.start, folder, callbacks)
        if not _still_falling(tried[epochs], _least_loss(tried)):
            break
    best = min(tried, key=lambda epochs: or_infinity(tried[epochs]["loss"]))
    kept = tried[best]
    if kept["loss"] is None:
        raise PipelineError(f"training diverged at the rate {rate:g}; give the role a lower one")
    model.load_state_dict(load_file(weights_after(folder, best)))
    return (
        model,
        tokenizer,
        {
            "rate": rate,
            "rates_tried": rates,
            "epochs": best,
            "epochs_tried": {str(epochs): record["loss"] for epochs, record in tried.items()},
            **{name: value for name, value in kept.items() if name != "loss"},
            "rows": len(tokenized.rows),
            "bf16": hardware.has_bf16(),
            **hardware.describe(),
        },
    )


def search_rate(
    task: TokenizedTask, epochs: int, start: Start, folder: Path
) -> dict[str, float | None]:
    """Try each learning rate for a share of the steps and write ``rates.json``.

    Args:
        task: what is learned; the trials don't match hidden states.
        epochs: length of the training that the rate is for.
        start: returns the model that each trial starts from.
        folder: for ``rates.json``.

    Returns:
        The cross-entropy on validation by rate (as a string); None if it is not finite. Empty if
        there is only one rate.
    """
    settings = task.settings
    if len(settings.rates) == 1:
        return {}
    results = folder / "rates.json"
    tried: dict[str, float | None] = {}
    if results.is_file():
        tried = json.loads(results.read_text())
    steps = epochs * schedule.lengths(settings, len(task.rows)).steps_per_epoch
    steps = schedule.steps_of_trial(settings, steps)
    without_hidden = replace(task, hidden_teacher=None)
    for rate in settings.rates:
        if str(rate) in tried:
            continue
        set_seed(settings.seed)
        model, tokenizer = start()
        planned = Schedule(rate, steps)
        trial = make_trainer(model, tokenizer, without_hidden, planned, folder / "search")
        trial.train()
        tried[str(rate)] = finite(trial.evaluate()[f"eval_{LOSS}"])
        if processes.is_first():
            write_json(results, tried)
    return tried


def _tokenized(task: TrainingTask, tokenizer: Tokenizer) -> TokenizedTask:
    """The task with its rows tokenized: all of them, or a random sample of ``settings.rows``."""
    settings, rows, logits = task.settings, task.rows, task.teacher_logits
    if settings.rows:
        rows, logits = draw(rows, logits, settings.rows, settings.seed)
    with busy(f"tokenizing {len(rows) + len(task.validation):,} rows"):
        return TokenizedTask(
            settings,
            tokenize(rows, tokenizer, task.max_length, logits),
            tokenize(task.validation, tokenizer, task.max_length),
            task.hidden_teacher,
        )


def _still_falling(record: LengthRecord, least: float) -> bool:
    """Whether a training's loss was lowest at its end, and no shorter training had a lower loss."""
    loss, ended_with_it = record["loss"], record["kept_step"] == record["steps"]
    return loss is not None and loss <= least and ended_with_it


def _least_loss(tried: dict[int, LengthRecord]) -> float:
    return min(or_infinity(record["loss"]) for record in tried.values())
