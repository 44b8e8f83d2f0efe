"""Fine-tuning and distillation: rate and length are chosen, a killed training goes on."""

import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from datasets import Dataset
from safetensors.torch import load_file
from transformers import PreTrainedModel, TrainerCallback, set_seed

from pipeline import hardware, processes
from pipeline.data.data_sets import Split
from pipeline.errors import PipelineError
from pipeline.files import sync, write_json
from pipeline.models.networks import Tokenizer, save_weights
from pipeline.progress import busy
from pipeline.recipes.training_settings import Training
from pipeline.training.distillation import HiddenTeacher, remove_projection
from pipeline.training.interrupts import StopAtCheckpoint
from pipeline.training.trainers import LOSS, tokenize, trainer
from pipeline.training.weight_averaging import AverageWeights, add_mean, take_mean

RATE_MARGIN = 0.02
"""By how much a lower rate's loss may be greater, as a share of the least loss: a trial is shorter
than the training, and the shorter a training the higher its best rate."""

MOST_SAVES = 16
"""Checkpoints of a training in which one each epoch would be more often than needed."""

_CHECKPOINT = ("model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state*.pth")
"""What a training that goes on reads, beside the Trainer's state."""


class Lengths(NamedTuple):
    """How long a training takes, in whole epochs."""

    steps_per_epoch: int
    epochs: list[int]
    """To try, the shortest first; a longer one only if the loss still fell in the one before."""


def lengths(training: Training, rows: int) -> Lengths:
    """How long a model is trained on so many rows, its random spans among them."""
    steps_per_epoch = math.ceil(rows / training.batch_size)
    # Whole epochs: in one that was begun, a Trainer that goes on from the end adds a step.
    epochs = [max(training.epochs, math.ceil(training.least_steps / steps_per_epoch))]
    most = training.doubled_up_to or 0
    while 2 * epochs[-1] * steps_per_epoch <= most:
        epochs.append(2 * epochs[-1])
    return Lengths(steps_per_epoch, epochs)


def search_rate(setup: "_Setup", epochs: int) -> dict[str, float | None]:
    """Try each learning rate for a share of the steps and write ``rates.json``.

    Returns:
        By rate (as it prints), the cross-entropy on validation, None where it is not finite. Empty
        where there is one rate.
    """
    training, folder = setup.training, setup.folder
    if len(training.rates) == 1:
        return {}
    results = folder / "rates.json"
    tried = json.loads(results.read_text()) if results.is_file() else {}
    steps = epochs * setup.steps_per_epoch
    steps = min(steps, max(training.search_steps, round(training.search_share * steps)))
    for rate in training.rates:
        if str(rate) in tried:
            continue
        set_seed(training.seed)
        model, tokenizer = setup.load_model()
        attempt = trainer(
            model,
            tokenizer,
            training,
            folder / "search",
            rate=rate,
            max_steps=steps,
            train=setup.rows,
            validation=setup.validation,
        )
        attempt.train()
        tried[str(rate)] = _finite(attempt.evaluate()[f"eval_{LOSS}"])
        if processes.is_first():
            write_json(results, tried)
    return tried


def best_rate(tried: dict[str, float | None], classes: int) -> float:
    """The lowest rate whose loss is within ``RATE_MARGIN`` of the least.

    Args:
        tried: cross-entropy by rate, None where it is not finite.
        classes: number of classes, for what a guess would lose.

    Raises:
        PipelineError: no loss is finite.
    """
    finite = {float(rate): loss for rate, loss in tried.items() if loss is not None}
    if not finite:
        raise PipelineError(
            f"training diverged at every rate, {', '.join(tried)}; give the role lower ones"
        )
    least = min(finite.values())
    # Of what was gained over a guess, too: near it all losses are alike, learned or not.
    gained = max(math.log(classes) - least, 0.0)
    enough = least + RATE_MARGIN * min(least, gained)
    return min(rate for rate, loss in finite.items() if loss <= enough)


def draw(
    split: Split, teacher_logits: np.ndarray | None, rows: int, seed: int
) -> tuple[Split, np.ndarray | None]:
    """At most so many rows at random, in the order they stand in, and the teacher's logits."""
    drawn = np.sort(np.random.default_rng(seed).permutation(len(split))[:rows])
    return split.take(drawn), None if teacher_logits is None else teacher_logits[drawn]


@dataclass
class _Setup:
    """What every attempt of one training shares."""

    load_model: Callable[[], tuple[PreTrainedModel, Tokenizer]]
    training: Training
    folder: Path
    rows: Dataset
    validation: Dataset
    steps_per_epoch: int
    callbacks: tuple[TrainerCallback, ...]
    hidden: HiddenTeacher | None


