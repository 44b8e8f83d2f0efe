"""Checkpoints to networks: layers, pieces, saving and reading back."""

import pytest
import torch

from pipeline.data import data_sets
from pipeline.errors import PipelineError
from pipeline.models import networks

BERT = "google-bert/bert-base-uncased"


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
    # Special pieces, every character of the texts, and their most frequent word are kept.
    assert {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "markets", "f", "##e"} <= set(after)
    kept = model.get_input_embeddings().weight
    for piece, number in after.items():
        assert torch.equal(kept[number], table[before[piece]]), piece
    assert after["[PAD]"] == before["[PAD]"] == model.get_input_embeddings().padding_idx
    # A removed word is spelled in characters, not unknown.
    assert smaller.tokenize("rose") == ["r", "##o", "##s", "##e"]
    assert model(**smaller(texts, padding=True, return_tensors="pt")).logits.shape == (2, 4)
