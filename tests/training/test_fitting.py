"""What is chosen in training (rate, length, checkpoint) and in what order rows are seen.

Kill and resume is in test_toy.py and test_interrupts.py, several processes in test_processes.py.
"""

import json
import math
import os
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import TrainerCallback, TrainingArguments

from pipeline import hardware
from pipeline.data import data_sets
from pipeline.data.data_sets import Split
from pipeline.errors import PipelineError
from pipeline.models import fake_quantization, networks, ngrams
from pipeline.recipes.families import FAMILIES
from pipeline.recipes.training_settings import NGramShape, Training
from pipeline.training import fitting, trainers

BERT = "google-bert/bert-base-uncased"
CORPUS = data_sets.load(toy=True)
SHAPE = NGramShape(500, 500, width=7, hidden=16)
DIVERGES = 1e6
"""A rate at which the small network below has no finite loss after a few steps."""


def learn(folder, settings, *callbacks, logits=None):
    """Train a network that takes a moment; what ``training.train`` gives."""
    return fitting.train(
        lambda: ngrams.new(SHAPE, data_sets.LABELS),
        settings,
        CORPUS.train,
        CORPUS.validation,
        32,
        folder,
        logits,
        callbacks,
    )


class Watch(TrainerCallback):
    """Keeps the weights after every step, by how many steps the training has and which it is."""

    def __init__(self):
        self.weights = {}

    def on_step_end(self, args, state, control, model, **kwargs):
        weights = {name: value.clone() for name, value in model.state_dict().items()}
        self.weights[state.max_steps, state.global_step] = weights


def same(some, others):
    return some.keys() == others.keys() and all(
        torch.equal(value, others[name]) for name, value in some.items()
    )


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
    """Has validation say what it is told to, one (accuracy, loss) an evaluation."""

    def judged(*verdicts):
        left = list(verdicts)

        def say(prediction):
            accuracy, loss = left.pop(0)
            return {"accuracy": accuracy, trainers.LOSS: loss}

        monkeypatch.setattr(trainers, "_validation_metrics", say)
        return left

    return judged


# --- order --------------------------------------------------------------------------------------


def order(seed, epoch, batch_size=16, rows=100, fill=False):
    sampler = trainers._EpochSampler(batch_size, [5 + n % 7 for n in range(rows)], seed, fill)
    sampler.set_epoch(epoch)
    return list(sampler)


def test_no_epoch_of_a_seed_is_an_epoch_of_another():
    seeds, epochs = (42, 43, 44), range(12)
    orders = {tuple(order(seed, epoch)) for seed in seeds for epoch in epochs}
    assert len(orders) == len(seeds) * len(epochs)
    assert all(sorted(rows) == list(range(100)) for rows in orders)


def test_the_order_depends_on_seed_and_epoch_alone():
    before = order(42, 3)
    torch.manual_seed(7)
    torch.rand(5)
    assert order(42, 3) == before


def test_the_last_batch_is_filled_for_several_processes_with_what_counts_for_nothing():
    rows = order(42, 0, batch_size=64, rows=77, fill=True)
    assert len(rows) == 128
    assert sorted(rows[:77]) == list(range(77))
    assert set(rows[77:]) == {77}
    assert order(42, 0, batch_size=64, rows=77) == rows[:77]
    assert len(order(42, 0, batch_size=64, rows=128, fill=True)) == 128


def test_logits_come_back_in_the_order_of_the_texts(checkpoints):
    # Batches are grouped by length; rows that came back in that order would teach nonsense.
    model, tokenizer = networks.load_checkpoint(BERT, "bert", checkpoints, data_sets.LABELS)
    texts = CORPUS.test.texts
    texts = [
        text for pair in zip(texts[:30], texts[30:60], strict=True) for text in (*pair, pair[0] * 2)
    ]
    split = Split(texts, np.zeros(len(texts), np.int64), np.arange(len(texts)))
    logits = trainers.predict_logits(model, tokenizer, split, max_length=64)
    model.eval()
    for text, row in zip(texts, logits, strict=True):
        alone = model(**tokenizer(text, return_tensors="pt")).logits[0].detach().numpy()
        np.testing.assert_allclose(row, alone, atol=0.02)  # bf16 where the processor has it


