"""Validation chooses the rate, the checkpoint and the length of a training.

Kill and resume are tested in test_interrupts.py and tests/runs/test_toy_run.py, several processes
in test_processes.py.
"""

import json
import math
import os
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import TrainerCallback

from pipeline.data import data_sets
from pipeline.errors import PipelineError
from pipeline.models import networks, ngrams, toy_checkpoints
from pipeline.recipes.families import FAMILIES
from pipeline.recipes.training_settings import NGramShape, Training
from pipeline.training import model_selection, prediction, trainer
from pipeline.training.task import TokenizedTask, TrainingTask
from tests.training.helpers import same

CORPUS = data_sets.load(toy=True)
SHAPE = NGramShape(500, 500, width=7, hidden=16)
DIVERGES = 1e6
"""A rate at which the small network below has no finite loss after a few steps."""


def learn(folder, settings, *callbacks, logits=None):
    """Train a tiny network; returns what ``train_and_select`` returns."""
    task = TrainingTask(
        lambda: ngrams.new(SHAPE, data_sets.LABELS),
        settings,
        CORPUS.train,
        CORPUS.validation,
        32,
        logits,
    )
    return model_selection.train_and_select(task, folder, callbacks)


class Watch(TrainerCallback):
    """Keeps the weights after every step, by (steps of the training, number of this step)."""

    def __init__(self):
        self.weights = {}

    def on_step_end(self, args, state, control, model, **kwargs):
        weights = {name: value.clone() for name, value in model.state_dict().items()}
        self.weights[state.max_steps, state.global_step] = weights


def stored(folder):
    """All JSON in a folder, by name; a number that is not finite is refused."""

    def refuse(constant):
        raise AssertionError(f"{constant} is in a file")

    return {
        path.name: json.loads(path.read_text(), parse_constant=refuse)
        for path in folder.rglob("*.json")
    }


@pytest.fixture
def judged(monkeypatch):
    """Makes validation return given verdicts, one (accuracy, loss) per evaluation."""

    def judged(*verdicts):
        left = list(verdicts)

        def say(prediction):
            accuracy, loss = left.pop(0)
            return {"accuracy": accuracy, trainer.LOSS: loss}

        monkeypatch.setattr(trainer, "_validation_metrics", say)
        return left

    return judged


# --- the rate -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_loss_on_validation_chooses_the_rate(tmp_path):
    settings = Training(rates=(1e-9, 0.05), epochs=4, batch_size=16, search_steps=30)
    _, _, record = learn(tmp_path, settings)
    assert set(record["rates_tried"]) == {"1e-09", "0.05"}
    best = min(record["rates_tried"], key=record["rates_tried"].get)
    assert record["rate"] == float(best) == 0.05
    # Every epoch is a point of the history, and the kept one has the lowest loss.
    assert len(record["validation"]) == 4
    losses = {entry["step"]: entry["loss"] for entry in record["validation"]}
    assert losses[record["kept_step"]] == min(losses.values())


@pytest.mark.slow
def test_a_rate_at_which_training_diverges_counts_as_worst(tmp_path):
    settings = Training(rates=(DIVERGES, 5e-2), epochs=2, batch_size=16, search_steps=12)
    _, _, record = learn(tmp_path, settings)
    assert record["rate"] == 5e-2
    assert record["rates_tried"][str(DIVERGES)] is None
    assert stored(tmp_path)["rates.json"] == record["rates_tried"]
    json.dumps(record, allow_nan=False)


def test_where_every_rate_diverges_that_is_one_line(tmp_path):
    settings = Training(rates=(DIVERGES, 2 * DIVERGES), epochs=1, batch_size=16)
    with pytest.raises(PipelineError) as stop:
        learn(tmp_path, settings)
    said = "training diverged at every rate, 1000000.0, 2000000.0; give the role lower ones"
    assert str(stop.value) == said
    assert stored(tmp_path)["rates.json"] == {"1000000.0": None, "2000000.0": None}


