"""Fine-tuning and distillation, on transformers' Trainer."""

import json
import math
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from torch.nn import functional
from transformers import (
    DataCollatorWithPadding,
    EvalPrediction,
    PreTrainedModel,
    ProgressCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)
from transformers.trainer_pt_utils import LengthGroupedSampler
from transformers.trainer_utils import rotate_checkpoints
from transformers.utils import logging

from pipeline import hardware, processes
from pipeline.averaging import AverageWeights, add_mean, mean_or_last, take_mean
from pipeline.cache import write_json
from pipeline.data import Split
from pipeline.distillation import HiddenTeacher, distillation_loss, remove_projection
from pipeline.errors import PipelineError
from pipeline.interrupts import StopAtCheckpoint
from pipeline.models import Tokenizer
from pipeline.progress import busy
from pipeline.roles import Training

_CHECKPOINT = ("model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state*.pth")
"""What a training that goes on reads, beside the Trainer's state."""

logging.set_verbosity_error()
logging.disable_progress_bar()


def tokenize(
    split: Split,
    tokenizer: Tokenizer,
    max_length: int,
    teacher_logits: np.ndarray | None = None,
) -> Dataset:
    """Columns input_ids, attention_mask, length, labels and, where given, teacher_logits (n, 4)."""
    tokens = tokenizer(
        split.texts, truncation=True, max_length=max_length, return_token_type_ids=False
    )
    columns = {
        "input_ids": tokens["input_ids"],
        "attention_mask": tokens["attention_mask"],
        "length": [len(ids) for ids in tokens["input_ids"]],
        "labels": split.labels,
    }
    if teacher_logits is not None:
        columns["teacher_logits"] = list(teacher_logits.astype(np.float32))
    return Dataset.from_dict(columns)


class _Progress(ProgressCallback):
    """The Trainer's progress bar, without a line for every figure it logs."""

    def on_log(self, args, state, control, logs=None, **kwargs) -> None:
        if self.training_bar is not None and logs and "eval_accuracy" in logs:
            self.training_bar.set_postfix_str(f"validation {logs['eval_accuracy']:.4f}")


class _KeepNewest(TrainerCallback):
    """Deletes all checkpoints but the newest, by their steps, and the best.

    The Trainer's own limit goes by time: with a clock that was set back it would delete the newest.
    It also deletes the last one before the result is written, to which a kill may still come.
    """

    def on_save(self, args, state, control, **kwargs) -> None:
        if processes.is_first():
            rotate_checkpoints(args.output_dir, 1, state.best_model_checkpoint)


class _EpochSampler(LengthGroupedSampler):
    """Groups by length in an order that depends on seed and epoch alone.

    transformers' own draws it from the global generator, which a resumed run finds in another
    state than the epoch began with: it would see some rows twice and others not at all.
    """

    seed = 0

    def set_epoch(self, epoch: int) -> None:
        self.generator = torch.Generator().manual_seed(self.seed + epoch)


class _DistillationTrainer(Trainer):
    """Takes the teacher's logits from the batch; a batch without them is scored on its labels.

    With a hidden teacher, the first epochs match what is inside it instead. Once there is a mean of
    the weights, validation judges the mean.
    """

    def __init__(
        self, *args, training: Training, hidden: HiddenTeacher | None = None, **kwargs
    ) -> None:
        super().__init__(*args, **kwargs)
        self.training = training
        self.hidden = hidden

    def _get_train_sampler(self, train_dataset=None) -> _EpochSampler:
        lengths = self.train_dataset[self.args.length_column_name]
        # Of the whole batch: accelerate gives each process every so-manieth share of it.
        sampler = _EpochSampler(self.training.batch_size, lengths=list(lengths))
        sampler.seed = self.args.seed
        return sampler

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        labels = inputs.pop("labels")
        teacher_logits = inputs.pop("teacher_logits", None)
        if model.training and self.hidden and self.state.epoch < self.training.hidden_epochs:
            return self.hidden.loss(model, inputs)
        outputs = model(**inputs)
        if teacher_logits is None:
            loss = functional.cross_entropy(outputs.logits.float(), labels)
        else:
            loss = distillation_loss(
                outputs.logits,
                labels,
                teacher_logits,
                self.training.temperature,
                self.training.label_share,
            )
        # prediction_step drops the first of the outputs, which a model given labels has as loss.
        return (loss, (loss, outputs.logits)) if return_outputs else loss

    def prediction_step(self, model, *args, **kwargs):
        return super().prediction_step(mean_or_last(model), *args, **kwargs)


