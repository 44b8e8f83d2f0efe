"""Comparisons of two models: by hand, against the literature, statsmodels and brute force."""

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.multitest import multipletests

from pipeline.analysis import significance
from pipeline.analysis.significance import (
    both_ends_in_words,
    differences,
    in_words,
    mcnemar,
    paired_difference,
    score_interval,
    teaching,
)

COUNTS = st.integers(0, 60)


def pair(wins: int, losses: int, both: int = 50, neither: int = 0):
    """Where each of two models is right, from the number of rows of each case."""
    cells = [wins, losses, both, neither]
    return np.repeat([True, False, True, False], cells), np.repeat(
        [False, True, True, False], cells
    )


# --- the interval ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wins", "losses", "rows", "ends"),
    [
        # Fagerland, Lydersen & Laake (2014), table V: airway hyper-responsiveness.
        (1, 7, 21, (-0.517, -0.026)),
        # Tango (1998), table II.
        (0, 0, 44, (-0.0803, 0.0803)),
    ],
)
def test_the_interval_is_the_published_one(wins, losses, rows, ends):
    low, high = score_interval([wins], [losses], rows)
    assert (low[0], high[0]) == pytest.approx(ends, abs=6e-4)


def log_likelihood(share, difference, wins, losses, rows):
    """Log-likelihood of the counts if only the other model is right on ``share`` of the rows."""
    cells = [share + difference, share, 1 - 2 * share - difference]
    counts = [wins, losses, rows - wins - losses]
    return sum(n * np.log(max(p, 1e-300)) for n, p in zip(counts, cells, strict=True) if n)


@pytest.mark.parametrize(("wins", "losses", "rows"), [(3, 9, 60), (0, 4, 100), (40, 25, 700)])
@pytest.mark.parametrize("comparisons", [1, 14])
def test_ends_are_where_the_score_under_them_is_critical(wins, losses, rows, comparisons):
    critical = stats.norm.ppf(1 - 0.025 / comparisons)
    for end in score_interval([wins], [losses], rows, comparisons):
        difference = end[0]
        # The most likely share for this difference, by search and not by formula.
        found = optimize.minimize_scalar(
            lambda q, d=difference: -log_likelihood(q, d, wins, losses, rows),
            bounds=(max(0, -difference), (1 - difference) / 2),
            method="bounded",
            options={"xatol": 1e-12},
        )
        variance = (2 * found.x + difference - difference**2) / rows
        score = ((wins - losses) / rows - difference) / np.sqrt(variance)
        assert abs(score) == pytest.approx(critical, rel=1e-3)


@settings(derandomize=True, deadline=None, database=None)
@given(COUNTS, COUNTS, st.integers(1, 200), st.integers(1, 30))
def test_bounds_hold_the_difference_and_mirror_it(wins, losses, more, comparisons):
    rows = wins + losses + more
    (low,), (high,) = score_interval([wins], [losses], rows, comparisons)
    assert -1 <= low <= (wins - losses) / rows <= high <= 1
    assert low < high  # the interval always has a width
    (mirrored_low,), (mirrored_high,) = score_interval([losses], [wins], rows, comparisons)
    assert (mirrored_low, mirrored_high) == pytest.approx((-high, -low), abs=1e-9)
    (wider_low,), (wider_high,) = score_interval([wins], [losses], rows, comparisons + 1)
    assert wider_low <= low
    assert high <= wider_high


# --- the test -------------------------------------------------------------------------------------


@settings(derandomize=True, deadline=None, database=None)
@given(st.lists(st.tuples(COUNTS, COUNTS), min_size=1, max_size=8))
def test_p_is_statsmodels_with_bonferronis_correction(pairs):
    plain = [
        reference_mcnemar([[50, one], [other, 5]], exact=False, correction=False).pvalue
        if one + other
        else 1.0
        for one, other in pairs
    ]
    expected = multipletests(plain, method="bonferroni")[1]
    wins, losses = np.transpose(pairs)
    assert mcnemar(wins, losses, len(pairs)) == pytest.approx(expected, rel=1e-9)


