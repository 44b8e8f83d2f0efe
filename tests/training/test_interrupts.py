"""SIGTERM and ctrl-C in the middle of a training: it saves a checkpoint, then exits."""

import os
import signal
from types import SimpleNamespace

import numpy as np
import pytest
from transformers import TrainerCallback

from pipeline.data import data_sets
from pipeline.models import networks
from pipeline.recipes.training_settings import Training
from pipeline.training import model_selection, resumable, trainer
from pipeline.training.interrupts import SIGNALS, StopAtCheckpoint
from pipeline.training.task import TrainingTask

pytestmark = pytest.mark.slow

BERT = "google-bert/bert-base-uncased"
SETTINGS = Training(rates=(2e-3,), epochs=2, batch_size=16, checkpoint_steps=8)


class SendSignal(TrainerCallback):
    def __init__(self, step, number, times=1):
        self.step, self.number, self.times = step, number, times

    def on_step_begin(self, args, state, control, **kwargs):
        if state.global_step == self.step:
            for _ in range(self.times):
                os.kill(os.getpid(), self.number)


@pytest.fixture
def train(checkpoints, tmp_path):
    corpus = data_sets.load(toy=True)
    # 26 steps, which four checkpoints can't share evenly.
    rows = corpus.train.take(np.arange(16 * 13))

    def train(folder, *callbacks):
        task = TrainingTask(
            lambda: networks.load_checkpoint(BERT, "bert", checkpoints, data_sets.LABELS),
            SETTINGS,
            rows,
            corpus.validation,
            32,
        )
        model, _, record = model_selection.train_and_select(task, tmp_path / folder, callbacks)
        return model.state_dict(), record["validation"]

    return train


def checkpoint_steps(folder):
    return {int(path.name.split("-")[1]) for path in folder.glob("2-epochs/checkpoint-*")}


def test_a_signal_saves_the_step_and_the_training_goes_on_from_it(train, tmp_path):
    handlers = [signal.getsignal(number) for number in SIGNALS]
    expected, history = train("whole")
    for step, number in ((2, signal.SIGTERM), (9, signal.SIGINT)):  # 7 steps between checkpoints
        with pytest.raises(KeyboardInterrupt):
            train("stopped", SendSignal(step, number))
        assert max(checkpoint_steps(tmp_path / "stopped")) == step + 1
    found, again = train("stopped")
    assert again == history
    assert all((found[name] == value).all() for name, value in expected.items())
    assert [signal.getsignal(number) for number in SIGNALS] == handlers


def test_a_kill_after_the_last_checkpoint_adds_no_step(train, tmp_path, monkeypatch):
    expected, history = train("whole")
    assert checkpoint_steps(tmp_path / "whole") == set()  # deleted after the result is written

    def kill(*_):
        raise KeyboardInterrupt

    for writes in ("save_weights", "write_json"):
        with monkeypatch.context() as patch:
            patch.setattr(resumable, writes, kill)
            with pytest.raises(KeyboardInterrupt):
                train("killed")
        assert max(checkpoint_steps(tmp_path / "killed")) == history[-1]["step"]
    found, again = train("killed")
    assert again == history
    assert all((found[name] == value).all() for name, value in expected.items())


def test_a_second_signal_stops_at_once(train, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train("stopped", SendSignal(2, signal.SIGTERM, times=2))
    assert checkpoint_steps(tmp_path / "stopped") == set()


def test_a_signal_after_the_last_step_is_not_forgotten():
    with pytest.raises(KeyboardInterrupt), StopAtCheckpoint():
        os.kill(os.getpid(), signal.SIGTERM)


def write_checkpoint(folder, step):
    checkpoint = folder / f"checkpoint-{step}"
    checkpoint.mkdir()
    for name in ("model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth"):
        (checkpoint / name).touch()
    (checkpoint / "trainer_state.json").write_text("{}")
    return checkpoint


@pytest.mark.parametrize(
    "missing", ["model.safetensors", "optimizer.pt", "rng_state.pth", "trainer_state.json"]
)
def test_half_a_checkpoint_is_not_gone_on_from_and_not_kept(tmp_path, missing):
    older, newer = write_checkpoint(tmp_path, 5), write_checkpoint(tmp_path, 10)
    assert resumable._last_checkpoint(tmp_path) == str(newer)
    (newer / missing).unlink()
    assert resumable._last_checkpoint(tmp_path) == str(older)
    assert not newer.exists()
    (older / "trainer_state.json").write_text('{"half": ')
    assert resumable._last_checkpoint(tmp_path) is None


def test_a_clock_that_was_set_back_deletes_no_new_checkpoint(tmp_path):
    best, old, new = (write_checkpoint(tmp_path, step) for step in (8, 9, 10))
    for age, path in enumerate((old, best, new)):
        os.utime(path, (10_000 - 1_000 * age, 10_000 - 1_000 * age))
    args = SimpleNamespace(output_dir=str(tmp_path))
    state = SimpleNamespace(best_model_checkpoint=str(best))
    trainer.KeepNewest().on_save(args, state, None)
    assert sorted(tmp_path.iterdir()) == sorted([best, new])
    assert resumable._last_checkpoint(tmp_path) == str(new)
