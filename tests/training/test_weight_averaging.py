"""The mean of the weights: over which steps, how it is validated, and across an interruption."""

from dataclasses import replace

import pytest
import torch
from transformers import TrainerCallback

from pipeline.data import data_sets
from pipeline.models import ngrams
from pipeline.recipes.training_settings import NGramShape, Training
from pipeline.training import model_selection, prediction, weight_averaging
from pipeline.training.task import TrainingTask

SETTINGS = Training(rates=(2e-2,), epochs=2, batch_size=64, checkpoint_steps=3, warmup=0.0)


class Watch(TrainerCallback):
    """Keeps the weights after every step; stops the training at the checkpoint of step ``last``."""

    def __init__(self, last: int | None = None) -> None:
        self.weights, self.last = {}, last

    def on_step_end(self, args, state, control, model, **kwargs):
        own = {name: value for name, value in model.state_dict().items() if "mean" not in name}
        self.weights[state.global_step] = {name: value.clone() for name, value in own.items()}

    def on_save(self, args, state, control, **kwargs):
        if state.global_step == self.last:
            raise KeyboardInterrupt


def learn(folder, callback=None, since=0.5):
    corpus = data_sets.load(toy=True)
    task = TrainingTask(
        lambda: ngrams.new(NGramShape(50, 50, width=3, hidden=4), data_sets.LABELS),
        replace(SETTINGS, average_from=since),
        corpus.train,
        corpus.validation,
        32,
    )
    return model_selection.train_and_select(task, folder, (callback,) if callback else ())


@pytest.mark.slow
def test_the_mean_is_of_the_weights_after_the_last_steps(tmp_path):
    watch = Watch()
    model, _, record = learn(tmp_path, watch, since=0.1)
    taken = [watch.weights[step] for step in range(2, record["kept_step"] + 1)]
    assert len(taken) > 1
    for name, value in model.state_dict().items():
        expected = torch.stack([weights[name] for weights in taken]).mean(0)
        torch.testing.assert_close(value, expected, msg=name)


def test_validation_judges_the_mean(tmp_path):
    model, tokenizer, record = learn(tmp_path)
    validation = data_sets.load(toy=True).validation
    logits = prediction.predict_logits(model, tokenizer, validation, 32)
    kept = next(e for e in record["validation"] if e["step"] == record["kept_step"])
    assert (logits.argmax(1) == validation.labels).mean() == pytest.approx(kept["accuracy"])


@pytest.mark.slow
def test_a_training_that_goes_on_ends_with_the_same_mean(tmp_path):
    whole, _, record = learn(tmp_path / "whole")
    # At the last checkpoint but one, the mean has some steps already.
    stop = record["validation"][-2]["step"]
    assert stop > record["steps"] / 2
    with pytest.raises(KeyboardInterrupt):
        learn(tmp_path / "stopped", Watch(last=stop))
    again, _, _ = learn(tmp_path / "stopped")
    for name, value in again.state_dict().items():
        assert torch.equal(value, whole.state_dict()[name]), name


def test_without_a_mean_the_weights_stay():
    model, _ = ngrams.new(NGramShape(50, 50, width=3, hidden=4), data_sets.LABELS)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    weight_averaging.take_mean(model)
    weight_averaging.add_mean(model)
    weight_averaging.take_mean(model)  # a mean of no steps
    assert model.state_dict().keys() == before.keys()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
