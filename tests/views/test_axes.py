"""Costs and points of the frontier, by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pipeline.analysis import comparison
from pipeline.data.declarations import AGNEWS, BANKING77, own
from views.charts.axes import X_AXES, Y_AXES, axes_of, cost_of_a_million, points, with_costs
from views.glossary import glossary

TABLE = pd.DataFrame(
    {
        "run": "r",
        "role": ["a", "b", "c"],
        "method": ["distilled", "classical", "static"],
        "size_mb": [10.0, 20.0, 30.0],
        "parameters": [1e6, 2e6, 3e6],
        "rows_per_second": [1000.0, 500.0, 500.0],
        "threads": [2, 4, np.nan],
    }
)
FIGURES = pd.DataFrame({"role": ["a", "b", "c"], "y": [0.1, 0.3, 0.2], "low": 0.0, "high": 1.0})


def test_the_cost_of_a_million_by_hand():
    # 1,000 a second: 1,000 seconds on two cores at 1.80 an hour each.
    assert cost_of_a_million(1000, 2, 1.80) == pytest.approx(1000 / 3600 * 2 * 1.80)
    costs = with_costs(TABLE, 0.36)["cost"]
    assert costs[:2].tolist() == pytest.approx([0.2, 0.8])
    assert np.isnan(costs[2])  # its number of threads is unknown


def test_the_front_minds_which_way_is_better():
    size, accuracy, error = X_AXES["size_mb"], Y_AXES["accuracy"], Y_AXES["ece"]
    assert points(TABLE, FIGURES, size, accuracy)["front"].tolist() == [True, True, False]
    assert points(TABLE, FIGURES, size, error)["front"].tolist() == [True, False, False]


def test_references_are_groups_of_their_own():
    found = points(TABLE, FIGURES, X_AXES["size_mb"], Y_AXES["accuracy"])
    assert found["group"].tolist() == ["r", "Classical", "r"]


def test_a_model_without_one_of_the_figures_is_no_point():
    table = with_costs(TABLE, 1)
    found = points(table, FIGURES, X_AXES["cost"], Y_AXES["accuracy"])
    assert found["role"].tolist() == ["a", "b"]
    figures = FIGURES.assign(y=[np.nan, 0.3, 0.2])
    found = points(table.assign(size_mb=[1, 0, 2]), figures, X_AXES["size_mb"], Y_AXES["accuracy"])
    assert found["role"].tolist() == ["c"]  # a log axis has no place for 0
    assert found["front"].tolist() == [True]


@pytest.mark.parametrize("known", [AGNEWS, BANKING77, own("mine")], ids=lambda known: known.name)
def test_every_axis_is_explained_in_the_data_sets_words(known):
    words, offered = glossary(known), axes_of(X_AXES | Y_AXES, known)
    for axis in offered.values():
        assert axis.help == words[axis.term]
        assert axis.lower_is_better == (axis.key in X_AXES or axis.key == "ece")
    missing = set(X_AXES | Y_AXES) - {axis.key for axis in offered.values()}
    assert missing == (set() if known is AGNEWS else {"headlines"})
    said = str(offered.values())
    assert "{" not in said.replace("dict_values", "")
    assert ("headline" in said.replace("headline_p50_ms", "")) == (known is AGNEWS)


def test_addresses_name_axes_in_one_way_whatever_the_data_set():
    of_headlines, of_questions = axes_of(X_AXES, AGNEWS), axes_of(X_AXES, BANKING77)
    assert list(of_headlines) == list(of_questions)
    assert all(axis.term == address for address, axis in of_headlines.items())
    assert of_questions["Cost of a million headlines"].term == "Cost of a million questions"
    assert of_questions["Latency of a headline"].term == "Latency of a short text"


def run(accuracies):
    return pd.DataFrame(
        {"role": list(accuracies), "accuracy": accuracies.values(), "size_mb": 1.0, "p50_ms": 2.0}
    )


def test_runs_are_compared_by_role():
    right = {"a": np.arange(10) < 5, "b": np.arange(10) < 9}
    other = {"a": np.arange(10) < 8, "c": np.arange(10) < 1}
    table = comparison.by_role(run({"a": 0.5, "b": 0.9}), run({"a": 0.8, "c": 0.1}), right, other)
    (row,) = table.itertuples()
    assert row.role == "a"
    assert row.difference == pytest.approx(0.3)
    assert row.low < 0.3 < row.high
    assert row.p == pytest.approx(2 * stats.norm.sf(np.sqrt(3)))  # one comparison, 3 wins to 0


def test_runs_on_other_rows_are_not_paired():
    table = comparison.by_role(run({"a": 0.5}), run({"a": 0.8}))
    assert table["difference"].tolist() == pytest.approx([0.3])
    assert table[["low", "high", "p"]].isna().all(axis=None)


def test_titles_fit_across_a_phone():
    for known in (AGNEWS, BANKING77, own("mine")):
        assert max(len(axis.title) for axis in axes_of(X_AXES, known).values()) <= 34
