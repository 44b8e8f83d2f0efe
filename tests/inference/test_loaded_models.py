"""Models in memory: loaded once, side by side, dropped past the budget."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.errors import PipelineError
from pipeline.inference import loaded_models
from pipeline.inference.loaded_models import Loaded


def test_a_model_is_loaded_once_however_many_ask_at_once():
    models, calls, asked = Loaded(100), [], threading.Barrier(8)

    def load():
        calls.append(1)
        return object()

    def ask(_):
        asked.wait()
        return models.get("a", 10, load)

    with ThreadPoolExecutor(8) as pool:
        found = set(map(id, pool.map(ask, range(8))))
    assert len(calls) == len(found) == 1


def test_who_asks_for_another_model_does_not_wait():
    models, go = Loaded(100), threading.Event()

    def slow():
        assert go.wait(10)
        return "slow"

    with ThreadPoolExecutor(1) as pool:
        slow_one = pool.submit(models.get, "slow", 10, slow)
        assert models.get("quick", 10, lambda: "quick") == "quick"
        assert not slow_one.done()
        go.set()
        assert slow_one.result(10) == "slow"


def test_the_least_recently_used_goes_first():
    models = Loaded(100)
    for name in ("a", "b", "a", "c"):
        models.get(name, 40, lambda name=name: name)
    assert ("a" in models, "b" in models, "c" in models) == (True, False, True)
    assert models.bytes() == 80
    models.get("large", 1000, lambda: "large")  # kept, because somebody waits for it
    assert models.bytes() == 1000
    models.get("a", 40, lambda: "a")
    assert models.bytes() == 40


def test_a_model_that_failed_to_load_is_tried_again():
    models = Loaded(100)

    def fail():
        raise PipelineError("no model")

    with pytest.raises(PipelineError, match="no model"):
        models.get("a", 10, fail)
    assert "a" not in models
    assert models.get("a", 10, lambda: "model") == "model"


def test_the_budget_is_set_in_the_environment(monkeypatch):
    monkeypatch.setenv(loaded_models.BUDGET, "300")
    assert loaded_models.budget() == 300_000_000
    for wrong in ("", "much", "-1", "0", "٣"):
        monkeypatch.setenv(loaded_models.BUDGET, wrong)
        with pytest.raises(PipelineError, match="number of megabytes"):
            loaded_models.budget()
