"""The median time of one text."""

import time

import pytest

from pipeline.inference import timing


class Slow:
    """Takes 1 ms for a text, and 30 ms for one in ten."""

    def __init__(self):
        self.asked = []

    def predict_proba(self, texts):
        self.asked.append(texts)
        time.sleep(0.03 if len(self.asked) % 10 == 0 else 0.001)


def test_one_slow_call_in_ten_does_not_show():
    slow = Slow()
    figure = timing.median_milliseconds(slow, [str(i) for i in range(40)], seconds=60)
    assert 1 <= figure < 15
    assert all(len(texts) == 1 for texts in slow.asked)
    assert len(slow.asked) == 43  # three warm up


def test_it_ends_in_time(monkeypatch):
    clock = iter(range(1_000))
    monkeypatch.setattr(timing.time, "perf_counter", lambda: float(next(clock)))
    slow = Slow()
    # The clock advances by a second whenever it is read, twice per text.
    assert timing.median_milliseconds(slow, ["a"] * 100, seconds=5) == pytest.approx(1_000)
    assert len(slow.asked) == 3 + 3