def trainer(
    model: PreTrainedModel,
    tokenizer: Tokenizer,
    training: Training,
    folder: Path,
    *,
    rate: float = 0.0,
    max_steps: int = -1,
    save_every: int | None = None,
    train: Dataset | None = None,
    validation: Dataset | None = None,
    callbacks: tuple[TrainerCallback, ...] = (),
    hidden: HiddenTeacher | None = None,
) -> Trainer:
    """A Trainer that pads to the longest of a batch and groups by length, in bf16 where it can."""
    on_cpu = not torch.accelerator.is_available()
    if train is not None:
        _prepare(model, training.dropout, on_cpu)
    pad = DataCollatorWithPadding(tokenizer)
    every = {"eval_strategy": "no", "save_strategy": "no"}
    if save_every:
        every = {
            "eval_strategy": "steps",
            "eval_steps": save_every,
            "save_strategy": "steps",
            "save_steps": save_every,
            "load_best_model_at_end": True,
            "metric_for_best_model": "accuracy",
        }
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=max_steps,
        learning_rate=rate,
        lr_scheduler_type="linear",
        warmup_steps=training.warmup,
        weight_decay=training.weight_decay,
        per_device_train_batch_size=processes.share(training.batch_size),
        per_device_eval_batch_size=64,
        # Where nothing is trained, rows must come back in order: the strategy is evaluation's too.
        train_sampling_strategy="random" if train is None else "group_by_length",
        remove_unused_columns=False,
        label_names=["labels"],
        bf16=hardware.has_bf16(),
        use_cpu=on_cpu,
        seed=training.seed,
        report_to="none",
        disable_tqdm=False,
        logging_steps=save_every or 500,
        dataloader_pin_memory=torch.cuda.is_available(),
        **every,
    )
    made = _DistillationTrainer(
        model,
        arguments,
        lambda rows: pad([{k: v for k, v in row.items() if k != "length"} for row in rows]),
        train,
        validation,
        compute_metrics=_validation_metrics,
        callbacks=list(callbacks),
        training=training,
        hidden=hidden,
    )
    made.remove_callback(ProgressCallback)
    made.add_callback(_Progress)
    if save_every:
        made.add_callback(_KeepNewest)
    return made


def _prepare(model: PreTrainedModel, dropout: float, on_cpu: bool) -> None:
    """Set a model's dropout and its fastest attention for training, in place."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = dropout
    if on_cpu:
        # The fused kernel's backward pass takes 2.6 times as long as plain products on a CPU.
        model.set_attn_implementation("eager")


def _validation_metrics(prediction: EvalPrediction) -> dict[str, float]:
    return {"accuracy": float((prediction.predictions.argmax(-1) == prediction.label_ids).mean())}


def predict_logits(
    model: PreTrainedModel, tokenizer: Tokenizer, split: Split, max_length: int
) -> np.ndarray:
    """A model's logits on a split, float32 (n, 4), in the split's order."""
    rows = tokenize(split, tokenizer, max_length)
    # In order of length, so that batches need little padding.
    order = np.argsort(rows["length"], kind="stable")
    predictor = trainer(model, tokenizer, Training(rates=(), epochs=0), Path("."))
    logits = np.empty((len(split), model.config.num_labels), dtype=np.float32)
    logits[order] = predictor.predict(rows.select(order)).predictions
    return logits


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
