"""What a student learns from: the teacher's logits, hidden states and attention."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.modeling_outputs import SequenceClassifierOutput

from pipeline.errors import PipelineError

NO_LABEL = -100
"""Stands for the label in a row without one: the row is learned only from the teacher."""
PROJECTION = "hidden_projection"


def distillation_loss(
    logits: Tensor,
    labels: Tensor,
    teacher_logits: Tensor,
    temperature: float,
    label_share: float,
) -> Tensor:
    """Each row's weighted sum of softened KL and cross-entropy (Hinton et al., 2015).

    The KL is multiplied by temperature², so the temperature does not change its gradients' size.

    Args:
        logits: the student's logits, (batch, classes).
        labels: int64 (batch,); a row with ``NO_LABEL`` adds nothing to the cross-entropy.
        teacher_logits: (batch, classes).
        temperature: divides both logits; above 1 it shows more of the unlikely classes.
        label_share: weight of the cross-entropy, 0..1; the KL has the rest of the weight.

    Returns:
        The losses, (batch,).
    """
    cross_entropy = functional.cross_entropy(
        logits.float(), labels, ignore_index=NO_LABEL, reduction="none"
    )
    divergence = functional.kl_div(
        functional.log_softmax(logits.float() / temperature, dim=-1),
        functional.log_softmax(teacher_logits.float() / temperature, dim=-1),
        log_target=True,
        reduction="none",
    ).sum(dim=-1)
    return label_share * cross_entropy + (1 - label_share) * temperature**2 * divergence


@dataclass
class HiddenTeacher:
    """A teacher whose hidden states (TinyBERT) and attention (MiniLM) a student learns to match.

    Hidden states are matched as in Jiao et al. (2020, arXiv:1909.10351): layer by layer, with the
    student's layers spread evenly over the teacher's, through one learned projection. Attention is
    matched as in Wang et al. (2020, arXiv:2002.10957): in the last layer, if both models have the
    same number of heads.
    """

    network: PreTrainedModel
    lookup: Tensor
    """The teacher's id for each id of the student, int64 (student's vocabulary,)."""

    @torch.no_grad()
    def __call__(self, input_ids: Tensor, attention_mask: Tensor) -> SequenceClassifierOutput:
        """The teacher's hidden states and attention on a batch of the student's ids."""
        # Declared as a plain module, because transformers' own `to` has no types.
        network: nn.Module = self.network
        return network.to(input_ids.device)(
            input_ids=self.lookup.to(input_ids.device)[input_ids],
            attention_mask=attention_mask,
            output_hidden_states=True,
            output_attentions=True,
        )

    def add_projection(self, student: PreTrainedModel) -> None:
        """Add to the student, in place, a layer that projects its width to the teacher's."""
        projection = nn.Linear(student.config.hidden_size, self.network.config.hidden_size)
        setattr(student, PROJECTION, projection.to(student.device))

    def loss(self, student: nn.Module, inputs: dict[str, Tensor]) -> Tensor:
        """The mean squared difference of hidden states, plus the KL of the last layers' attention.

        Args:
            student: a classifier with its projection.
            inputs: ``input_ids`` and ``attention_mask``, int64 (batch, sequence).
        """
        ours = student(**inputs, output_hidden_states=True, output_attentions=True)
        theirs = self(**inputs)
        real = inputs["attention_mask"].bool()
        # Both models were asked for these.
        assert theirs.hidden_states is not None
        assert theirs.attentions is not None
        project = student.get_submodule(PROJECTION)
        layers = len(ours.hidden_states) - 1
        stride = (len(theirs.hidden_states) - 1) / layers
        # Number 0 is the output of the embeddings.
        first, *others = (
            functional.mse_loss(
                project(hidden[real].float()),
                theirs.hidden_states[round(number * stride)][real].float(),
            )
            for number, hidden in enumerate(ours.hidden_states)
        )
        total = sum(others, first) / (layers + 1)
        mine, other = ours.attentions[-1], theirs.attentions[-1]
        if mine.shape == other.shape:
            total = total + _attention_divergence(mine.float(), other.float(), real)
        return total


def _attention_divergence(ours: Tensor, theirs: Tensor, real: Tensor) -> Tensor:
    """Mean KL of attention [batch, heads, sequence, sequence] over heads and real positions."""
    tiny = 1e-6
    divergence = (theirs * ((theirs + tiny).log() - (ours + tiny).log())).sum(-1)
    return (divergence.mean(1) * real).sum() / real.sum()


def remove_projection(student: PreTrainedModel) -> None:
    """Remove the layer that ``add_projection`` added to the student, if there is one."""
    if hasattr(student, PROJECTION):
        delattr(student, PROJECTION)


def hidden_teacher(
    network: PreTrainedModel, teacher: PreTrainedTokenizerBase, student: PreTrainedTokenizerBase
) -> HiddenTeacher:
    """A teacher that reads the student's ids. Raises the errors of ``ids_of_teacher``."""
    network.set_attn_implementation("eager")  # the fused kernels don't return their attention
    return HiddenTeacher(network.eval(), ids_of_teacher(teacher, student))


def ids_of_teacher(teacher: PreTrainedTokenizerBase, student: PreTrainedTokenizerBase) -> Tensor:
    """The teacher's id for each id of the student, int64 (student's vocabulary,).

    Raises:
        PipelineError: the student has pieces that the teacher lacks, other than unused ones. The
            two would split a text differently, and their positions would not be the same.
    """
    special = {
        getattr(student, f"{name}_token"): getattr(teacher, f"{name}_token_id")
        for name in ("cls", "sep", "pad", "unk", "mask")
    }
    known = teacher.get_vocab() | special
    vocabulary = student.get_vocab()
    missing = [piece for piece in vocabulary if piece not in known]
    if any(not piece.startswith("[unused") for piece in missing):
        raise PipelineError(
            "teacher and student can only read the same ids where they share a vocabulary; "
            f"the teacher has no piece {missing[0]!r}"
        )
    lookup = torch.full((max(vocabulary.values()) + 1,), teacher.unk_token_id)
    for piece, number in vocabulary.items():
        lookup[number] = known.get(piece, teacher.unk_token_id)
    return lookup