# --- the rate -----------------------------------------------------------------------------------


def test_the_loss_on_validation_chooses_the_rate(tmp_path):
    settings = Training(rates=(1e-9, 0.05), epochs=4, batch_size=16, search_steps=30)
    _, _, record = learn(tmp_path, settings)
    assert set(record["rates_tried"]) == {"1e-09", "0.05"}
    best = min(record["rates_tried"], key=record["rates_tried"].get)
    assert record["rate"] == float(best) == 0.05
    # Every epoch is a point of the history, and the kept one has the least loss of them.
    assert len(record["validation"]) == 4
    losses = {entry["step"]: entry["loss"] for entry in record["validation"]}
    assert losses[record["kept_step"]] == min(losses.values())


def test_a_lower_rate_that_does_nearly_as_well_is_taken():
    # A trial is shorter than the training, and so its best rate is too high for it.
    enough, too_much = 1 + fitting.RATE_MARGIN * 0.99, 1 + fitting.RATE_MARGIN * 1.01
    assert fitting.best_rate({"0.0001": enough, "0.0002": 1.0, "0.0004": 1.0}, 77) == 1e-4
    assert fitting.best_rate({"0.0001": too_much, "0.0002": 1.0, "0.0004": 0.9999}, 77) == 2e-4
    assert fitting.best_rate({"0.0001": 2.0, "0.0004": 1.0}, 77) == 4e-4


def test_of_rates_that_hardly_learned_the_one_that_learned_more_is_taken():
    guess = math.log(4)
    assert fitting.best_rate({"1e-09": guess, "0.05": guess - 0.01}, 4) == 0.05
    # With as little learned by both, the lower one is enough.
    assert fitting.best_rate({"0.01": guess - 0.01, "0.05": guess - 0.01}, 4) == 0.01


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
    # Once: a longer one would diverge, too.
    assert stored(tmp_path)["1-epochs.json"]["loss"] is None
    assert not (tmp_path / "2-epochs.json").exists()


@pytest.mark.parametrize(
    ("steps_per_epoch", "epochs", "expected"),
    [
        (1000, 2, 200),  # a tenth
        (100, 5, 100),  # the least
        (30, 2, 60),  # the whole training, which is shorter
    ],
)
def test_a_trial_takes_a_share_of_the_steps(
    steps_per_epoch, epochs, expected, tmp_path, monkeypatch
):
    asked = []

    def fake(*_, rate, max_steps, **__):
        asked.append((rate, max_steps))
        judge = {f"eval_{trainers.LOSS}": 1.0}
        return SimpleNamespace(train=lambda: None, evaluate=lambda: judge)

    monkeypatch.setattr(fitting, "trainer", fake)
    settings = Training(rates=(1e-4, 2e-4), epochs=1)
    setup = fitting._Setup(
        lambda: (None, None), settings, tmp_path, None, None, steps_per_epoch, (), None
    )
    fitting.search_rate(setup, epochs)
    assert asked == [(1e-4, expected), (2e-4, expected)]


# --- the checkpoint -----------------------------------------------------------------------------


def test_the_least_loss_chooses_the_checkpoint_whatever_the_accuracy(tmp_path, judged):
    # Three epochs: the second has the least loss, and is the least accurate.
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
    logits = trainers.predict_logits(network, tokenizer, CORPUS.validation, 32)
    labels = torch.from_numpy(CORPUS.validation.labels)
    expected = torch.nn.functional.cross_entropy(torch.from_numpy(logits), labels)
    kept = next(e for e in record["validation"] if e["step"] == record["kept_step"])
    assert kept["loss"] == pytest.approx(expected.item(), rel=1e-5)


# --- the length ---------------------------------------------------------------------------------

