"""Fine-tuning and distillation: choosing the rate, and a training that goes on after a kill."""

import json
import math
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from transformers import PreTrainedModel, TrainerCallback, set_seed

from pipeline import hardware, processes
from pipeline.averaging import AverageWeights, add_mean, take_mean
from pipeline.cache import write_json
from pipeline.data import Split
from pipeline.distillation import HiddenTeacher, remove_projection
from pipeline.errors import PipelineError
from pipeline.interrupts import StopAtCheckpoint
from pipeline.models import Tokenizer
from pipeline.progress import busy
from pipeline.roles import Training
from pipeline.trainer import tokenize, trainer

_CHECKPOINT = ("model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state*.pth")
"""What a training that goes on reads, beside the Trainer's state."""


def search_rate(
    load_model: Callable[[], tuple[PreTrainedModel, Tokenizer]],
    training: Training,
    train: Split,
    validation: Split,
    max_length: int,
    folder: Path,
    teacher_logits: np.ndarray | None = None,
) -> dict[str, float]:
    """Try each learning rate for one short epoch and write ``rates.json``.

    Returns:
        By rate (as it prints), the cross-entropy on validation; the lowest is the best rate.
    """
    if len(training.rates) == 1:
        return {}
    results = folder / "rates.json"
    tried = json.loads(results.read_text()) if results.is_file() else {}
    few, few_logits = draw(train, teacher_logits, training.search_rows, training.seed)
    judged_on, _ = draw(validation, None, training.search_rows, training.seed)
    rows = judged_rows = None
    for rate in training.rates:
        if str(rate) in tried:
            continue
        set_seed(training.seed)
        model, tokenizer = load_model()
        rows = rows or tokenize(few, tokenizer, max_length, few_logits)
        judged_rows = judged_rows or tokenize(judged_on, tokenizer, max_length)
        attempt = trainer(
            model,
            tokenizer,
            training,
            folder / "search",
            rate=rate,
            max_steps=math.ceil(len(few) / training.batch_size),
            train=rows,
            validation=judged_rows,
        )
        attempt.train()
        tried[str(rate)] = attempt.evaluate()["eval_loss"]
        if processes.is_first():
            write_json(results, tried)
    return tried


def draw(
    split: Split, teacher_logits: np.ndarray | None, rows: int, seed: int
) -> tuple[Split, np.ndarray | None]:
    """At most so many rows at random, in the order they stand in, and the teacher's logits."""
    drawn = np.sort(np.random.default_rng(seed).permutation(len(split))[:rows])
    return split.take(drawn), None if teacher_logits is None else teacher_logits[drawn]


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
    """Choose the rate, train, and come back with the weights that were best on validation.

    Goes on from the last checkpoint in ``folder`` if an earlier call was killed.

    Args:
        load_model: gives the model as training starts from it, and its tokenizer.
        training: the settings.
        train_split: rows to train on.
        validation: rows to choose rate and checkpoint on.
        max_length: tokens of a text that are read.
        folder: for checkpoints.
        teacher_logits: (n, 4) on ``train_split``; None trains on the labels alone.
        callbacks: added to the Trainer's.
        hidden: the teacher whose inside is matched in the first ``training.hidden_epochs``.

    Returns:
        The model, its tokenizer, and a record of the training for ``run.json``.
    """
    if hidden and processes.count() > 1:
        raise PipelineError("hidden states are matched by one process only; start one")
    if training.rows:
        train_split, teacher_logits = draw(
            train_split, teacher_logits, training.rows, training.seed
        )
    rates = search_rate(
        load_model, training, train_split, validation, max_length, folder, teacher_logits
    )
    rate = float(min(rates, key=rates.__getitem__)) if rates else training.rates[0]
    set_seed(training.seed)
    model, tokenizer = load_model()
    if hidden:
        hidden.add_projection(model)
    if training.average_from is not None:
        add_mean(model)
        callbacks += (AverageWeights(training.average_from),)
    steps_per_epoch = math.ceil(len(train_split) / training.batch_size)
    saves_per_epoch = math.ceil(steps_per_epoch / training.checkpoint_steps)
    save_every = math.ceil(steps_per_epoch / saves_per_epoch)
    with busy(f"tokenizing {len(train_split) + len(validation):,} rows"):
        rows = tokenize(train_split, tokenizer, max_length, teacher_logits)
        validation_rows = tokenize(validation, tokenizer, max_length)
    made = trainer(
        model,
        tokenizer,
        training,
        folder / "checkpoints",
        rate=rate,
        # Whole epochs: in one that was begun, a Trainer that goes on from the end adds a step.
        max_steps=training.epochs * steps_per_epoch,
        save_every=save_every,
        train=rows,
        validation=validation_rows,
        callbacks=callbacks,
        hidden=hidden,
    )
    started = time.monotonic()
    with StopAtCheckpoint() as stop:
        made.add_callback(stop)
        made.train(resume_from_checkpoint=_last_checkpoint(folder / "checkpoints"))
    take_mean(made.model)
    remove_projection(made.model)
    history = [
        {"step": entry["step"], "accuracy": entry["eval_accuracy"], "loss": entry["eval_loss"]}
        for entry in made.state.log_history
        if "eval_accuracy" in entry
    ]
    return (
        made.model,
        tokenizer,
        {
            "rate": rate,
            "rates_tried": rates,
            "steps": made.state.max_steps,
            "kept_step": max(history, key=lambda entry: entry["accuracy"])["step"],
            "validation": history,
            "rows": len(train_split),
            "seconds_since_last_start": round(time.monotonic() - started, 1),
            "bf16": made.args.bf16,
            **hardware.describe(),
        },
    )


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