def test_a_training_that_diverges_is_one_line(tmp_path):
    settings = Training(rates=(DIVERGES,), epochs=1, batch_size=16, doubled_up_to=10_000)
    with pytest.raises(PipelineError) as stop:
        learn(tmp_path, settings)
    said = "training diverged at the rate 1e+06; give the role a lower one"
    assert str(stop.value) == said
    # It is trained once: a longer training would diverge, too.
    assert stored(tmp_path)["1-epochs.json"]["loss"] is None
    assert not (tmp_path / "2-epochs.json").exists()


def test_every_rate_is_tried_for_a_share_of_the_steps(tmp_path, monkeypatch):
    asked = []

    def fake(model, tokenizer, task, schedule, folder):
        asked.append((schedule.rate, schedule.steps))
        judge = {f"eval_{trainer.LOSS}": 1.0}
        return SimpleNamespace(train=lambda: None, evaluate=lambda: judge)

    monkeypatch.setattr(model_selection, "make_trainer", fake)
    settings = Training(rates=(1e-4, 2e-4), epochs=1)
    task = TokenizedTask(settings, range(1000 * settings.batch_size))
    model_selection.search_rate(task, 2, lambda: (None, None), tmp_path)
    assert asked == [(1e-4, 200), (2e-4, 200)]


# --- the checkpoint -----------------------------------------------------------------------------


def test_the_least_loss_chooses_the_checkpoint_whatever_the_accuracy(tmp_path, judged):
    # Of three epochs, the second has the lowest loss and the lowest accuracy.
    judged((0.5, 1.0), (0.2, 0.4), (0.9, math.nan))
    watch = Watch()
    network, _, record = learn(tmp_path, Training(rates=(1e-2,), epochs=3, batch_size=90), watch)
    assert record["kept_step"] == 6
    assert [entry["loss"] for entry in record["validation"]] == [1.0, 0.4, None]
    assert record["validation"][2] == {"step": 9, "accuracy": 0.9, "loss": None}
    assert same(network.state_dict(), watch.weights[9, 6])
    stored(tmp_path)


def test_the_loss_on_validation_is_the_mean_over_its_rows(tmp_path):
    network, tokenizer, record = learn(tmp_path, Training(rates=(1e-2,), epochs=2, batch_size=90))
    logits = prediction.predict_logits(network, tokenizer, CORPUS.validation, 32)
    labels = torch.from_numpy(CORPUS.validation.labels)
    expected = torch.nn.functional.cross_entropy(torch.from_numpy(logits), labels)
    kept = next(e for e in record["validation"] if e["step"] == record["kept_step"])
    assert kept["loss"] == pytest.approx(expected.item(), rel=1e-5)


# --- the length ---------------------------------------------------------------------------------

# 270 rows in batches of 90: trainings of 3, 6, 12 and 24 steps, with 1, 2, 4 and 8 evaluations.
LONGER = Training(rates=(1e-2,), epochs=1, batch_size=90, doubled_up_to=24)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("losses", "tried", "kept_step"),
    [
        # Lower at twice the length, and not at four times.
        ([1.0, 0.9, 0.8, 0.9, 0.85, 0.82, 0.81], {"1": 1.0, "2": 0.8, "4": 0.81}, 6),
        # Lower, but not at its end any more.
        ([1.0, 0.7, 0.9], {"1": 1.0, "2": 0.7}, 3),
        # Not lower at all.
        ([1.0, 1.2, 1.1], {"1": 1.0, "2": 1.1}, 3),
        # It diverges.
        ([1.0, math.nan, math.nan], {"1": 1.0, "2": None}, 3),
    ],
)
def test_a_longer_training_is_tried_while_that_lowers_the_loss(
    losses, tried, kept_step, tmp_path, judged
):
    left = judged(*((0.5, loss) for loss in losses))
    watch = Watch()
    network, _, record = learn(tmp_path, LONGER, watch)
    assert not left
    assert record["epochs_tried"] == tried
    best = min((epochs for epochs in tried if tried[epochs]), key=tried.get)
    assert record["epochs"] == int(best)
    assert record["steps"] == 3 * record["epochs"]
    assert record["kept_step"] == kept_step
    assert same(network.state_dict(), watch.weights[record["steps"], kept_step])
    stored(tmp_path)
    json.dumps(record, allow_nan=False)