ROWS = (500, 2_000, 69_135, 500_000)
# Steps that are tried on so many rows, a tenth of which is held out.
STEPS = {
    "teacher": ([210, 420, 840], [228, 456, 912], [3_890], [28_126]),
    "distil": ([308], [340], [5_834], [42_188]),
    "minilm": ([616], [680], [11_668], [84_376]),
    "nano": ([2_000], [2_000], [2_440], [17_580]),
    "qat": ([110], [170], [313], [313]),
    "minilm-baseline": (
        [64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192],
        [87, 174, 348, 696, 1_392, 2_784, 5_568, 11_136],
        [973, 1_946, 3_892, 7_784],
        [7_032],
    ),
}


@pytest.mark.parametrize("role", STEPS)
def test_how_long_todays_recipes_train(role):
    settings = FAMILIES["mpnet"].by_role()[role].training
    for rows, expected in zip(ROWS, STEPS[role], strict=True):
        lessons = (rows - round(rows * data_sets.VALIDATION_SHARE)) * (
            1 + (settings.spans.per_row if settings.spans else 0)
        )
        found = fitting.lengths(settings, min(lessons, settings.rows or lessons))
        assert [epochs * found.steps_per_epoch for epochs in found.epochs] == expected, rows


def test_a_length_is_of_whole_epochs_with_a_least_number_of_steps():
    # 10 rows in batches of 4 are 3 steps.
    assert fitting.lengths(Training((), epochs=2, batch_size=4), 10) == (3, [2])
    assert fitting.lengths(Training((), epochs=2, batch_size=4, least_steps=7), 10) == (3, [3])
    doubled = Training((), epochs=2, batch_size=4, doubled_up_to=24)
    assert fitting.lengths(doubled, 10) == (3, [2, 4, 8])
    # What is longer from the start is trained all the same.
    assert fitting.lengths(doubled, 1000) == (250, [2])


# 270 rows in batches of 90: trainings of 3, 6, 12 and 24 steps, with 1, 2, 4 and 8 evaluations.
LONGER = Training(rates=(1e-2,), epochs=1, batch_size=90, doubled_up_to=24)


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
    assert whole.steps[:2] == [3, 6]  # the loss falls, so early on
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


# --- the processor ------------------------------------------------------------------------------


def test_of_several_gpus_one_is_used_and_that_is_said(tmp_path, capsys):
    arguments = TrainingArguments(output_dir=str(tmp_path), use_cpu=True)
    trainers.use_one_gpu(arguments)
    assert capsys.readouterr().err == ""
    arguments._n_gpu = 2
    before = arguments.train_batch_size
    trainers.use_one_gpu(arguments)
    assert arguments.n_gpu == 1  # with more, the Trainer makes the model a DataParallel
    assert arguments.train_batch_size == before / 2
    assert "of 2 GPUs one is used; accelerate launch" in capsys.readouterr().err


def has_more_than_bf16(logits):
    """Whether numbers have more than the 8 significant bits of bf16."""
    return bool((logits != logits.bfloat16().float()).float().mean() > 0.5)


ARCHITECTURES = {
    "bert": BERT,
    "mpnet": "sentence-transformers/all-mpnet-base-v2",
    "distilbert": "distilbert/distilbert-base-uncased",
}


@pytest.mark.parametrize("kind", [*ARCHITECTURES, "ngrams", "qat"])
def test_logits_are_computed_in_float32_where_all_else_is_in_bf16(kind, checkpoints):
    torch.manual_seed(0)
    if kind == "ngrams":
        model, tokenizer = ngrams.new(SHAPE, data_sets.LABELS)
        batch = tokenizer.pad([{"input_ids": [n, 9], "attention_mask": [1, 1]} for n in range(8)])
    else:
        architecture = "bert" if kind == "qat" else kind
        model, tokenizer = networks.load_checkpoint(
            ARCHITECTURES[architecture], architecture, checkpoints, data_sets.LABELS
        )
        batch = tokenizer(CORPUS.test.texts[:8], padding=True, return_tensors="pt")
        batch.pop("token_type_ids", None)
    if kind == "qat":
        fake_quantization.prepare(model, 8)
        fake_quantization.calibrate(model, [batch])
    model.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    whole = model(**batch).logits
    # Or this test could not fail.
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert not has_more_than_bf16(model(**batch).logits.float())
    trainers.compute_head_in_float32(model)
    trainers.compute_head_in_float32(model)  # twice is once
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        logits = model(**batch).logits
    assert logits.dtype == torch.float32
    assert has_more_than_bf16(logits)
    assert same(model.state_dict(), before)
    torch.testing.assert_close(model(**batch).logits, whole)