@settings(derandomize=True, deadline=None, database=None)
@given(COUNTS, COUNTS, st.integers(1, 300), st.integers(1, 30))
def test_p_is_below_its_level_exactly_where_the_bounds_leave_out_nought(
    wins, losses, more, comparisons
):
    found = paired_difference(*pair(wins, losses, more), comparisons)
    if abs(found.p - 0.05) > 1e-9:
        assert found.found == (found.p < 0.05)


def test_p_approaches_the_exact_test():
    exact = stats.binomtest(1000, 2100, 0.5).pvalue
    assert mcnemar(1100, 1000) == pytest.approx(exact, abs=2e-3)


# --- models ---------------------------------------------------------------------------------------


def test_all_are_compared_with_the_reference_at_once():
    right = {"a": np.arange(100) < 90, "b": np.arange(100) < 85, "c": np.arange(100) >= 20}
    table = differences(right, "a")
    assert table.loc["a"].tolist() == [0, 0, 0, 1]
    assert table["difference"].tolist() == pytest.approx([0, -0.05, -0.10])
    for role in "bc":
        alone = paired_difference(right[role], right["a"], comparisons=2)
        assert table.loc[role].tolist() == pytest.approx(list(alone))


def test_a_verdict_on_two_models_is_the_same_whichever_is_asked_about():
    one, other = pair(9, 22, 400)
    forth, back = (paired_difference(*p, comparisons=7) for p in ((one, other), (other, one)))
    assert back == pytest.approx((-forth.difference, -forth.high, -forth.low, forth.p))


def test_what_a_teacher_adds_is_the_student_less_its_baseline():
    # Of 20 rows, only the student is right on 8, and only the baseline on 1.
    student, baseline = np.arange(20) < 18, np.r_[np.arange(18) >= 8, True, False]
    right = {"teacher": np.ones(20, bool), "tiny": student, "old": student}
    found = teaching(right | {"tiny-baseline": baseline, "old-control": baseline}, comparisons=4)
    assert found.index.tolist() == ["tiny", "old"]
    expected = paired_difference(student, baseline, 4)
    assert found.loc["tiny"].tolist() == found.loc["old"].tolist() == list(expected)
    assert expected.difference == pytest.approx(7 / 20)
    assert teaching(right).empty


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-0.0051, 0.0020, "at most 0.6 points less accurate"),
        (-0.0082, -0.0029, "0.2 to 0.9 points less accurate"),
        (0.0029, 0.0082, "0.2 to 0.9 points more accurate"),
        (-0.0114, -0.0004, "0.04 to 1.2 points less accurate"),  # not 0.0 to 1.2
        (-0.00114, 0.00114, "at most 0.12 points less accurate"),
        (-0.01, 0.003, "at most 1.0 points less accurate"),
    ],
)
def test_bounds_are_rounded_outwards(low, high, words):
    assert in_words(low, high) == words


def test_both_ends_are_told_where_no_difference_is_found():
    said = both_ends_in_words(-0.0004, 0.0151)
    assert said == "between 0.1 points less and 1.6 points more accurate"
    assert both_ends_in_words(0.0029, 0.0082) == in_words(0.0029, 0.0082)


def test_twenty_five_models_take_no_time_to_speak_of():
    random = np.random.default_rng(0)
    right = {f"m{i}": random.random(7600) < 0.94 for i in range(25)}
    took = []
    for _ in range(5):
        start = time.perf_counter()
        differences(right, "m0")
        took.append(time.perf_counter() - start)
    assert min(took) < 0.05


def test_no_p_and_no_bound_is_not_a_number():
    found = paired_difference([True], [False])
    assert all(math.isfinite(value) for value in found)
    assert significance.paired_difference([True] * 3, [True] * 3).p == 1