def train(
    load_model: Callable[[], tuple[PreTrainedModel, Tokenizer]],
    training: Training,
    train_split: Split,
    validation: Split,
    max_length: int,
    folder: Path,
    teacher_logits: np.ndarray | None = None,
    callbacks: tuple[TrainerCallback, ...] = (),
    hidden: HiddenTeacher | None = None,
) -> tuple[PreTrainedModel, Tokenizer, dict]:
    """Choose the rate and the length, train, and give the weights that were best on validation.

    Goes on from the last checkpoint in ``folder`` if an earlier call was killed.

    Args:
        load_model: gives the model as training starts from it, and its tokenizer.
        training: the settings.
        train_split: rows to train on, their random spans among them.
        validation: rows to choose rate, length and checkpoint on.
        max_length: tokens of a text that are read.
        folder: for checkpoints.
        teacher_logits: (n, classes) on ``train_split``; None trains on the labels alone.
        callbacks: added to the Trainer's.
        hidden: the teacher whose inside is matched in the first ``training.hidden_epochs``.

    Returns:
        The model, its tokenizer, and a record of the training for ``run.json``.

    Raises:
        PipelineError: the loss is never finite, or several processes are to match hidden states.
    """
    if hidden and processes.count() > 1:
        raise PipelineError("hidden states are matched by one process only; start one")
    if training.rows:
        train_split, teacher_logits = draw(
            train_split, teacher_logits, training.rows, training.seed
        )
    steps_per_epoch, epochs_to_try = lengths(training, len(train_split))
    model, tokenizer = load_model()
    with busy(f"tokenizing {len(train_split) + len(validation):,} rows"):
        rows = tokenize(train_split, tokenizer, max_length, teacher_logits)
        validation_rows = tokenize(validation, tokenizer, max_length)
    setup = _Setup(
        load_model, training, folder, rows, validation_rows, steps_per_epoch, callbacks, hidden
    )
    rates = search_rate(setup, epochs_to_try[0])
    rate = best_rate(rates, model.config.num_labels) if rates else training.rates[0]
    tried: dict[int, dict] = {}
    for epochs in epochs_to_try:
        tried[epochs] = _train_for(setup, epochs, rate)
        if not _still_falling(tried[epochs], _least_loss(tried)):
            break
    best = min(tried, key=lambda epochs: _or_infinity(tried[epochs]["loss"]))
    kept = tried[best]
    if kept["loss"] is None:
        raise PipelineError(f"training diverged at the rate {rate:g}; give the role a lower one")
    model.load_state_dict(load_file(_weights_after(folder, best)))
    return (
        model,
        tokenizer,
        {
            "rate": rate,
            "rates_tried": rates,
            "epochs": best,
            "epochs_tried": {str(epochs): record["loss"] for epochs, record in tried.items()},
            **{name: value for name, value in kept.items() if name != "loss"},
            "rows": len(train_split),
            "bf16": hardware.has_bf16(),
            **hardware.describe(),
        },
    )


def _train_for(setup: _Setup, epochs: int, rate: float) -> dict:
    """Train for so many epochs, once, and write the weights and what is given back.

    Returns:
        ``loss`` on validation, None where it is never finite; steps, kept_step, validation (a list
        of step, accuracy and loss), seconds_since_last_start.
    """
    training = setup.training
    result = setup.folder / f"{epochs}-epochs.json"
    if result.is_file():
        return json.loads(result.read_text("utf-8"))
    set_seed(training.seed)
    model, tokenizer = setup.load_model()
    callbacks = setup.callbacks
    if setup.hidden:
        setup.hidden.add_projection(model)
    if training.average_from is not None:
        add_mean(model)
        callbacks += (AverageWeights(training.average_from),)
    steps = epochs * setup.steps_per_epoch
    saves = max(math.ceil(steps / training.checkpoint_steps), min(epochs, MOST_SAVES))
    checkpoints = setup.folder / f"{epochs}-epochs"
    made = trainer(
        model,
        tokenizer,
        training,
        checkpoints,
        rate=rate,
        max_steps=steps,
        save_every=math.ceil(steps / saves),
        train=setup.rows,
        validation=setup.validation,
        callbacks=callbacks,
        hidden=setup.hidden,
    )
    started = time.monotonic()
    with StopAtCheckpoint() as stop:
        made.add_callback(stop)
        made.train(resume_from_checkpoint=_last_checkpoint(checkpoints))
    take_mean(made.model)
    remove_projection(made.model)
    history = [
        {
            "step": entry["step"],
            "accuracy": entry["eval_accuracy"],
            "loss": _finite(entry[f"eval_{LOSS}"]),
        }
        for entry in made.state.log_history
        if "eval_accuracy" in entry
    ]
    kept = min(history, key=lambda entry: _or_infinity(entry["loss"]))
    record = {
        "loss": kept["loss"],
        "steps": made.state.max_steps,
        "kept_step": kept["step"],
        "validation": history,
        "seconds_since_last_start": round(time.monotonic() - started, 1),
    }
    if processes.is_first():
        weights = _weights_after(setup.folder, epochs)
        save_weights(made.model, weights)
        sync(weights)
        write_json(result, record)
        shutil.rmtree(checkpoints)
    processes.wait_for_all()
    return record


def _weights_after(folder: Path, epochs: int) -> Path:
    return folder / f"{epochs}-epochs.safetensors"


def _still_falling(record: dict, least: float) -> bool:
    """Whether a training ended with its lowest loss, and lower than all shorter ones."""
    loss, ended_with_it = record["loss"], record["kept_step"] == record["steps"]
    return loss is not None and loss <= least and ended_with_it


def _least_loss(tried: dict[int, dict]) -> float:
    return min(_or_infinity(record["loss"]) for record in tried.values())


def _finite(loss: float) -> float | None:
    """The loss, or None, which JSON has a word for, where it is NaN or infinite."""
    return loss if math.isfinite(loss) else None


def _or_infinity(loss: float | None) -> float:
    return math.inf if loss is None else loss


def _last_checkpoint(folder: Path) -> str | None:
    """The newest whole checkpoint; what a kill left of others is deleted."""
    if processes.is_first():
        for path in folder.glob("checkpoint-*"):
            if not _is_whole(path):  # would be taken for the newest, were it left
                shutil.rmtree(path)
    processes.wait_for_all()
    whole = [path for path in folder.glob("checkpoint-*") if _is_whole(path)]
    return str(max(whole, key=lambda path: int(path.name.split("-")[1]))) if whole else None


def _is_whole(checkpoint: Path) -> bool:
    """Whether nothing of a checkpoint is missing: not yet written, or already deleted."""
    try:
        # The last file that the Trainer writes of one.
        json.loads((checkpoint / "trainer_state.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return all(any(checkpoint.glob(name)) for name in _CHECKPOINT)