def test_a_teachers_logits_in_bf16_have_more_than_8_bits(checkpoints, monkeypatch):
    monkeypatch.setattr(hardware, "has_bf16", lambda: True)
    model, tokenizer = networks.load_checkpoint(BERT, "bert", checkpoints, data_sets.LABELS)
    found = trainers.predict_logits(model, tokenizer, CORPUS.validation, max_length=32)
    assert has_more_than_bf16(torch.from_numpy(found))


# --- rows, layers, pieces -----------------------------------------------------------------------


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


def test_layers_are_kept_by_number(checkpoints):
    model, _ = networks.load_checkpoint(
        "sentence-transformers/all-MiniLM-L6-v2", "bert", checkpoints, data_sets.LABELS
    )
    wanted = [model.bert.encoder.layer[layer].output.dense.weight.clone() for layer in (0, 2, 5)]
    networks.keep_layers(model, (0, 2, 5))
    kept = [layer.output.dense.weight for layer in model.bert.encoder.layer]
    assert model.config.num_hidden_layers == len(kept) == 3
    assert all(torch.equal(a, b) for a, b in zip(kept, wanted, strict=True))
    with pytest.raises(PipelineError, match="layer 7 is asked for, but the checkpoint has 3"):
        networks.keep_layers(model, (0, 7))


def test_a_model_is_saved_and_read_back(checkpoints, tmp_path):
    model, tokenizer = networks.load_checkpoint(BERT, "bert", checkpoints, data_sets.LABELS)
    networks.save(model, tokenizer, tmp_path)
    again, _ = networks.read(tmp_path)
    batch = tokenizer(["a headline"], return_tensors="pt")
    weights, read = model.state_dict(), again.state_dict()
    assert list(weights) == list(read)
    assert all(torch.equal(weights[name], read[name]) for name in weights)
    with torch.no_grad():
        # How memory is aligned changes the order of sums on some processors.
        expected, found = model.eval()(**batch).logits, again(**batch).logits
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    assert not list(tmp_path.glob("*.bin"))


def test_the_most_frequent_pieces_are_kept_with_their_embeddings(checkpoints):
    model, tokenizer = networks.load_checkpoint(BERT, "bert", checkpoints, data_sets.LABELS)
    texts = ["markets markets markets fell", "markets rose"]
    table = model.get_input_embeddings().weight.detach().clone()
    before = tokenizer.get_vocab()
    every = {mark + letter for text in texts for letter in text for mark in ("", "##")}
    pieces = 5 + sum(piece in before for piece in every if piece.strip()) + 1
    smaller = networks.keep_pieces(model, tokenizer, pieces, texts)
    after = smaller.get_vocab()
    assert len(after) == model.config.vocab_size == pieces
    # Special ones, every character of the texts, and the word that they have most.
    assert {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "markets", "f", "##e"} <= set(after)
    kept = model.get_input_embeddings().weight
    for piece, number in after.items():
        assert torch.equal(kept[number], table[before[piece]]), piece
    assert after["[PAD]"] == before["[PAD]"] == model.get_input_embeddings().padding_idx
    # A word that is gone is spelt, not unknown.
    assert smaller.tokenize("rose") == ["r", "##o", "##s", "##e"]
    assert model(**smaller(texts, padding=True, return_tensors="pt")).logits.shape == (2, 4)
