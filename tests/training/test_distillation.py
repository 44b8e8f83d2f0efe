"""Distillation: losses by hand, the teacher's hidden states, and its ids for the student's."""

import math

import numpy as np
import pytest
import torch

from pipeline.data import data_sets
from pipeline.errors import PipelineError
from pipeline.models import networks
from pipeline.recipes.training_settings import Training
from pipeline.training import distillation, model_selection
from pipeline.training.distillation import NO_LABEL, distillation_loss
from pipeline.training.task import TrainingTask

MPNET = "sentence-transformers/all-mpnet-base-v2"
MINILM = "sentence-transformers/all-MiniLM-L6-v2"


def test_distillation_loss_by_hand():
    logits = torch.tensor([[0.0, math.log(3)]])
    teacher = torch.tensor([[math.log(9), 0.0]])
    # At temperature 2 the student gives 1/(1+√3), √3/(1+√3), and the teacher 3/4, 1/4.
    root = math.sqrt(3)
    divergence = 0.75 * math.log(0.75 * (1 + root)) + 0.25 * math.log(0.25 * (1 + root) / root)
    cross_entropy = -math.log(1 / 4)
    loss = distillation_loss(logits, torch.tensor([0]), teacher, temperature=2.0, label_share=0.3)
    assert loss.item() == pytest.approx(0.3 * cross_entropy + 0.7 * 4 * divergence, rel=1e-5)


def test_distillation_loss_of_an_equal_student_is_the_cross_entropy_alone():
    logits = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(8) % 4
    losses = distillation_loss(logits, labels, logits, 2.0, 0.25)
    each = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    torch.testing.assert_close(losses, 0.25 * each)  # one loss per row


def test_a_row_without_a_label_is_taught_by_the_teacher_alone():
    generator = torch.Generator().manual_seed(0)
    logits, teacher = torch.randn(2, 4, 4, generator=generator)
    labels = torch.tensor([1, NO_LABEL, 2, NO_LABEL])
    labelled = labels != NO_LABEL
    expected = torch.zeros(4)
    expected[labelled] = torch.nn.functional.cross_entropy(
        logits[labelled], labels[labelled], reduction="none"
    )
    only_labels = distillation_loss(logits, labels, teacher, 2.0, 1.0)
    torch.testing.assert_close(only_labels, expected)
    none = distillation_loss(logits, torch.full((4,), NO_LABEL), teacher, 2.0, 0.5)
    softened = distillation_loss(logits / 2, labels, teacher / 2, 1.0, 0.0)
    torch.testing.assert_close(none, 0.5 * 4 * softened)


@pytest.fixture(scope="module")
def pair(checkpoints):
    """A student, its tokenizer, a teacher of another architecture, and the teacher's tokenizer."""
    torch.manual_seed(0)
    student, its = networks.load_checkpoint(MINILM, "bert", checkpoints, data_sets.LABELS)
    teacher, other = networks.load_checkpoint(MPNET, "mpnet", checkpoints, data_sets.LABELS)
    student.set_attn_implementation("eager")
    return student.eval(), its, teacher, other


def _batch(tokenizer):
    return dict(
        tokenizer(
            data_sets.load(toy=True).test.texts[:6],
            padding=True,
            return_token_type_ids=False,
            return_tensors="pt",
        )
    )


def test_the_teacher_reads_the_students_ids_as_its_own(pair):
    _, its, teacher, other = pair
    hidden = distillation.hidden_teacher(teacher, other, its)
    batch, own = _batch(its), _batch(other)
    assert torch.equal(hidden.lookup[batch["input_ids"]], own["input_ids"])
    with torch.no_grad():
        expected = teacher(**own, output_hidden_states=True)
    torch.testing.assert_close(hidden(**batch).hidden_states[-1], expected.hidden_states[-1])


def test_matching_the_inside_by_hand(pair):
    student, its, teacher, other = pair
    hidden = distillation.hidden_teacher(teacher, other, its)
    torch.manual_seed(1)
    hidden.add_projection(student)
    batch = _batch(its)
    with torch.no_grad():
        ours = student(**batch, output_hidden_states=True, output_attentions=True)
        theirs = hidden(**batch)
        weight, bias = (p.numpy() for p in student.hidden_projection.parameters())
        real = batch["attention_mask"].bool().numpy()
        squares = [
            # The student has 6 layers, the teacher 12: each matches every second one.
            ((h.numpy()[real] @ weight.T + bias - theirs.hidden_states[2 * n].numpy()[real]) ** 2)
            for n, h in enumerate(ours.hidden_states)
        ]
        p, q = theirs.attentions[-1].numpy(), ours.attentions[-1].numpy()
        divergence = (p * (np.log(p + 1e-6) - np.log(q + 1e-6))).sum(-1).mean(1)[real].mean()
        expected = np.mean([square.mean() for square in squares]) + divergence
        assert hidden.loss(student, batch).item() == pytest.approx(expected, rel=1e-4)
    distillation.remove_projection(student)
    assert not any("projection" in name for name in student.state_dict())


def test_a_student_of_another_vocabulary_is_refused(pair, tmp_path):
    _, its, teacher, other = pair
    vocabulary = [*sorted(its.get_vocab(), key=its.get_vocab().get), "unheard"]
    (tmp_path / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    stranger = type(its).from_pretrained(tmp_path)
    with pytest.raises(PipelineError, match="the teacher has no piece 'unheard'"):
        distillation.hidden_teacher(teacher, other, stranger)


@pytest.mark.slow
def test_hidden_states_come_first_and_leave_no_trace(pair, checkpoints, tmp_path, monkeypatch):
    _, its, teacher, other = pair
    hidden = distillation.hidden_teacher(teacher, other, its)
    asked = []
    monkeypatch.setattr(
        distillation.HiddenTeacher,
        "loss",
        lambda self, student, inputs, loss=distillation.HiddenTeacher.loss: (
            asked.append(student.training) or loss(self, student, inputs)
        ),
    )
    corpus = data_sets.load(toy=True)
    settings = Training(rates=(1e-3,), epochs=3, batch_size=90, hidden_epochs=1)
    task = TrainingTask(
        lambda: networks.load_checkpoint(MINILM, "bert", checkpoints, data_sets.LABELS),
        settings,
        corpus.train,
        corpus.validation,
        32,
        np.zeros((len(corpus.train), 4)),
        hidden,
    )
    network, _, record = model_selection.train_and_select(task, tmp_path)
    # 270 rows in batches of 90 are three steps per epoch. The first epoch learns hidden states.
    assert asked == [True] * 3
    assert record["steps"] == 9
    assert not any("projection" in name for name in network.state_dict())
