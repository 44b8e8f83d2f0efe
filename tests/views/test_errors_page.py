"""The errors page, and the headline texts that it and the confusion page show."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import streamlit as st

from pipeline.analysis.significance import Difference, both_ends_in_words, paired_difference
from pipeline.data import data_sets
from pipeline.results import run_writing, storage
from pipeline.results.predictions import probabilities_of
from tests import synthetic
from views.pages import errors
from views.parts import texts
from views.parts.common import plain

CHANGES = "Newly wrong, newly correct"
HEADLINES = pd.read_csv(data_sets.TOY, keep_default_na=False)


def write_data(run: storage.Run, folder: Path) -> Path:
    """Write a data set of the project's own headlines, numbered, with the run's labels.

    The run's record gets the fingerprint of this data set.
    """
    random = np.random.default_rng(0)
    held = run.predictions("teacher")
    rows = run.record.data.rows
    labels = {
        "train": np.arange(rows["train"] + rows["validation"]) % 4,
        "test": held["label"].to_numpy(),
    }
    folder.mkdir(parents=True)
    for split, wanted in labels.items():
        of_class = [HEADLINES["text"][HEADLINES["label"] == label].tolist() for label in range(4)]
        drawn = [f"{random.choice(of_class[c])} ({split} {i})" for i, c in enumerate(wanted)]
        frame = pd.DataFrame({"text": drawn, "label": wanted})
        frame.to_csv(folder / f"{split}.csv", index=False)
    path = run.folder / storage.RECORD
    record = json.loads(path.read_text())
    record["data"]["fingerprint"] = data_sets.load(folder).fingerprint
    record["checksum"] = ""
    path.write_text(json.dumps(record))
    return folder


@pytest.fixture
def run(cache_folder):
    return storage.read_run(cache_folder / "synthetic")


@pytest.fixture
def news(run, tmp_path):
    """The run's data folder."""
    return write_data(run, tmp_path / "news")


def replace_text(run: storage.Run, folder: Path, row: int, text: str) -> None:
    """Replace the text of a test row, as if the run had been made on it."""
    frame = pd.read_csv(folder / "test.csv")
    frame.loc[row, "text"] = text
    frame.to_csv(folder / "test.csv", index=False)
    path = run.folder / storage.RECORD
    record = json.loads(path.read_text()) | {"checksum": ""}
    record["data"]["fingerprint"] = data_sets.load(folder).fingerprint
    path.write_text(json.dumps(record))


def said(app) -> str:
    """Everything on the page but tables."""
    kinds = ("markdown", "header", "subheader", "caption", "info", "text")
    return "\n".join(element.value for kind in kinds for element in getattr(app, kind))


def answers(run, role):
    """Labels, predicted classes and confidences of a model on test."""
    frame = run.predictions(role)
    given = probabilities_of(frame)
    return frame["label"].to_numpy(), given.argmax(axis=1), given.max(axis=1)


# --- one model ----------------------------------------------------------------------------------


def test_wrong_answers_are_listed_the_surest_first(open_page, run):
    labels, called, sure = answers(run, "teacher")
    app = open_page("errors")
    table = app.dataframe[0].value
    wrong = np.flatnonzero(called != labels)
    assert sorted(table["Row"]) == wrong.tolist()
    assert table["Confidence"].is_monotonic_decreasing
    assert table["Confidence"].iloc[0] == pytest.approx(100 * sure[wrong].max())
    assert (table["Actual"] != table["Predicted"]).all()
    assert f"{len(wrong)} wrong answers of 800 test rows" in said(app)


def test_filters_narrow_and_are_in_the_address(open_page, run):
    labels, called, sure = answers(run, "minilm")
    _, teacher, _ = answers(run, "teacher")
    _, tiny, _ = answers(run, "tiny-int8")
    query = {"model": "minilm", "outcome": "All", "actual": "World"}
    app = open_page("errors", **query, predicted="Business", confidence=["60", "90"])
    wanted = (labels == 0) & (called == 2) & (sure >= 0.6) & (sure <= 0.9)
    assert sorted(app.dataframe[0].value["Row"]) == np.flatnonzero(wanted).tolist()
    app = open_page("errors", **query, differ="1")
    differ = (called != teacher).astype(int) + (called != tiny)
    wanted = (labels == 0) & (differ >= 1)
    table = app.dataframe[0].value.set_index("Row")
    assert sorted(table.index) == np.flatnonzero(wanted).tolist()
    assert (table["Others differ"] == differ[table.index]).all()