@pytest.mark.slow
def test_a_kill_between_two_lengths_repeats_none(tmp_path):
    class Begun(TrainerCallback):
        def __init__(self, stop_at=None):
            self.steps, self.stop_at = [], stop_at

        def on_train_begin(self, args, state, control, **kwargs):
            self.steps.append(state.max_steps)
            if state.max_steps == self.stop_at:
                raise KeyboardInterrupt

    whole, again = Begun(), Begun()
    expected, _, record = learn(tmp_path / "whole", LONGER, whole)
    assert whole.steps[:2] == [3, 6]  # the loss still falls at these lengths
    with pytest.raises(KeyboardInterrupt):
        learn(tmp_path / "killed", LONGER, Begun(stop_at=6))
    found, _, resumed = learn(tmp_path / "killed", LONGER, again)
    assert again.steps == whole.steps[1:]
    assert same(found.state_dict(), expected.state_dict())
    for name in ("rate", "epochs", "epochs_tried", "steps", "kept_step", "validation"):
        assert resumed[name] == record[name], name


def test_weights_are_on_the_disk_before_their_training_counts_as_done(tmp_path, monkeypatch):
    synced = set()

    def fsync(descriptor, real=os.fsync):
        if not (tmp_path / "1-epochs.json").exists():
            synced.add(os.fstat(descriptor).st_ino)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    learn(tmp_path, Training(rates=(1e-2,), epochs=1, batch_size=90))
    assert (tmp_path / "1-epochs.safetensors").stat().st_ino in synced


# --- the rows -----------------------------------------------------------------------------------


def test_a_share_of_the_rows_is_trained_on_with_the_logits_that_are_theirs(tmp_path):
    logits = np.zeros((len(CORPUS.train), 4), np.float32)
    logits[np.arange(len(logits)), CORPUS.train.labels] = 5.0  # each row's own label
    seen = []

    class See(TrainerCallback):
        def on_train_begin(self, args, state, control, train_dataloader, **kwargs):
            rows = train_dataloader.dataset
            seen.append((rows["labels"], np.argmax(rows["teacher_logits"], axis=1).tolist()))

    settings = Training(rates=(1e-3,), epochs=1, batch_size=16, rows=40)
    _, _, record = learn(tmp_path, settings, See(), logits=logits)
    ((labels, taught),) = seen
    assert record["rows"] == len(labels) == 40
    assert record["steps"] == 3
    assert list(labels) == taught
    assert len(set(labels)) == 4


@pytest.mark.slow
def test_the_toy_teacher_learns_by_its_recipe(tmp_path):
    """As a newcomer runs it; elsewhere the tests train smaller networks (``tests.brief``)."""
    toy_checkpoints.make_checkpoints(tmp_path, CORPUS.train.texts)
    family = FAMILIES["toy"]
    task = TrainingTask(
        lambda: networks.load_checkpoint("toy/teacher", "bert", tmp_path, data_sets.LABELS),
        family.by_role()["teacher"].training,
        CORPUS.train,
        CORPUS.validation,
        family.max_length,
    )
    network, tokenizer, _ = model_selection.train_and_select(task, tmp_path / "teacher", ())
    answers = prediction.predict_logits(network, tokenizer, CORPUS.test, family.max_length)
    # Chance is 0.25, with a standard error of 0.04 on 100 rows.
    assert (answers.argmax(axis=1) == CORPUS.test.labels).mean() > 0.45
