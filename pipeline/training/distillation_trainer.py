"""transformers' Trainer with this project's losses, order of rows and mean of weights."""

from typing import Any

import torch
from datasets import Dataset
from torch import Tensor, nn
from torch.nn import functional
from transformers import Trainer

from pipeline import processes
from pipeline.recipes.training_settings import Training
from pipeline.training.distillation import HiddenTeacher, distillation_loss
from pipeline.training.rows import EpochSampler
from pipeline.training.weight_averaging import mean_or_last


class DistillationTrainer(Trainer):
    """Learns the teacher's logits from batches that contain them, else the labels.

    With a hidden teacher, the first epochs match its hidden states instead. Once there is a mean of
    the weights, validation uses the mean.
    """

    def __init__(
        self,
        *args: Any,
        settings: Training,
        hidden_teacher: HiddenTeacher | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.settings = settings
        self.hidden_teacher = hidden_teacher

    def _get_train_sampler(self, train_dataset: object = None) -> EpochSampler:
        rows = self.train_dataset
        assert isinstance(rows, Dataset), "make_trainer gives tokenized rows"
        lengths = list(rows["length"])
        shared = "counts" in rows.column_names
        # The sampler is for whole batches; accelerate splits each one between the processes.
        return EpochSampler(
            self.settings.batch_size, lengths[:-1] if shared else lengths, self.args.seed, shared
        )

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor | tuple[Tensor, Any]:
        """The loss of a batch, a scalar; with ``return_outputs``, also (loss, logits).

        During training, it is this process's share of the mean over the rows of the batch.
        """
        labels = inputs.pop("labels")
        teacher_logits = inputs.pop("teacher_logits", None)
        counts = inputs.pop("counts", torch.ones(len(labels), device=labels.device))
        if model.training and self.hidden_teacher and self._is_before(self.settings.hidden_epochs):
            return self.hidden_teacher.loss(model, inputs)
        outputs = model(**inputs)
        if teacher_logits is None:
            losses = functional.cross_entropy(outputs.logits.float(), labels, reduction="none")
        else:
            losses = distillation_loss(
                outputs.logits,
                labels,
                teacher_logits,
                self.settings.temperature,
                self.settings.label_share,
            )
        loss = self._mean_of_batch(losses, counts) if model.training else losses.mean()
        # prediction_step drops the first output, because it expects the loss there.
        return (loss, (loss, outputs.logits)) if return_outputs else loss

    def _is_before(self, epoch: int | None) -> bool:
        assert self.state.epoch is not None, "the Trainer sets it when training begins"
        return self.state.epoch < (epoch or 0)

    def _mean_of_batch(self, losses: Tensor, counts: Tensor) -> Tensor:
        """This process's share of the mean loss over all rows of a batch, without fillers.

        It is multiplied by the number of processes, because gradients are averaged over the
        processes afterwards.
        """
        in_all = self.accelerator.reduce(counts.sum(), reduction="sum")
        return (losses * counts).sum() * processes.count() / in_all

    def prediction_step(
        self, model: nn.Module, *args: Any, **kwargs: Any
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Loss, logits and labels of a batch, from the mean weights if there are any yet."""
        return super().prediction_step(mean_or_last(model), *args, **kwargs)
