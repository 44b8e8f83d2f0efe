"""The model card: read back by the Hub's own classes, its figures are the run's."""

from dataclasses import replace

import pytest
from huggingface_hub import ModelCard

from pipeline.analysis.metrics import accuracy_interval
from pipeline.data import declarations
from pipeline.data.declarations import AGNEWS
from pipeline.deployment import deployed_model, model_card
from pipeline.results import storage
from tests import synthetic

CONTENTS = model_card.Contents(max_length=128, in_transformers=True, weights=False)


@pytest.fixture(scope="module")
def shipped():
    return storage.read_run(storage.CACHE / "mpnet")


def read_back(run, role, contents=CONTENTS):
    return ModelCard(str(model_card.card(run, role, contents)))


def test_the_metadata_holds_the_evaluation(shipped):
    data = read_back(shipped, "tiny-int8").data
    model = shipped.by_role["tiny-int8"]
    found = {(each.dataset_name, each.metric_type): each for each in data.eval_results}
    assert set(found) == {
        ("AG News", "accuracy"),
        ("AG News", "f1"),
        ("AG News", "model_size_mb"),
        ("AG News", "latency_ms"),
        ("400 invented headlines", "accuracy"),
    }
    accuracy = found["AG News", "accuracy"]
    assert accuracy.metric_value == round(model.metrics.accuracy, 4)
    assert accuracy.dataset_type == "fancyzhx/ag_news"
    assert accuracy.dataset_split == "test"
    rows = shipped.record.data.rows["test"]
    low, high = accuracy_interval(round(model.metrics.accuracy * rows), rows)
    assert accuracy.metric_args == {
        "low": round(low, 4),
        "high": round(high, 4),
        "confidence": 0.95,
    }
    assert found["AG News", "model_size_mb"].metric_value == round(model.size_bytes / 1e6, 3)
    latency = found["AG News", "latency_ms"]
    assert latency.metric_value == round(model.cost.p50_ms, 3)
    assert model.measured_on.latency.hardware["processor"] in latency.metric_name
    alone = found["400 invented headlines", "accuracy"]
    assert alone.metric_value == round(model.headlines.accuracy, 4)
    assert (data.pipeline_tag, data.language, data.license) == (
        "text-classification",
        "en",
        "other",
    )
    assert data.license_link == AGNEWS.license_link


@pytest.mark.parametrize(
    ("role", "checkpoint"),
    [
        ("tiny-int8", "sentence-transformers/all-MiniLM-L6-v2"),
        ("dynamic", "sentence-transformers/all-mpnet-base-v2"),
        ("distil", "sentence-transformers/all-mpnet-base-v2"),
    ],
)
def test_the_pretrained_checkpoint_is_named(shipped, role, checkpoint):
    assert read_back(shipped, role).data.base_model == checkpoint


def test_a_model_of_hashed_words_comes_from_no_checkpoint(shipped):
    contents = model_card.Contents(max_length=None, in_transformers=False, weights=False)
    found = read_back(shipped, "nano", contents)
    assert found.data.base_model is None
    assert "transformers.js" not in found.text
    assert "tokenizers" not in found.text


def test_the_text_says_what_people_must_know(shipped):
    text, model = read_back(shipped, "tiny-int8").text, shipped.by_role["tiny-int8"]
    rows = shipped.record.data.rows["test"]
    low, high = accuracy_interval(round(model.metrics.accuracy * rows), rows)
    for said in (
        f"{100 * model.metrics.accuracy:.1f} %",
        f"{100 * low:.1f} to {100 * high:.1f} %",
        f"{model.size_bytes / 1e6:.1f} MB",
        "VNNI",
        "each text by itself",
        "first 128 tokens",
        "On 400 invented headlines",
        "non-commercial",
    ):
        assert said in text, said
    assert "each text by itself" not in read_back(shipped, "minilm-int4").text


@pytest.mark.parametrize(
    ("method", "weights", "said"),
    [
        ("dynamic", "int8 per channel, 8 bits", "x64quantprecision"),
        ("qat", "int8 per channel", "x64quantprecision"),
        ("static", "int8 per channel, 7 bits", "do not saturate"),
        ("int4", "4 bits, symmetric", "4 bits save size"),
        ("distilled", None, "Any CPU that onnxruntime runs on."),
    ],
)
def test_what_cpu_is_needed(shipped, method, weights, said):
    settings = {"weights": weights} if weights else {}
    model = replace(shipped.by_role["minilm"], method=method, settings=settings)
    assert said in deployed_model.cpu_needs(model)


@pytest.mark.parametrize("name", declarations.DECLARED)
def test_declared_data_sets_are_named_with_their_licence(shipped, name):
    known = declarations.DECLARED[name]
    data = replace(shipped.record.data, declaration=declarations.entry(known))
    run = replace(shipped, record=replace(shipped.record, data=data))
    found = read_back(run, "minilm")
    assert found.data.license == known.license
    assert found.data.eval_results[0].dataset_name == known.title
    assert known.terms in found.text


def test_an_unknown_data_set_is_named_and_its_licence_is_not_made_up(tmp_path):
    labels = [f"class | {number}" for number in range(14)]
    run = synthetic.write_run(tmp_path / "cache", labels=labels)
    found = read_back(run, "minilm")
    assert found.data.license is None
    assert found.data.datasets is None
    assert "licence is not known" in found.text
    assert "and 2 more classes" in found.text
    assert found.data.eval_results[0].dataset_name == "synthetic"
