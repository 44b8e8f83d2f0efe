"""Logits have float32's significant bits even if the rest of the network is in bf16."""

import pytest
import torch

from pipeline.data import data_sets
from pipeline.models import fake_quantization, networks, ngrams
from pipeline.recipes.training_settings import NGramShape
from pipeline.training.head_precision import compute_head_in_float32
from tests.training.helpers import has_more_than_bf16, same

CORPUS = data_sets.load(toy=True)
SHAPE = NGramShape(500, 500, width=7, hidden=16)
ARCHITECTURES = {
    "bert": "google-bert/bert-base-uncased",
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
    # Without it the logits are less precise, or this test could not fail.
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert not has_more_than_bf16(model(**batch).logits.float())
    compute_head_in_float32(model)
    compute_head_in_float32(model)  # a second call changes nothing
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        logits = model(**batch).logits
    assert logits.dtype == torch.float32
    assert has_more_than_bf16(logits)
    assert same(model.state_dict(), before)
    torch.testing.assert_close(model(**batch).logits, whole)
