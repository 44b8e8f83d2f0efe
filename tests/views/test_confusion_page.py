"""The confusion page; clicks on cells are for tests in a browser."""

import numpy as np
import pytest

from pipeline.data import data_sets
from tests import synthetic
from tests.views.test_errors_page import answers, news, run, said

__all__ = ["news", "run"]  # fixtures


def test_the_headlines_of_a_cell_follow_the_address(open_page, run, news):
    labels, called, _ = answers(run, "minilm")
    inside = np.flatnonzero((labels == 3) & (called == 2))
    query = {"models": ["teacher", "minilm"], "of": "minilm", "truly": "Sci/Tech"}
    app = open_page("confusion", news, **query, called="Business")
    table = app.dataframe[-1].value
    assert table["Row"].tolist() == inside.tolist()
    assert table["Headline"].tolist() == [data_sets.load(news).test.texts[row] for row in inside]
    assert f"by minilm: {len(inside)} headlines" in said(app)


def test_without_a_cell_the_page_says_how_to_choose_one(open_page):
    app = open_page("confusion", truly="World")
    assert len(app.dataframe) == 2
    assert "Click a cell above" in said(app)


def test_a_cell_is_reached_by_keyboard(open_page):
    app = open_page("confusion")
    app.selectbox(key="truly").set_value("World")
    app.selectbox(key="called").set_value("World").run()
    assert not app.exception
    assert set(app.dataframe[-1].value["Labelled"]) == {"World"}


def test_against_a_base_model_a_cell_lists_what_came_and_went(open_page, run):
    labels, base, _ = answers(run, "teacher")
    _, called, _ = answers(run, "tiny-int8")
    query = {"models": ["tiny-int8"], "base": "teacher", "truly": "World", "called": "World"}
    app = open_page("confusion", **query)
    table = app.dataframe[-1].value
    here = (labels == 0) & (called == 0)
    there = (labels == 0) & (base == 0)
    assert table["Row"].tolist() == np.flatnonzero(here ^ there).tolist()
    assert (table["Moved"] == "− went").sum() == (there & ~here).sum()
    net = int((called == labels).sum() - (base == labels).sum())
    assert f"−{abs(net)} right against teacher" in said(app)
    assert "More on the diagonal is better" in said(app)


def test_the_base_model_itself_is_shown_as_it_is(open_page):
    app = open_page("confusion", models=["teacher", "minilm"], base="teacher")
    assert said(app).count("of 800 right") == 1
    assert said(app).count("right against teacher") == 1


def test_an_empty_cell_says_so(open_page, cache_folder):
    synthetic.write_run(cache_folder, rows=20)  # each model has one or two wrong
    query = {"models": ["minilm"], "truly": "World"}
    app = open_page("confusion", **query, called="Sports")
    assert "by minilm: 0 headlines" in said(app)
    assert "No headline is in this cell." in said(app)
    app = open_page("confusion", **query, called="World", base="teacher")
    assert "No headline was moved here." in said(app)


@pytest.mark.parametrize("cells", ["Counts", "Row shares", "Column shares"])
def test_every_kind_of_cell(open_page, cells):
    for base in ({}, {"base": "teacher"}):
        app = open_page("confusion", cells=cells, **base)
        assert app.radio(key="cells").value == cells
        assert [heading.value for heading in app.subheader][:2] == ["teacher", "tiny-int8"]


def test_nonsense_in_the_address_is_served(open_page):
    app = open_page("confusion", base="<b>", truly="x", called="**y**", of="../etc")
    assert "Click a cell above" in said(app)