def test_right_answers_can_be_listed_and_long_tables_are_cut(open_page, run):
    app = open_page("errors", outcome="Correct")
    labels, called, _ = answers(run, "teacher")
    right = int((labels == called).sum())
    assert len(app.dataframe[0].value) == 500
    assert f"The first 500 of {right} are listed" in said(app)


def test_no_row_left_says_so(open_page):
    app = open_page("errors", confidence=["0", "10"])
    assert not app.dataframe
    assert "No row is left" in said(app)


def test_nonsense_in_the_address_is_served(open_page):
    query = {"part": "<b>", "model": "../x", "actual": "x", "confidence": ["a", "b"], "row": "no"}
    app = open_page("errors", **query, differ="99", outcome="**x**")
    assert app.dataframe[0].value["Confidence"].notna().all()
    app = open_page("errors", part="Suspected label errors", least="-3", sure="1000")
    assert "The rule" in said(app)


def test_one_model_alone(open_page, cache_folder):
    synthetic.write_run(cache_folder, roles=["teacher"], at_hand=[])
    app = open_page("errors")
    assert not [slider for slider in app.slider if slider.key == "differ"]
    assert "Others differ" not in app.dataframe[0].value
    assert "Choose two different" in said(open_page("errors", part=CHANGES))
    assert "It takes two models" in said(open_page("errors", part="Suspected label errors"))


def test_a_row_shows_what_every_model_says(open_page, run, news):
    row = int(open_page("errors").dataframe[0].value["Row"].iloc[0])
    app = open_page("errors", news, row=str(row))
    assert data_sets.load(news).test.texts[row] in said(app)
    assert f"Row {row}. Actual: " in said(app)
    detail = app.dataframe[1].value.set_index("Model")
    assert detail.index.tolist() == ["Tiny, 8-bit dynamic", "MiniLM", "Teacher"]
    given = probabilities_of(run.predictions("minilm"))[row]
    shown = detail.loc["MiniLM", ["0", "1", "2", "3"]].tolist()
    assert shown == pytest.approx((100 * given).tolist())


def test_a_row_is_opened_by_a_click_in_the_table_and_is_in_the_address(open_page, news):
    app = open_page("errors", news)
    assert "Click a row" in said(app)
    (key,) = (table.key for table in app.dataframe)
    app.session_state[key] = {"selection": {"rows": [], "columns": [], "cells": [(3, "Actual")]}}
    app.run()
    assert not app.exception
    row = int(app.dataframe[0].value["Row"].iloc[3])
    assert app.query_params["row"] == str(row)
    assert f"Row {row}. Actual: " in said(app)
    assert data_sets.load(news).test.texts[row] in said(app)


def test_a_row_that_is_not_listed_is_not_opened(open_page):
    for row in ("-1", "99999", "1e3", "<b>"):
        app = open_page("errors", row=row)
        assert "Click a row" in said(app)
        assert "row" not in app.query_params


# --- newly wrong, newly correct -----------------------------------------------------------------


def test_a_control_is_compared_only_if_asked_for(open_page, cache_folder):
    roles = ("teacher", "minilm", "tiny-baseline")  # the baseline is the smallest
    synthetic.write_run(cache_folder, roles=roles, at_hand=())
    app = open_page("errors", part=CHANGES)
    assert app.selectbox(key="model").value == "minilm"
    assert "Tiny, labels only · tiny-baseline" in app.selectbox(key="model").options


def test_broke_and_fixed_are_counted_tested_and_listed(open_page, run):
    labels, one, _ = answers(run, "teacher")
    _, two, _ = answers(run, "tiny-int8")
    broke = np.flatnonzero((one == labels) & (two != labels))
    fixed = np.flatnonzero((one != labels) & (two == labels))
    app = open_page("errors", part=CHANGES)
    metrics = {metric.label: int(metric.value.replace(",", "")) for metric in app.metric}
    assert (metrics["Newly wrong"], metrics["Newly correct"]) == (len(broke), len(fixed))
    assert sum(metrics.values()) == len(labels)
    found = paired_difference(two == labels, one == labels, comparisons=2)
    words = both_ends_in_words(found.low, found.high)
    assert f"{plain('Tiny, 8-bit dynamic')} is {words} (95 %)" in said(app)
    assert sorted(app.dataframe[0].value["Row"]) == broke.tolist()
    query = {"base": "tiny-int8", "model": "teacher", "side": "Newly correct"}
    reverse = open_page("errors", part=CHANGES, **query)
    assert sorted(reverse.dataframe[0].value["Row"]) == broke.tolist()
    assert "net gain" in said(reverse)


