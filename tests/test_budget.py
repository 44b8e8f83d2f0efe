"""The model to deploy, against verdicts worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from pipeline.budget import Budget, decide, join, sentence

# Rows of 100 on which each model is wrong. Against "large", which is wrong on 0..4:
# "half" differs on 2 rows (p = 0.5), "small" on 4 (p = 0.125), "bad" on 20 (p = 2e-6).
WRONG = {"large": range(5), "half": range(7), "small": range(9), "bad": range(25)}
MODELS = pd.DataFrame(
    {
        "role": ["large", "half", "small", "bad"],
        "size_mb": [400.0, 200.0, 20.0, 2.0],
        "p50_ms": [20.0, 10.0, 2.0, 0.5],
        "accuracy": [0.95, 0.93, 0.91, 0.75],
    }
)
RIGHT = {role: ~np.isin(np.arange(100), list(rows)) for role, rows in WRONG.items()}
NO_LIMIT = Budget()


def said(budget, table=MODELS):
    return sentence(decide(table, RIGHT, budget), table, budget, 100).replace("\u00a0", " ")


def test_without_limits_the_most_accurate_is_chosen():
    verdict = decide(MODELS, RIGHT, NO_LIMIT)
    assert verdict.chosen == "large"
    assert verdict.tied == ("small", "half")  # the smallest first
    assert verdict.thrifty == "small"
    assert verdict.worse == ("bad",)


def test_what_it_does_on_headlines_alone_is_told_where_it_was_asked():
    asked = MODELS.assign(headlines=[0.9, None, None, None])
    assert "large (95 % right, 90 % on headlines alone, 400 MB" in said(NO_LIMIT, asked)
    assert "half (93 % right, 200 MB" in said(Budget(max_mb=300), asked)


def test_comparisons_are_mcnemars_with_holms_correction():
    p = decide(MODELS, RIGHT, NO_LIMIT).p
    # 20 rows, all one way: 2 / 2^20, the smallest of three; then 2 / 2^4 of two; then 2 / 2^2.
    assert p["bad"] == pytest.approx(3 * 2 / 2**20)
    assert p["small"] == pytest.approx(2 * 2 / 2**4)
    assert p["half"] == pytest.approx(0.5)


def test_only_models_within_the_budget_are_compared():
    verdict = decide(MODELS, RIGHT, Budget(max_mb=20, max_ms=2))  # a limit itself is within
    assert (verdict.chosen, verdict.tied, verdict.thrifty) == ("small", (), None)
    # "bad" is wrong on 16 rows more: one comparison, nothing to correct.
    assert verdict.p == {"bad": pytest.approx(2 / 2**16)}


def test_equally_accurate_the_smaller_is_chosen_and_the_larger_is_no_thrift():
    table = MODELS[MODELS["role"].isin(["large", "half"])].assign(accuracy=0.95)
    verdict = decide(table, RIGHT | {"half": RIGHT["large"]}, NO_LIMIT)
    assert verdict.chosen == "half"
    assert verdict.tied == ("large",)
    assert verdict.thrifty is None
    assert verdict.p == {"large": 1}


@pytest.mark.parametrize(
    ("budget", "nearest"),
    [
        (Budget(max_mb=1), "bad"),
        (Budget(max_mb=10, min_accuracy=0.9), "small"),  # twice the MB; "bad": 2.5 the errors
        (Budget(max_mb=10, min_accuracy=0.89), "small"),
        (Budget(max_mb=1.1, min_accuracy=0.8), "bad"),  # 1.8 times the MB against 18 times
        (Budget(min_accuracy=0.99), "large"),
        (Budget(max_mb=0), "bad"),
        (Budget(min_accuracy=1), "large"),
    ],
)
def test_if_nothing_fits_the_least_excess_is_nearest(budget, nearest):
    verdict = decide(MODELS, RIGHT, budget)
    assert verdict.chosen is None
    assert verdict.nearest == nearest


def test_accuracy_that_equals_the_limit_is_within():
    assert decide(MODELS, RIGHT, Budget(min_accuracy=0.95)).chosen == "large"


def test_the_sentence_names_all_there_is_to_say():
    assert said(NO_LIMIT) == (
        "With no limit set, deploy large (95 % right, 400 MB, 20 ms). small and half are tied with "
        "it: the 100 test headlines don't tell them apart. The smallest of them, small, would do "
        "with 20 MB. bad is worse."
    )
    assert said(Budget(200, 15, 0.9)) == (
        "With at most 200 MB, at most 15 ms and at least 90 % accuracy, deploy half (93 % right, "
        "200 MB, 10 ms). small is tied with it: the 100 test headlines don't tell them apart. It "
        "would do with 20 MB."
    )
    assert said(Budget(max_ms=1)) == (
        "With at most 1 ms, deploy bad (75 % right, 2 MB, 0.5 ms). No other model fits."
    )


def test_the_sentence_says_by_how_much_the_nearest_misses():
    assert said(Budget(max_mb=10, min_accuracy=0.92)) == (
        "No model has at most 10 MB and at least 92 % accuracy. The nearest is small (91 % right, "
        "20 MB, 2 ms): 10 MB too large and 1 point short."
    )
    assert said(Budget(max_ms=0.1)).endswith("bad (75 % right, 2 MB, 0.5 ms): 0.4 ms too slow.")


def test_one_model_has_no_rival():
    assert said(NO_LIMIT, MODELS.head(1)).endswith("20 ms). There is no other model.")


def test_names_are_joined_as_in_speech():
    assert [join(list("abc")[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
