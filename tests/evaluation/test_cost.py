"""A model's cost: measured on the code path that serves it, and stored with its conditions."""

import json

import numpy as np
import pandas as pd
import pytest

from pipeline.data import data_sets
from pipeline.errors import PipelineError
from pipeline.evaluation import cost, scoring
from pipeline.evaluation.scoring import CONDITIONS, COST, PREDICTIONS
from pipeline.inference.classifier import Classifier
from pipeline.inference.graph import BATCH_SIZE, batches_by_length


class Recorded:
    """Stands in for a Classifier. Each row takes ``seconds`` on the test's own clock."""

    seconds = 0.0
    now = 0.0

    def __init__(self, folder, threads=None):
        self.threads, self.calls = threads, []
        Recorded.last = self

    def lengths(self, texts):
        return [len(text) for text in texts]

    def predict_proba(self, texts, batch_size=BATCH_SIZE, progress=None, workers=1):
        self.calls.append((list(texts), batch_size, workers))
        Recorded.now += self.seconds * len(texts)
        return np.full((len(texts), 4), 0.25, np.float32)


@pytest.fixture
def recorded(monkeypatch):
    """Replaces Classifier by ``Recorded``; returns a function that sets its ``seconds``."""
    monkeypatch.setattr(cost, "Classifier", Recorded)
    monkeypatch.setattr(cost, "available_threads", lambda: 2)
    monkeypatch.setattr(cost.time, "perf_counter", lambda: Recorded.now)

    def slow(seconds):
        monkeypatch.setattr(Recorded, "seconds", seconds)

    return slow


TEXTS = ["x" * length for length in np.random.default_rng(0).permutation(np.arange(4000) % 100)]


def test_many_texts_are_timed_by_the_path_that_classify_takes(recorded):
    recorded(0.001)
    found = cost.throughput("artifact", TEXTS)
    assert Recorded.last.threads == 1
    assert {(size, workers) for _, size, workers in Recorded.last.calls} == {(BATCH_SIZE, 2)}
    assert found["rows_per_second"] == 1000
    assert 1900 < found["rows"] <= cost.ROWS
    assert found["peak_memory_mb"] > 10


@pytest.mark.parametrize("seconds", [0.001, 0.06, 0.2])
def test_a_slow_model_is_timed_on_fewer_texts_of_all_lengths(recorded, seconds):
    recorded(seconds)
    found = cost.throughput("artifact", TEXTS)
    lengths = [[len(text) for text in texts] for texts, _, _ in Recorded.last.calls]
    assert found["rows"] * seconds <= 15
    assert found["rows"] % (2 * BATCH_SIZE) == 0
    for some in lengths:
        assert np.mean(some) == pytest.approx(np.mean([len(text) for text in TEXTS]), rel=0.05)
        # Texts of a batch are as alike in length as in batches of all texts.
        whole = batches_by_length(some, BATCH_SIZE)
        assert max(max(some[row] for row in b) - min(some[row] for row in b) for b in whole) <= 1
    assert found["rows_per_second"] == pytest.approx(1 / seconds, rel=0.01)


def test_few_texts_are_timed_over_and_over(recorded):
    recorded(0.001)
    assert cost.throughput("artifact", TEXTS[:40])["rows"] == 40
    assert len(Recorded.last.calls) == 1 + cost._PASSES  # one warms up


def test_one_text_at_a_time_is_timed_on_rows_and_on_headlines(recorded):
    recorded(0.002)
    found = cost.latency("artifact", TEXTS, ["a headline"] * 30)
    assert Recorded.last.threads is None
    assert {len(texts) for texts, _, _ in Recorded.last.calls} == {1}
    assert (found["rows"], found["headlines"]) == (cost.SINGLE, 30)
    for name in ("mean_ms", "p50_ms", "p95_ms", "headline_mean_ms", "headline_p50_ms"):
        assert found[name] == pytest.approx(2)


def test_headlines_have_8_to_20_words_and_come_again_in_turn():
    known = [t for t in data_sets.invented_headlines().texts if 8 <= len(t.split()) <= 20]
    assert len(set(known)) >= cost.SINGLE
    assert scoring.short_headlines(len(known) + 2) == [*known, *known[:2]]
    assert "different" not in scoring.texts_of_latency(200, 200, "test rows")
    many = len(known) + 2
    assert f"{many} headlines ({len(set(known))} different" in scoring.texts_of_latency(
        200, many, "test rows"
    )


@pytest.fixture(scope="module")
def corpus():
    return data_sets.load(toy=True)


def test_predictions_and_costs_say_what_they_were_taken_on(artifact, corpus, tmp_path):
    scoring.evaluate(artifact, corpus, tmp_path)
    table = pd.read_parquet(tmp_path / PREDICTIONS)
    assert table["split"].value_counts().to_dict() == {"test": 100, "validation": 30}
    expected = Classifier(artifact).predict_proba(corpus.test.texts)
    own = table[table["split"] == "test"].filter(regex=r"^p\d").to_numpy()
    np.testing.assert_allclose(own, expected, atol=1e-6)
    predicted_on = json.loads((tmp_path / CONDITIONS).read_text("utf-8"))
    assert set(predicted_on) == {"hardware", "versions", "taken"}
    measured = json.loads((tmp_path / COST).read_text("utf-8"))
    latency = [f"{of}{what}_ms" for of in ("", "headline_") for what in ("mean", "p50", "p95")]
    assert set(measured["cost"]) == {
        *("load_ms", *latency, "rows_per_second", "peak_memory_mb"),
    }
    assert min(measured["cost"].values()) > 0
    conditions = {*predicted_on, "threads", "texts"}
    assert set(measured["measured_on"]["latency"]) == conditions
    assert set(measured["measured_on"]["throughput"]) == {*conditions, "rows"}
    assert measured["measured_on"]["throughput"]["rows"] == 100


def test_measuring_again_replaces_the_cost_alone(artifact, corpus, tmp_path):
    kept = {name: (tmp_path / name) for name in (PREDICTIONS, CONDITIONS)}
    for path in (*kept.values(), tmp_path / COST):
        path.write_text("before")
    scoring.measure_again(artifact, corpus, tmp_path)
    assert {path.read_text() for path in kept.values()} == {"before"}
    assert json.loads((tmp_path / COST).read_text("utf-8"))["cost"]["rows_per_second"] > 0


def test_a_process_that_fails_is_one_line(corpus, tmp_path):
    with pytest.raises(PipelineError, match="its message stands above"):
        scoring.measure_again(tmp_path / "nothing", corpus, tmp_path)
    assert not list(tmp_path.iterdir())