@pytest.mark.parametrize(
    ("broke", "fixed", "ends", "sentence"),
    [
        (
            30,
            5,
            (-0.005, -0.001),
            "a net loss of 25. B is 0.1 to 0.5 points less accurate (95 %).",
        ),
        (5, 30, (0.001, 0.005), "a net gain of 25. B is 0.1 to 0.5 points more accurate (95 %)."),
        (
            5,
            4,
            (-0.002, 0.001),
            "0.10 points more accurate (95 %); no difference found.",
        ),
        (4, 4, (-0.001, 0.001), "as many. B is between 0.10 points less and 0.10 points more"),
        (0, 0, (-0.001, 0.001), "The two are correct on the very same rows."),
    ],
)
def test_the_sentence(broke, fixed, ends, sentence):
    difference = Difference((fixed - broke) / 7600, *ends, 0.5)
    text = errors.say_changes("A", "B", broke, fixed, 7600, difference)
    assert sentence in text
    assert f"Against A, B has {broke} of 7,600 rows newly wrong" in text


# --- suspected label errors ---------------------------------------------------------------------


def test_suspects_follow_the_rule_and_accuracy_without_them_is_an_estimate(open_page, run):
    app = open_page("errors", part="Suspected label errors", least="3", sure="70")
    table, without = (frame.value for frame in app.dataframe)
    labels = answers(run, "teacher")[0]
    called = np.stack([answers(run, role)[1] for role in run.by_role])
    sure = np.mean([answers(run, role)[2] for role in run.by_role], axis=0)
    wanted = (called == called[0]).all(axis=0) & (called[0] != labels) & (sure >= 0.7)
    assert sorted(table["Row"]) == np.flatnonzero(wanted).tolist()
    assert (table["Models"] == 3).all()
    assert (without["without"] > without["accuracy"]).all()
    kept = (called[0] == labels)[~wanted].mean()
    assert without.set_index("role").loc["Teacher", "without"] == pytest.approx(100 * kept)
    assert "at least 3 of 3 models" in said(app)
    assert "Estimate" in said(app)


def test_no_suspect_says_so(open_page):
    app = open_page("errors", part="Suspected label errors", sure="100")
    assert not app.dataframe
    assert "No label is suspected" in said(app)


# --- texts --------------------------------------------------------------------------------------


def test_texts_are_shown_where_the_data_is_at_hand(open_page, news):
    table = open_page("errors", news).dataframe[0].value
    expected = data_sets.load(news).test
    assert table["Headline"].tolist() == [expected.texts[row] for row in table["Row"]]


def test_without_the_data_a_line_says_how_to_see_texts(open_page):
    app = open_page("errors")
    assert "Headline" not in app.dataframe[0].value
    assert "-- --data DIR" in app.code[0].value
    first = next(element for element in app.main if element.type == "text")
    assert "was not found" in first.value  # before anything else is shown


def test_entities_in_texts_are_decoded_and_the_download_keeps_them(
    open_page, run, news, monkeypatch
):
    raw = "Oil &lt;b&gt;up&lt;/b&gt; as AT&amp;T says it #39;s quot;fine"
    row = int(open_page("errors").dataframe[0].value["Row"].iloc[0])
    replace_text(run, news, row, raw)
    written = []
    monkeypatch.setattr(
        st, "download_button", lambda label, content, *rest, **options: written.append(content)
    )
    app = open_page("errors", news, row=str(row))
    decoded = "Oil <b>up</b> as AT&T says it's \"fine"
    assert decoded in app.dataframe[0].value["Headline"].tolist()
    assert decoded in [text.value for text in app.text]
    assert raw in pd.read_csv(io.BytesIO(written[0]))["Headline"].tolist()


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("Reuters - It #39;s over", "Reuters - It's over"),
        ("the #36;5 bill", "the $5 bill"),
        ("a &amp;lt; b", "a &lt; b"),  # decoded only once
        ("Q&A; ant; lt;b", "Q&A; ant; <b"),
        ("plain; text #1", "plain; text #1"),
    ],
)
def test_entities(text, decoded):
    assert texts.decoded(text) == decoded


