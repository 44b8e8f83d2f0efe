"""The confusion page; clicks on cells are for tests in a browser."""

import itertools

import numpy as np
import pandas as pd
import pytest
from streamlit.util import calc_hash

from pipeline.data import data_sets
from tests import synthetic
from tests.views.test_errors_page import answers, news, run, said
from views.pages.confusion import say_largest
from views.parts.common import plain

__all__ = ["news", "run"]  # fixtures


def test_the_headlines_of_a_cell_follow_the_address(open_page, run, news):
    labels, called, _ = answers(run, "minilm")
    inside = np.flatnonzero((labels == 3) & (called == 2))
    query = {"models": ["teacher", "minilm"], "model": "minilm", "actual": "Sci/Tech"}
    app = open_page("confusion", news, **query, predicted="Business")
    table = app.dataframe[0].value
    assert table["Row"].tolist() == inside.tolist()
    assert table["Headline"].tolist() == [data_sets.load(news).test.texts[row] for row in inside]
    assert f"by MiniLM: {len(inside)} headlines" in said(app)


def test_without_a_cell_the_page_says_how_to_choose_one(open_page):
    app = open_page("confusion", actual="World")
    assert len(app.dataframe) == 1  # precision and recall
    assert "Click a cell above" in said(app)


def test_a_cell_is_reached_by_keyboard(open_page):
    app = open_page("confusion")
    app.selectbox(key="actual").set_value("World")
    app.selectbox(key="predicted").set_value("World").run()
    assert not app.exception
    assert set(app.dataframe[0].value["Actual"]) == {"World"}


def test_against_a_base_model_a_cell_lists_what_came_and_went(open_page, run):
    labels, base, _ = answers(run, "teacher")
    _, called, _ = answers(run, "tiny-int8")
    query = {"models": ["tiny-int8"], "base": "teacher", "actual": "World", "predicted": "World"}
    app = open_page("confusion", **query)
    table = app.dataframe[0].value
    here = (labels == 0) & (called == 0)
    there = (labels == 0) & (base == 0)
    assert table["Row"].tolist() == np.flatnonzero(here ^ there).tolist()
    assert (table["Change"] == "− went").sum() == (there & ~here).sum()
    net = int((called == labels).sum() - (base == labels).sum())
    assert f"−{abs(net)} correct against Teacher" in said(app)
    assert "more is better on the diagonal" in said(app)


def test_the_base_model_itself_is_shown_as_it_is(open_page):
    app = open_page("confusion", models=["teacher", "minilm"], base="teacher")
    assert said(app).count("of 800 correct") == 1
    assert said(app).count("correct against Teacher") == 1


def test_an_empty_cell_says_so(open_page, cache_folder):
    synthetic.write_run(cache_folder, rows=20)  # each model has one or two wrong
    query = {"models": ["minilm"], "actual": "World"}
    app = open_page("confusion", **query, predicted="Sports")
    assert "by MiniLM: 0 headlines" in said(app)
    assert "No headline is in this cell." in said(app)
    app = open_page("confusion", **query, predicted="World", base="teacher")
    assert "No headline was moved here." in said(app)


@pytest.mark.parametrize("cells", ["Counts", "Row shares", "Column shares"])
def test_every_kind_of_cell(open_page, cells):
    for base in ({}, {"base": "teacher"}):
        app = open_page("confusion", cells=cells, **base)
        assert app.selectbox(key="cells").value == cells
        assert [heading.value for heading in app.subheader][:2] == [
            "Teacher",
            plain("Tiny, 8-bit dynamic"),
        ]


def test_nonsense_in_the_address_is_served(open_page):
    app = open_page("confusion", base="<b>", actual="x", predicted="**y**", model="../etc")
    assert "Click a cell above" in said(app)


def test_what_is_chosen_travels_to_the_errors_and_back(open_page):
    app = open_page("confusion", models=["teacher", "minilm"])
    app.selectbox(key="model").set_value("minilm")
    app.selectbox(key="actual").set_value("World").run()
    app._page_hash = calc_hash("errors")
    app.query_params.clear()
    app.run()
    assert not app.exception
    assert app.selectbox(key="model").value == "minilm"
    assert set(app.dataframe[0].value["Actual"]) == {"World"}
    app.selectbox(key="model").set_value("tiny-int8").run()
    app._page_hash = calc_hash("calibration")
    app.query_params.clear()
    app.run()
    assert app.multiselect(key="models").value == ["teacher", "tiny-int8"]


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        (
            [5, 3, 1, -9],
            "Largest changes: 3 more a predicted as b (worse), 1 more b predicted as a",
        ),
        ([0, 0, -2, 2], "Largest change: 2 fewer b predicted as a (better)."),
        ([-1, 0, 0, 1], "It makes as many mistakes of every kind."),
        ([0, 2, 0, 0, 0, -3, 2, 2, 0], "(worse), and 2 more as large as the last."),
    ],
)
def test_the_largest_changes_are_said(counts, sentence):
    names = "abc"[: int(len(counts) ** 0.5)]
    actual, predicted = zip(*itertools.product(names, repeat=2), strict=True)
    cells = {"true": actual, "predicted": predicted, "count": counts}
    assert sentence in say_largest(pd.DataFrame(cells))
