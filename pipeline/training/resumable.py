"""One training of a set length, which resumes from its last checkpoint after a kill."""

import json
import math
import shutil
import time
from pathlib import Path
from typing import Any, TypedDict

from transformers import TrainerCallback, set_seed

from pipeline import processes
from pipeline.files import sync, write_json
from pipeline.models.networks import save_weights
from pipeline.training import schedule
from pipeline.training.distillation import remove_projection
from pipeline.training.interrupts import StopAtCheckpoint
from pipeline.training.schedule import Schedule
from pipeline.training.task import Start, TokenizedTask
from pipeline.training.trainer import LOSS, make_trainer
from pipeline.training.weight_averaging import AverageWeights, add_mean, take_mean

_CHECKPOINT = ("model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state*.pth")
"""The files that a resumed training reads, besides the Trainer's state."""


class Validation(TypedDict):
    """How good a model is on the validation rows after a step."""

    step: int
    accuracy: float
    loss: float | None
    """Cross-entropy; None if it is not finite."""


class LengthRecord(TypedDict):
    """How a training of one length went; its best checkpoint is kept."""

    loss: float | None
    """The validation loss of the kept checkpoint; None if no loss is finite."""
    steps: int
    kept_step: int
    validation: list[Validation]
    seconds_since_last_start: float


def train_for(
    epochs: int,
    rate: float,
    task: TokenizedTask,
    start: Start,
    folder: Path,
    callbacks: tuple[TrainerCallback, ...] = (),
) -> LengthRecord:
    """Train for this many epochs, and write the weights that are best on validation.

    A finished training is not repeated. A killed one resumes from its last checkpoint.

    Args:
        epochs: number of passes over all rows.
        rate: the peak learning rate.
        task: what is learned.
        start: returns the model that the training starts from.
        folder: for checkpoints; the weights are written to ``weights_after(folder, epochs)``.
        callbacks: added to the Trainer's.
    """
    settings = task.settings
    result = folder / f"{epochs}-epochs.json"
    if result.is_file():
        record: LengthRecord = json.loads(result.read_text("utf-8"))
        return record
    set_seed(settings.seed)
    model, tokenizer = start()
    if task.hidden_teacher:
        task.hidden_teacher.add_projection(model)
    if settings.average_from is not None:
        add_mean(model)
        callbacks += (AverageWeights(settings.average_from),)
    steps = epochs * schedule.lengths(settings, len(task.rows)).steps_per_epoch
    planned = Schedule(rate, steps, schedule.save_every(settings, epochs, steps))
    checkpoints = folder / f"{epochs}-epochs"
    trainer = make_trainer(model, tokenizer, task, planned, checkpoints, callbacks)
    started = time.monotonic()
    with StopAtCheckpoint() as stop:
        trainer.add_callback(stop)
        trainer.train(resume_from_checkpoint=_last_checkpoint(checkpoints))
    take_mean(model)
    remove_projection(model)
    record = _record(trainer.state.log_history, steps, time.monotonic() - started)
    if processes.is_first():
        weights = weights_after(folder, epochs)
        save_weights(model, weights)
        sync(weights)
        write_json(result, record)
        shutil.rmtree(checkpoints)
    processes.wait_for_all()
    return record


def weights_after(folder: Path, epochs: int) -> Path:
    """The file with the weights of a training of this many epochs."""
    return folder / f"{epochs}-epochs.safetensors"


def finite(loss: float) -> float | None:
    """The loss, or None if it is NaN or infinite, which JSON can't represent."""
    return loss if math.isfinite(loss) else None


def or_infinity(loss: float | None) -> float:
    """The loss for comparisons: None, for a loss that is not finite, becomes infinity."""
    return math.inf if loss is None else loss


def _record(log: list[dict[str, Any]], steps: int, seconds: float) -> LengthRecord:
    """The record of a training, from the Trainer's log."""
    history: list[Validation] = [
        {
            "step": entry["step"],
            "accuracy": entry["eval_accuracy"],
            "loss": finite(entry[f"eval_{LOSS}"]),
        }
        for entry in log
        if "eval_accuracy" in entry
    ]
    kept = min(history, key=lambda entry: or_infinity(entry["loss"]))
    return {
        "loss": kept["loss"],
        "steps": steps,
        "kept_step": kept["step"],
        "validation": history,
        "seconds_since_last_start": round(seconds, 1),
    }


def _last_checkpoint(folder: Path) -> str | None:
    """The newest complete checkpoint, or None. Incomplete ones, left by a kill, are deleted."""
    if processes.is_first():
        for path in folder.glob("checkpoint-*"):
            if not _is_whole(path):  # the Trainer would treat it as the newest
                shutil.rmtree(path)
    processes.wait_for_all()
    whole = [path for path in folder.glob("checkpoint-*") if _is_whole(path)]
    return str(max(whole, key=lambda path: int(path.name.split("-")[1]))) if whole else None


def _is_whole(checkpoint: Path) -> bool:
    """Whether a checkpoint has all its files. A kill may come while they are written or deleted."""
    try:
        # The Trainer writes this file of a checkpoint last.
        json.loads((checkpoint / "trainer_state.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return all(any(checkpoint.glob(name)) for name in _CHECKPOINT)
