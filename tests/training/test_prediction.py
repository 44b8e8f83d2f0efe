"""A network's logits on a split: in its order, and as exact as float32."""

import numpy as np
import torch

from pipeline import hardware
from pipeline.data import data_sets
from pipeline.data.data_sets import Split
from pipeline.models import networks
from pipeline.training.prediction import predict_logits
from tests.training.helpers import has_more_than_bf16

BERT = "google-bert/bert-base-uncased"
CORPUS = data_sets.load(toy=True)


def test_logits_come_back_in_the_order_of_the_texts(checkpoints):
    # Batches are grouped by length. Logits in that order would teach nonsense.
    model, tokenizer = networks.load_checkpoint(BERT, "bert", checkpoints, data_sets.LABELS)
    texts = CORPUS.test.texts
    texts = [
        text for pair in zip(texts[:30], texts[30:60], strict=True) for text in (*pair, pair[0] * 2)
    ]
    split = Split(texts, np.zeros(len(texts), np.int64), np.arange(len(texts)))
    logits = predict_logits(model, tokenizer, split, max_length=64)
    model.eval()
    for text, row in zip(texts, logits, strict=True):
        alone = model(**tokenizer(text, return_tensors="pt")).logits[0].detach().numpy()
        np.testing.assert_allclose(row, alone, atol=0.02)  # bf16 if the processor has it


def test_a_teachers_logits_in_bf16_have_more_than_8_bits(checkpoints, monkeypatch):
    monkeypatch.setattr(hardware, "has_bf16", lambda: True)
    model, tokenizer = networks.load_checkpoint(BERT, "bert", checkpoints, data_sets.LABELS)
    found = predict_logits(model, tokenizer, CORPUS.validation, max_length=32)
    assert has_more_than_bf16(torch.from_numpy(found))
