"""The smallest student: rounding, the packed graph, dropout of n-grams, saving."""

import numpy as np
import pytest
import torch

from pipeline.compression import ngram_graph
from pipeline.data.data_sets import LABELS
from pipeline.inference import encoders
from pipeline.inference.classifier import Classifier, graph_bytes
from pipeline.inference.graph import GRAPH, softmax
from pipeline.models import networks, ngrams
from pipeline.recipes.training_settings import NGramShape

SHAPE = NGramShape(words=300, pairs=500, width=7, hidden=8)
TEXTS = ["Oil prices rise again", "Striker scores twice", "", "A new telescope, at last: seen!"]


@pytest.fixture
def model():
    torch.manual_seed(0)
    model, _ = ngrams.new(SHAPE, LABELS)
    with torch.no_grad():
        model.table.weight.normal_(0, 0.5)
    return model


def test_a_table_holds_no_number_but_whole_steps_of_its_column(model):
    rows = model.table(torch.arange(model.config.vocab_size))
    steps = (rows / model.table.log_step.exp()).detach()
    torch.testing.assert_close(steps, steps.round(), atol=1e-4, rtol=0)
    assert steps.abs().max().round() == ngrams.LARGEST


def test_rounding_by_hand_and_its_gradients():
    table = ngrams.RoundedTable(1, 3)
    with torch.no_grad():
        table.weight.copy_(torch.tensor([[0.24, -0.26, 5.0]]))
        table.log_step.fill_(np.log(0.1))
    row = table(torch.tensor([0]))
    np.testing.assert_allclose(row.detach(), [[0.2, -0.3, 0.7]], rtol=1e-5)
    row.sum().backward()
    # The gradient passes straight through where nothing is clipped, and is 0 where it is.
    np.testing.assert_allclose(table.weight.grad, [[1, 1, 0]], atol=1e-5)
    # LSQ: the rounding error in steps where nothing is clipped, else the range's end (7). It is
    # multiplied by the step, because the parameter is the step's logarithm.
    np.testing.assert_allclose(table.log_step.grad, [-0.04, -0.04, 0.7], atol=1e-5)


@pytest.mark.slow
def test_the_artifact_answers_as_the_model_does_at_half_a_byte_a_number(model, tmp_path):
    ngram_graph.export(model, tmp_path / GRAPH)
    encoders.write_ngrams(tmp_path, model.config.ngrams, labels=LABELS)
    model.eval()
    batch = {name: torch.from_numpy(ids) for name, ids in model.config.ngrams.feeds(TEXTS).items()}
    expected = softmax(model(**batch).logits.detach().numpy())
    np.testing.assert_allclose(Classifier(tmp_path).predict_proba(TEXTS), expected, atol=1e-5)
    numbers = (1 + SHAPE.words + SHAPE.pairs) * (SHAPE.width + 1)
    rest = sum(p.numel() for name, p in model.named_parameters() if name != "table.weight")
    assert graph_bytes(tmp_path) < numbers / 2 + 4 * rest + 20_000


def test_a_headline_without_words_has_an_answer_that_no_bucket_moves(model):
    model.eval()
    nothing = torch.zeros(1, 1, dtype=torch.long)
    before = model(nothing, nothing).logits
    with torch.no_grad():
        model.table.weight[0] = 3.0
    torch.testing.assert_close(model(nothing, nothing).logits, before)


def test_padding_changes_nothing(model):
    model.eval()
    ids = torch.tensor([[5, 9, 400]])
    padded = torch.nn.functional.pad(ids, (0, 4))
    alone = model(ids, torch.ones_like(ids)).logits
    torch.testing.assert_close(model(padded, (padded > 0).long()).logits, alone)


def test_dropout_leaves_out_whole_ngrams(model):
    ids = torch.tensor([[5, 9]]).repeat(200, 1)
    mask = torch.ones_like(ids)
    model.eval()
    single = [model(ids[:1, [n]], mask[:1, [n]]).logits for n in (0, 1)]
    known = [*single, model(ids[:1], mask[:1]).logits, model(ids[:1], 0 * mask[:1]).logits]
    model.train()
    model.dropout.p = 0.5
    seen = {
        next(n for n, one in enumerate(known) if torch.allclose(row, one, atol=1e-5))
        for row in model(ids, mask).logits.split(1)
    }
    assert seen == {0, 1, 2, 3}


def test_it_is_saved_and_read_back(model, tmp_path):
    networks.save(model, ngrams.NGramTokenizer(model.config.ngrams), tmp_path)
    again, tokenizer = networks.read(tmp_path)
    assert tokenizer.ngrams == model.config.ngrams
    batch = tokenizer.pad([{"input_ids": ids, "attention_mask": [1] * 3} for ids in ([1, 2, 3],)])
    model.eval()
    torch.testing.assert_close(again(**batch).logits, model(**batch).logits)


def test_a_batch_of_rows_is_padded_and_everything_else_stacked():
    rows = [
        {"input_ids": [4], "attention_mask": [1], "labels": 2, "teacher_logits": [0.5, 1.0]},
        {"input_ids": [4, 5], "attention_mask": [1, 1], "labels": 0, "teacher_logits": [2.0, 0.0]},
    ]
    batch = ngrams.NGramTokenizer(ngrams.NGrams(9, 9)).pad(rows, return_tensors="pt")
    assert batch["input_ids"].tolist() == [[4, 0], [4, 5]]
    assert batch["attention_mask"].tolist() == [[1, 0], [1, 1]]
    assert batch["labels"].tolist() == [2, 0]
    assert batch["teacher_logits"].shape == (2, 2)
