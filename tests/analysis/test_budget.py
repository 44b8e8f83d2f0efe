"""Limits: what is beyond them, by how much, and in words."""

import pandas as pd
import pytest

from pipeline.analysis.budget import (
    Budget,
    describe,
    excess,
    from_percent,
    join,
    misses,
    round_sensibly,
)

MODELS = pd.DataFrame(
    {
        "role": ["large", "small", "bad"],
        "size_mb": [400.0, 20.0, 2.0],
        "p50_ms": [20.0, 2.0, 0.5],
        "accuracy": [0.95, 0.91, 0.75],
        "rows": 100,
    }
)


@pytest.mark.parametrize(
    ("budget", "times"),
    [
        (Budget(), [0, 0, 0]),
        (Budget(max_mb=20), [20, 1, 0.1]),
        (Budget(max_mb=10, min_accuracy=0.9), [40, 2, 2.5]),  # "bad" fits the accuracy worst
        (Budget(max_ms=0.5), [40, 4, 1]),
        (Budget(min_accuracy=0.95), [1, 1.8, 5]),
    ],
)
def test_a_model_takes_its_worst_limit_so_many_times(budget, times):
    assert excess(MODELS, budget).tolist() == pytest.approx(times)


def test_misses_name_every_limit_that_is_missed():
    budget = Budget(max_mb=10, max_ms=1.6, min_accuracy=0.92)
    assert misses(MODELS, "small", budget) == "10 MB too large, 0.4 ms too slow and 1 point short"
    assert misses(MODELS, "bad", budget) == "17 points short"


def test_a_budget_in_words():
    assert Budget().words() == ""
    said = Budget(200, 15, 0.9).words()
    assert said == "at most 200 MB, at most 15 ms and at least 90 % accuracy"


def test_people_write_percent_and_points():
    assert from_percent(25, None, 94, 0.5) == Budget(25, None, 0.94, 0.005)
    assert from_percent(None, None, None, 1) == Budget()


def test_a_models_figures_have_the_digits_that_its_rows_support():
    said = describe(MODELS, "small").replace("\u00a0", " ")
    assert said == "small (91 % right, 20 MB, 2 ms)"
    more = MODELS.assign(rows=7600, headlines=0.8)
    said = describe(more, "small").replace("\u00a0", " ")
    assert said == "small (91.0 % right, 80 % on headlines alone, 20 MB, 2 ms)"


def test_names_are_joined_as_in_speech():
    assert [join(list("abc")[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]


def test_a_timing_has_two_digits():
    figures = (1234.5, 438.07, 99.7, 23.04, 9.3322, 0.12345)
    assert list(map(round_sensibly, figures)) == ["1,234", "438", "100", "23", "9.3", "0.12"]
