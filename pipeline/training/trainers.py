"""transformers' Trainer, set up for fine-tuning and for distillation."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor, nn
from torch.nn import functional
from transformers import (
    DataCollatorWithPadding,
    EvalPrediction,
    PreTrainedModel,
    ProgressCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers.trainer_pt_utils import LengthGroupedSampler
from transformers.trainer_utils import rotate_checkpoints
from transformers.utils import logging

from pipeline import hardware, processes
from pipeline.data.data_sets import Split
from pipeline.models.networks import Tokenizer
from pipeline.progress import say
from pipeline.recipes.training_settings import Training
from pipeline.training.distillation import HiddenTeacher, distillation_loss
from pipeline.training.weight_averaging import mean_or_last

LOSS = "cross_entropy"
"""The metric by which validation chooses."""

logging.set_verbosity_error()
logging.disable_progress_bar()


def tokenize(
    split: Split,
    tokenizer: Tokenizer,
    max_length: int,
    teacher_logits: np.ndarray | None = None,
) -> Dataset:
    """Columns input_ids, attention_mask, length, labels; teacher_logits (n, classes) if given."""
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


def _with_filler(rows: Dataset) -> Dataset:
    """The rows and, as the last one, a filler whose column ``counts`` is 0; theirs is 1."""
    counts = [1.0] * len(rows) + [0.0]
    return rows.select([*range(len(rows)), 0]).add_column("counts", counts)


class _EpochSampler(LengthGroupedSampler):
    """Groups by length in an order that depends on seed and epoch alone.

    transformers' own draws it from the global generator, which a resumed run finds in another
    state than the epoch began with: it would see some rows twice and others not at all.

    With ``fill``, the last batch is made whole with the filler that follows the rows: several
    processes share it, and accelerate would make it whole with rows that come twice then.
    """

    def __init__(self, batch_size: int, lengths: list[int], seed: int, fill: bool) -> None:
        super().__init__(batch_size, lengths=lengths)
        self.seed = seed
        self.fillers = -len(lengths) % batch_size if fill else 0

    def set_epoch(self, epoch: int) -> None:
        # Both numbers are mixed, so that no epoch of one seed is an epoch of another.
        (mixed,) = np.random.SeedSequence((self.seed, epoch)).generate_state(1, np.uint64)
        self.generator = torch.Generator().manual_seed(int(mixed))

    def __len__(self) -> int:
        return len(self.lengths) + self.fillers

    def __iter__(self) -> Iterator[int]:
        yield from super().__iter__()
        yield from [len(self.lengths)] * self.fillers


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
        lengths = list(self.train_dataset[self.args.length_column_name])
        shared = "counts" in self.train_dataset.column_names
        # Of the whole batch: accelerate gives each process its part of it.
        return _EpochSampler(
            self.training.batch_size, lengths[:-1] if shared else lengths, self.args.seed, shared
        )

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        labels = inputs.pop("labels")
        teacher_logits = inputs.pop("teacher_logits", None)
        counts = inputs.pop("counts", torch.ones(len(labels), device=labels.device))
        if model.training and self.hidden and self.state.epoch < self.training.hidden_epochs:
            return self.hidden.loss(model, inputs)
        outputs = model(**inputs)
        if teacher_logits is None:
            losses = functional.cross_entropy(outputs.logits.float(), labels, reduction="none")
        else:
            losses = distillation_loss(
                outputs.logits,
                labels,
                teacher_logits,
                self.training.temperature,
                self.training.label_share,
            )
        loss = self._mean_of_batch(losses, counts) if model.training else losses.mean()
        # prediction_step drops the first of the outputs, which a model given labels has as loss.
        return (loss, (loss, outputs.logits)) if return_outputs else loss

    def _mean_of_batch(self, losses: Tensor, counts: Tensor) -> Tensor:
        """What this process's losses add to the mean over all rows of a batch, fillers left out.

        Gradients are averaged over the processes afterwards: hence the factor.
        """
        in_all = self.accelerator.reduce(counts.sum(), reduction="sum")
        return (losses * counts).sum() * processes.count() / in_all

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
    compute_head_in_float32(model)
    if train is not None:
        _prepare(model, training.dropout, on_cpu)
        train = _with_filler(train) if processes.count() > 1 else train
    pad = DataCollatorWithPadding(tokenizer)
    every = {"eval_strategy": "no", "save_strategy": "no"}
    if save_every:
        every = {
            "eval_strategy": "steps",
            "eval_steps": save_every,
            "save_strategy": "steps",
            "save_steps": save_every,
            "load_best_model_at_end": True,
            "metric_for_best_model": LOSS,
            "greater_is_better": False,
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
    use_one_gpu(arguments)
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


def use_one_gpu(arguments: TrainingArguments) -> None:
    """Keep the Trainer from ``DataParallel``, which it would use in silence, with a larger batch.

    Several GPUs take part where accelerate starts a process for each.
    """
    if arguments.n_gpu > 1:
        say(f"note: of {arguments.n_gpu} GPUs one is used; accelerate launch uses all of them")
        arguments._n_gpu = 1


class _InFloat32:
    """A layer that computes in float32 whatever the precision of all before it."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())


def compute_head_in_float32(model: PreTrainedModel) -> None:
    """Make a classifier, in place, compute its logits in float32 while it is run in bf16.

    A logit of bf16 has 8 significant bits. Names and values of the weights stay.
    """
    for module in model.modules():
        is_head = isinstance(module, nn.Linear) and module.out_features == model.config.num_labels
        if is_head and not isinstance(module, _InFloat32):
            kind = type(module)
            module.__class__ = type(f"{kind.__name__}InFloat32", (_InFloat32, kind), {})


def _validation_metrics(prediction: EvalPrediction) -> dict[str, float]:
    """Accuracy and the mean cross-entropy, over each validation row once."""
    logits, labels = prediction.predictions, prediction.label_ids
    losses = functional.cross_entropy(torch.tensor(logits), torch.tensor(labels))
    return {"accuracy": float((logits.argmax(-1) == labels).mean()), LOSS: float(losses)}


def predict_logits(
    model: PreTrainedModel, tokenizer: Tokenizer, split: Split, max_length: int
) -> np.ndarray:
    """A model's logits on a split, float32 (n, classes), in the split's order."""
    rows = tokenize(split, tokenizer, max_length)
    # In order of length, so that batches need little padding.
    order = np.argsort(rows["length"], kind="stable")
    predictor = trainer(model, tokenizer, Training(rates=(), epochs=0), Path("."))
    logits = np.empty((len(split), model.config.num_labels), dtype=np.float32)
    logits[order] = predictor.predict(rows.select(order)).predictions
    return logits