def test_what_the_command_line_says_of_the_files_is_heeded(
    open_page, news, cache_folder, tmp_path, monkeypatch
):
    apart = tmp_path / "apart"
    apart.mkdir()
    for split in ("train", "test"):
        frame = pd.read_csv(news / f"{split}.csv").assign(note="x")
        frame = frame.rename(columns={"text": "what", "label": "kind"})
        folder = news if split == "train" else apart
        (news / f"{split}.csv").unlink()
        frame.to_csv(folder / f"{split}.csv", index=False)
    where = ["--cache", str(cache_folder), "--data", str(news / "train.csv")]
    form, test = ["--text", "what", "--label", "kind"], ["--test", str(apart / "test.csv")]
    app = open_page("errors")
    others = ["--text", "note", "--label", "kind"]
    for more, shown in ((form, False), ([*others, *test], False), ([*form, *test], True)):
        monkeypatch.setattr(sys, "argv", ["dashboard.py", *where, *more])
        app.run()
        assert not app.exception
        assert ("Headline" in app.dataframe[0].value) == shown, said(app)
    monkeypatch.setattr(sys, "argv", ["dashboard.py", *where[:2], *form])
    error = app.run().error[0].value.replace("\\", "")  # markdown is escaped
    assert "--text is about the files of --data" in error
    monkeypatch.setattr(sys, "argv", ["dashboard.py", *where, "--column-names"])
    assert "`--label COLUMN`" in app.run().error[0].value


def test_other_data_is_refused(open_page, news, cache_folder):
    frame = pd.read_csv(news / "test.csv")
    frame.loc[0, "text"] += " and more"
    frame.to_csv(news / "test.csv", index=False)
    app = open_page("errors", news)
    assert "Headline" not in app.dataframe[0].value
    assert "not the data set that the run was made on" in said(app)


@pytest.mark.parametrize("content", [None, "", "text,label\n**bold**,9\n"])
def test_data_that_cannot_be_read_is_said_in_plain_text(open_page, tmp_path, content):
    folder = tmp_path / "broken"
    if content is not None:
        folder.mkdir()
        (folder / "train.csv").write_text(content)
    app = open_page("errors", folder)
    assert "Headline" not in app.dataframe[0].value
    assert "can't be read" in "".join(text.value for text in app.text)


def test_toy_runs_show_the_projects_own_headlines(open_page, cache_folder):
    corpus = data_sets.load(toy=True)
    run = synthetic.write_run(cache_folder, "a-toy", family="toy", rows=len(corpus.test))
    path = run.folder / storage.RECORD
    record = json.loads(path.read_text())
    record["data"]["fingerprint"] = corpus.fingerprint
    record["data"]["rows"] = {split: len(rows) for split, rows in corpus.splits().items()}
    tables = {}
    for role in run.by_role:
        frame = run.all_predictions(role)
        test = frame["split"] == "test"
        frame.loc[test, "row"] = corpus.test.rows.astype(np.int32)
        tables[role] = frame
    path.write_text(json.dumps(record | {"checksum": ""}))
    record = storage.read_run(run.folder).record
    run_writing.write_run(cache_folder, record, tables, {})
    table = open_page("errors", run="a-toy (toy)", outcome="All").dataframe[0].value
    assert table["Headline"].tolist() == HEADLINES["text"][table["Row"]].tolist()


def test_the_hubs_cache_is_read_without_its_library(open_page, news, tmp_path):
    folder = tmp_path / "hub" / "fancyzhx___ag_news" / "default" / "0.0.0" / "a1b2"
    folder.mkdir(parents=True)
    for split in ("train", "test"):
        table = pa.Table.from_pandas(pd.read_csv(news / f"{split}.csv"), preserve_index=False)
        with pa.ipc.new_stream(folder / f"ag_news-{split}.arrow", table.schema) as writer:
            writer.write_table(table)
    assert texts.hub_folder() == folder
    table = open_page("errors").dataframe[0].value
    assert table["Headline"].tolist() == [
        data_sets.load(news).test.texts[row] for row in table["Row"]
    ]
    (folder / "ag_news-test.arrow").write_bytes(b"not arrow")
    app = open_page("errors")
    assert "Headline" not in app.dataframe[0].value
    assert "does not hold AG News" in said(app)


def test_markup_in_a_headline_stays_text(open_page, run, news):
    hostile = "=HYPERLINK(1) **bold** <img src=x onerror=alert(1)>"
    row = int(open_page("errors").dataframe[0].value["Row"].iloc[0])
    replace_text(run, news, row, hostile)
    app = open_page("errors", news, row=str(row))
    assert hostile in [text.value for text in app.text]
    assert hostile in app.dataframe[0].value["Headline"].tolist()
    rendered = [
        element.value for kind in ("markdown", "caption", "info") for element in getattr(app, kind)
    ]
    assert "bold" not in "".join(rendered)
    assert "bold" not in "".join(element.body for element in app.get("html"))


def test_the_download_holds_every_row_and_no_formula(open_page, monkeypatch):
    written = []
    monkeypatch.setattr(
        st, "download_button", lambda label, content, *rest, **options: written.append(content)
    )
    open_page("errors", outcome="All")
    table = pd.read_csv(io.BytesIO(written[0]))
    assert len(table) == 800
    assert list(table)[:4] == ["Row", "Actual", "Predicted", "Confidence"]
