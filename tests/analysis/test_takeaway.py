"""The first line of a page claims no more than the significance tests show."""

import numpy as np
import pandas as pd
import pytest

from pipeline.analysis.budget import Budget
from pipeline.analysis.recommendation import compare, recommend
from pipeline.analysis.significance import Difference
from pipeline.analysis.takeaway import article, cost, gain, headline, take_away, times, worst_points

ROWS = 4000


def answers(wrong, own=0):
    """Where a model is right: on all rows but ``wrong`` ones from row ``own`` on."""
    right = np.ones(ROWS, bool)
    right[own : own + wrong] = False
    return right


def told(wrong, sizes, validation=None, **budget):
    """The takeaway of a run; ``wrong`` and ``sizes`` are by role."""
    right = {role: answers(count) for role, count in wrong.items()}
    models = pd.DataFrame(
        {
            "role": list(wrong),
            "size_mb": [sizes[role] for role in wrong],
            "p50_ms": [sizes[role] / 10 for role in wrong],
            "accuracy": [right[role].mean() for role in wrong],
            "validation": [(validation or wrong)[role] for role in wrong],
        }
    )
    if validation is None:
        models["validation"] = models["accuracy"]
    found = recommend(compare(models, right), Budget(**budget))
    return take_away(found, right, len(wrong) - 1)


SIZES = {"teacher": 438.0, "tiny": 9.33, "nano": 0.97}


def test_within_the_margin_a_small_model_does_the_work():
    found = told({"teacher": 200, "tiny": 205, "nano": 400}, SIZES)
    assert (found.role, found.origin, found.shown) == ("tiny", "teacher", True)
    assert headline(found) == "A 9.3 MB model does the work of 438 MB"
    assert found.smaller == pytest.approx(438 / 9.33)
    assert gain(found, True).startswith("47 times smaller, 47 times faster, at most 0.")
    assert "faster" not in gain(found, False)


def test_beyond_the_margin_the_heading_says_what_it_costs():
    found = told({"teacher": 200, "nano": 400}, SIZES, max_mb=5)
    assert not found.shown
    assert headline(found).startswith("A 0.97 MB model costs ")
    assert headline(found).endswith(" points")
    assert found.difference.low < -0.05 < found.difference.high


def test_a_wide_margin_of_the_users_makes_no_claim():
    found = told({"teacher": 200, "nano": 300}, SIZES, margin=0.05)
    assert found.role == "nano"  # recommended, because the user's margin allows it
    assert "does the work" not in headline(found)


def test_a_reference_that_is_not_the_teacher_does_not_lend_its_margin():
    """A model within the margin of a small reference may be outside the teacher's margin."""
    wrong = {"teacher": 150, "dynamic": 200, "tiny": 205}
    sizes = {"teacher": 438.0, "dynamic": 110.0, "tiny": 9.33}
    best = {"teacher": 0.90, "dynamic": 0.95, "tiny": 0.94}
    found = told(wrong, sizes, best)
    assert (found.role, found.origin) == ("tiny", "teacher")
    assert found.difference.low < -0.01
    assert "does the work" not in headline(found)


def test_nothing_smaller_and_nothing_at_all():
    wrong = {"teacher": 200, "nano": 400}
    assert headline(told(wrong, SIZES)) == "Nothing smaller is shown to match 438 MB"
    found = told(wrong, SIZES, max_mb=0.5)
    assert not found.fits
    assert headline(found) == "No model fits: the nearest has 0.97 MB"


def test_a_run_without_a_teacher_starts_from_its_largest_model():
    assert told({"own": 200, "tiny": 200}, {"own": 50.0, "tiny": 9.33}).origin == "own"


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-0.015, -0.003, "costs 0.3 to 1.5 points"),
        (-0.008, 0.003, "costs at most 0.8 points"),
        (0.002, 0.009, "gains 0.2 to 0.9 points"),
    ],
)
def test_costs_in_words(low, high, words):
    assert cost(Difference((low + high) / 2, low, high, 0.5)) == words


@pytest.mark.parametrize(("low", "points"), [(-0.0081, -0.9), (-0.008, -0.8), (0.0029, 0.2)])
def test_the_worst_case_is_rounded_down(low, points):
    assert worst_points(Difference(0.0, low, 0.01, 0.5)) == points


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (46.9, "47 times smaller"),
        (0.5, "2 times larger"),
        (1.02, "no smaller"),
        (452.4, "452 times smaller"),
    ],
)
def test_times_in_words(ratio, words):
    assert times(ratio, "smaller", "larger") == words


@pytest.mark.parametrize(
    ("number", "word"),
    [
        ("9.3 MB", "a"),
        ("8.1 MB", "an"),
        ("11", "an"),
        ("18 MB", "an"),
        ("110 MB", "a"),
        ("80", "an"),
    ],
)
def test_articles(number, word):
    assert article(number) == word
