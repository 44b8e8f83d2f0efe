"""Order and choice in training; kill and resume is in test_toy.py."""

import numpy as np
import pytest
import torch
from transformers import TrainerCallback

from pipeline import data, models, trainer, training
from pipeline.data import Split
from pipeline.errors import PipelineError
from pipeline.roles import Training

BERT = "google-bert/bert-base-uncased"


def test_logits_come_back_in_the_order_of_the_texts(checkpoints):
    # Batches are grouped by length; rows that came back in that order would teach nonsense.
    model, tokenizer = models.load_checkpoint(BERT, "bert", checkpoints, data.LABELS)
    texts = data.load(toy=True).test.texts
    texts = [
        text for pair in zip(texts[:30], texts[30:60], strict=True) for text in (*pair, pair[0] * 2)
    ]
    split = Split(texts, np.zeros(len(texts), np.int64), np.arange(len(texts)))
    logits = trainer.predict_logits(model, tokenizer, split, max_length=64)
    model.eval()
    for text, row in zip(texts, logits, strict=True):
        alone = model(**tokenizer(text, return_tensors="pt")).logits[0].detach().numpy()
        np.testing.assert_allclose(row, alone, atol=0.02)  # bf16 where the processor has it


def test_the_lowest_loss_on_validation_chooses_the_rate(checkpoints, tmp_path):
    corpus = data.load(toy=True)
    rates = (1e-9, 2e-3)

    def start():
        return models.load_checkpoint(BERT, "bert", checkpoints, data.LABELS)

    settings = Training(rates=rates, epochs=4, batch_size=16, search_rows=200)
    _, _, record = training.train(start, settings, corpus.train, corpus.validation, 32, tmp_path)
    assert set(record["rates_tried"]) == {"1e-09", "0.002"}
    best = min(record["rates_tried"], key=record["rates_tried"].get)
    assert record["rate"] == float(best) == 2e-3
    # Every epoch is a point of the history, and the kept one is the best of them.
    assert len(record["validation"]) == 4
    accuracies = {entry["step"]: entry["accuracy"] for entry in record["validation"]}
    assert accuracies[record["kept_step"]] == max(accuracies.values())


def test_a_share_of_the_rows_is_trained_on_with_the_logits_that_are_theirs(checkpoints, tmp_path):
    corpus = data.load(toy=True)
    logits = np.zeros((len(corpus.train), 4), np.float32)
    logits[np.arange(len(logits)), corpus.train.labels] = 5.0  # each row's own label

    seen = []

    class Watch(TrainerCallback):
        def on_train_begin(self, args, state, control, train_dataloader, **kwargs):
            rows = train_dataloader.dataset
            seen.append((rows["labels"], np.argmax(rows["teacher_logits"], axis=1).tolist()))

    settings = Training(rates=(1e-3,), epochs=1, batch_size=16, rows=40)
    _, _, record = training.train(
        lambda: models.load_checkpoint(BERT, "bert", checkpoints, data.LABELS),
        settings,
        corpus.train,
        corpus.validation,
        32,
        tmp_path,
        logits,
        (Watch(),),
    )
    ((labels, taught),) = seen
    assert record["rows"] == len(labels) == 40
    assert record["steps"] == 3
    assert list(labels) == taught
    assert len(set(labels)) == 4


def test_layers_are_kept_by_number(checkpoints):
    model, _ = models.load_checkpoint(
        "sentence-transformers/all-MiniLM-L6-v2", "bert", checkpoints, data.LABELS
    )
    wanted = [model.bert.encoder.layer[layer].output.dense.weight.clone() for layer in (0, 2, 5)]
    models.keep_layers(model, (0, 2, 5))
    kept = [layer.output.dense.weight for layer in model.bert.encoder.layer]
    assert model.config.num_hidden_layers == len(kept) == 3
    assert all(torch.equal(a, b) for a, b in zip(kept, wanted, strict=True))
    with pytest.raises(PipelineError, match="layer 7 is asked for, but the checkpoint has 3"):
        models.keep_layers(model, (0, 7))


def test_a_model_is_saved_and_read_back(checkpoints, tmp_path):
    model, tokenizer = models.load_checkpoint(BERT, "bert", checkpoints, data.LABELS)
    models.save(model, tokenizer, tmp_path)
    again, _ = models.read(tmp_path)
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
    model, tokenizer = models.load_checkpoint(BERT, "bert", checkpoints, data.LABELS)
    texts = ["markets markets markets fell", "markets rose"]
    table = model.get_input_embeddings().weight.detach().clone()
    before = tokenizer.get_vocab()
    every = {mark + letter for text in texts for letter in text for mark in ("", "##")}
    pieces = 5 + sum(piece in before for piece in every if piece.strip()) + 1
    smaller = models.keep_pieces(model, tokenizer, pieces, texts)
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
