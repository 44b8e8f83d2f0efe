"""Try it through streamlit's AppTest; what only a browser shows is in test_browser_try.py."""

import html
import re
import shutil
from functools import partial

import pandas as pd
import pytest
import streamlit as st

from pipeline.data.data_sets import LABELS
from pipeline.inference.classifier import Classifier
from pipeline.results import storage
from pipeline.results.predictions import probabilities_of
from tests import synthetic
from views.parts import examples
from views.parts.common import plain
from views.parts.examples import EXAMPLES

HOSTILE = [
    "<img src=x onerror=alert(1)> coach",
    "**bold** [link](javascript:alert(1)) :material/home: $x^2$",
    "=HYPERLINK(1)",
    "🎉 الكأس",
    "election " * 1_200,
]
CLASSES = ["0", "1", "2", "3"]
MINILM, TINY = "MiniLM", "Tiny, 8-bit dynamic"


@pytest.fixture
def open_page(open_page):
    """Opens Try it on the test's cache."""
    return partial(open_page, "try")


def ask(app, pasted):
    """Paste lines into the tab "Many headlines"."""
    if not app.text_area:
        app.session_state["source"] = "Many headlines"
        app.run()
    app.text_area(key="headlines").set_value(pasted)
    app.run()
    assert not app.exception
    return app


def type_in(app, typed):
    """Type a line, and press Enter."""
    app.text_input(key="line").set_value(typed).run()
    assert not app.exception
    return app


def send(app, name, data):
    app.session_state["source"] = "Upload"
    app.run()
    app.file_uploader(key="file").upload(name, data, "text/plain").run()
    assert not app.exception
    return app


def tables(app) -> dict[str, pd.DataFrame]:
    """The page's tables by what they show."""
    kinds = {"Agreement": "all", "Confidence": "one", "Agrees": "models"}
    named = {}
    for element in app.dataframe:
        columns = list(element.value)
        named[next(kind for column, kind in kinds.items() if column in columns)] = element.value
    return named


def pictures(app) -> str:
    """The page's HTML: pictures of answers, agreement and words."""
    return "\n".join(element.body for element in app.get("html"))


def bars(app) -> dict[str, str]:
    """By model, the label of its bar for screen readers, or the text in place of the bar."""
    rows = re.findall(
        r'<b>([^<]*)</b><small>[^<]*</small></div><div class="bar(?: empty">([^<]*)<|" [^>]*'
        r'aria-label="([^"]*)")',
        pictures(app),
    )
    return {html.unescape(name): html.unescape(empty or label) for name, empty, label in rows}


def texts(app) -> str:
    """Everything on the page that is rendered as markdown."""
    kinds = ("markdown", "header", "subheader", "caption", "warning", "error", "info", "title")
    return "\n".join(element.value for kind in kinds for element in getattr(app, kind))


# --- one headline -------------------------------------------------------------------------------


def test_a_line_is_answered_by_every_model_in_a_sentence_and_a_bar_each(open_page):
    app = type_in(open_page(), "bank merger")
    assert app.header[0].value == f"{plain(TINY)} says World\\; MiniLM says Business"
    shown = bars(app)
    assert list(shown) == [TINY, MINILM, "Teacher"]  # the smallest first
    assert shown[MINILM].startswith("MiniLM: Business ")
    assert shown["Teacher"] == "Not installed"
    assert "18 MB · 0.44 ms" in pictures(app)
    one = tables(app)["one"]
    assert one["Model"].tolist() == [TINY, MINILM]
    assert (one[CLASSES].sum(axis=1) - 100).abs().max() < 0.1


def test_it_starts_with_an_example(open_page):
    app = open_page()
    assert app.text_input(key="line").value in set(pd.read_csv(EXAMPLES)["text"])
    assert "text" not in app.query_params
    assert len(bars(app)) == 3


def test_examples_are_drawn_by_class_and_hard_ones_divide_the_models(open_page, cache_folder):
    app, known = open_page(), pd.read_csv(EXAMPLES).set_index("text")["label"]
    assert app.menu_button(key="example").options == [examples.ANY, *LABELS, examples.HARD]
    for place, name in enumerate(LABELS):
        app.menu_button(key="example").click(name).run()
        assert known[app.text_input(key="line").value] == place
    app.menu_button(key="example").click(examples.HARD).run()
    # The models differ on a hard example, by the answers that their run recorded.
    place = known.index.get_loc(app.text_input(key="line").value)
    run = storage.read_run(cache_folder / "synthetic")
    stored = [probabilities_of(run.predictions(role, "headlines")) for role in run.by_role]
    assert len({given[place].argmax() for given in stored}) > 1
    assert not app.exception


def test_recorded_answers_of_models_that_are_not_installed(open_page, cache_folder):
    example = pd.read_csv(EXAMPLES)["text"][7]
    app = type_in(open_page(), example)
    frame = storage.read_run(cache_folder / "synthetic").predictions("teacher", "headlines")
    given = probabilities_of(frame)[7]
    assert bars(app)["Teacher"].startswith(f"Teacher: {LABELS[given.argmax()]} {given.max():.0%}")
    assert "438 MB · 8.4 ms · recorded" in pictures(app)
    assert bars(type_in(app, f"{example}!"))["Teacher"] == "Not installed"


def test_a_run_that_recorded_none_says_how_to_get_the_model(open_page, cache_folder):
    synthetic.as_schema_1(cache_folder / "synthetic")
    app = open_page()
    assert bars(app)["Teacher"] == "Not installed"
    assert "one test row" in texts(app)  # such a run timed no headlines
    assert "438 MB · 21 ms" in pictures(app)


def test_which_words_mattered_to_one_model(open_page):
    app = type_in(open_page(), "coach wins the cup bank")
    words = re.search(r'<div class="mattered">(.*)</div>', pictures(app))[1]
    assert re.search(r'class="for"[^>]*>coach<sub>\+\d+</sub>', words)
    assert re.search(r'class="against"[^>]*>wins<sub>−\d+</sub>', words)
    assert app.radio(key="words").options == [plain(TINY), MINILM]
    app.radio(key="words").set_value("minilm").run()
    again = re.search(r'<div class="mattered">(.*)</div>', pictures(app))[1]
    assert again != words


def test_all_is_measured_on_this_machine_when_asked(open_page):
    app = open_page()
    assert "recorded on synthetic" in texts(app)
    (button,) = (b for b in app.button if b.label == "Measure on this machine")
    button.click().run()
    assert not app.exception
    assert "on this machine" in texts(app)
    assert "18 MB · 0.44 ms" not in pictures(app)
    assert "438 MB · 8.4 ms" in pictures(app)  # the teacher is not installed


# --- many headlines -----------------------------------------------------------------------------


def test_models_answer_side_by_side_the_disagreements_first(open_page):
    app = ask(open_page(), "coach wins the cup\n\nbank merger")
    shown = tables(app)
    wide = shown["all"].reset_index(drop=True)
    assert wide["Headline"].tolist() == ["bank merger", "coach wins the cup"]
    assert wide["Agreement"].tolist() == ["≠ 1 World, 1 Business", "both say Sports"]
    assert wide[MINILM][0].startswith("Business")
    assert wide[TINY][0] == "World 25%"
    assert shown["models"]["Agrees"].tolist() == [50, 50]
    assert "Both agree: 1 (50" in pictures(app)
    assert "Both differ: 1 (50" in pictures(app)
    assert "Blank lines are left out: 1." in texts(app)
    assert "The models differ on 1 of 2 headlines" in texts(app)
    assert app.code[0].value == "bank merger"


def test_a_smaller_choice_of_models_is_in_the_address(open_page):
    app = open_page(ask=["minilm"], text="bank merger")
    assert list(bars(app)) == [MINILM]
    assert app.text_input(key="line").value == "bank merger"
    assert app.header[0].value == "MiniLM says Business"


@pytest.mark.parametrize(("name", "count"), [("10 examples", 10), ("200 examples", 200)])
def test_several_examples(open_page, name, count):
    app = ask(open_page(), "coach\ncup")
    app.menu_button(key="several").click(name).run()
    drawn = app.text_area(key="headlines").value.splitlines()
    assert len(set(drawn)) == count
    assert set(drawn) <= set(pd.read_csv(EXAMPLES)["text"])


def test_answers_to_examples_are_marked_right_or_wrong_and_recorded_ones_are_there(open_page):
    app = open_page(source="Many headlines")
    assert tables(app)["models"]["Right"].between(0, 100).all()
    assert "Teacher" in tables(app)["models"]["Model"].tolist()
    own = tables(ask(app, "coach\nbank merger"))["models"]
    assert "Right" not in own
    assert "Teacher" not in own["Model"].tolist()


def test_hostile_headlines_are_data_and_never_markup(open_page):
    app = ask(open_page(), "\n".join(HOSTILE))
    shown = tables(app)["all"]["Headline"].tolist()
    assert sorted(shown) == sorted(text.strip()[:300] for text in HOSTILE)
    for text in HOSTILE:
        assert text[:10] not in texts(app)


@pytest.mark.parametrize("text", HOSTILE)
def test_markup_in_a_line_stays_text(open_page, text):
    app = open_page(text=text)
    assert text[:10] not in texts(app)
    assert "<img" not in pictures(app)
    assert "mattered" in pictures(app)


def test_nothing_to_ask(open_page):
    app = ask(open_page(), " \n\n\t")
    assert not app.dataframe
    assert "Blank lines are left out: 3." in texts(app)
    app = ask(app, "coach")
    app.multiselect(key="ask").set_value([]).run()
    assert not app.exception
    assert "choose a model" in app.info[0].value


# --- the address --------------------------------------------------------------------------------


def test_short_texts_are_in_the_address_and_long_ones_are_not(open_page):
    app = ask(open_page(), "coach\nbank")
    assert app.query_params["text"] == "coach\nbank"
    app = ask(app, "coach " * 100)
    assert "text" not in app.query_params
    assert "text" not in open_page().query_params  # the first example needs no address


def test_many_lines_that_are_too_long_for_the_address_keep_their_tab(open_page):
    app = open_page(text="\n".join(["coach of the bank"] * 40))
    assert len(tables(app)["all"]) == 40
    assert "text" not in app.query_params
    app.run()
    assert len(tables(app)["all"]) == 40


def test_the_chosen_headline_is_in_the_address(open_page):
    app = open_page(text="coach\nbank\nrobot", headline="3")
    assert app.code[0].value == "robot"
    assert app.query_params["headline"] == "3"
    app = ask(app, "peace\ngoal")
    assert app.code[0].value == "peace"
    assert "headline" not in app.query_params


@pytest.mark.parametrize("headline", ["0", "-1", "9", "x", "1e3", "９９９９９９９９９"])
def test_a_headline_that_is_not_there(open_page, headline):
    # The headline on which the models differ comes first.
    assert open_page(text="coach\nbank", headline=headline).code[0].value == "bank"


def test_the_table_chooses_a_headline(open_page):
    app = open_page(text="coach\nbank\noil")
    (key,) = (t.key for t in app.dataframe if t.key)
    app.session_state[key] = {"selection": {"rows": [], "columns": [], "cells": [(2, "Headline")]}}
    app.run()
    assert not app.exception
    assert app.code[0].value == "coach"  # all agree on it, so it is last
    assert app.query_params["headline"] == "1"


# --- long jobs ----------------------------------------------------------------------------------


def test_a_stopped_job_shows_what_is_done_and_goes_on(open_page, monkeypatch):
    chunks = []
    answer = Classifier.answer

    def stop_in_the_middle(self, texts, *options):
        if len(texts) == 32:
            chunks.append(texts)
            if len(chunks) == 4:  # two of each model
                st.session_state["job"].stopped = True
        return answer(self, texts, *options)

    monkeypatch.setattr(Classifier, "answer", stop_in_the_middle)
    app = ask(open_page(), "coach\n" * 300)
    assert len(chunks) == 4
    assert len(tables(app)["all"]) == 64
    app.run()
    assert len(chunks) == 4
    (button,) = (b for b in app.button if b.label == "Go on")
    button.click().run()
    assert not app.exception
    assert len(tables(app)["all"]) == 300
    assert len(chunks) == 18  # 9 whole chunks of each model, none of them twice
    assert "The models differ on 0 of 300 headlines" in texts(app)


def test_a_model_that_is_added_catches_up_alone(open_page, monkeypatch):
    app = open_page(ask=["minilm"], text="coach\nbank")
    asked = []
    answer = Classifier.answer

    def note(self, texts, *options):
        asked.append(texts)
        return answer(self, texts, *options)

    monkeypatch.setattr(Classifier, "answer", note)
    app.multiselect(key="ask").set_value(["minilm", "tiny-int8"]).run()
    assert asked.count(["coach", "bank"]) == 1
    assert list(tables(app)["all"])[2:] == [MINILM, TINY]


# --- uploads ------------------------------------------------------------------------------------


def test_a_text_file(open_page):
    app = send(open_page(), "news.txt", "coach\nbank\n".encode("utf-16"))
    assert tables(app)["all"]["Headline"].tolist() == ["bank", "coach"]
    assert "2 headlines from news.txt" in [t.value for t in app.text]


def test_a_csv_with_columns_to_choose(open_page):
    app = send(open_page(), "<b>news</b>.CSV", b"id,text,other\n1,coach,oil\n2,bank,cup\n")
    (columns,) = (s for s in app.multiselect if s.label.startswith("Columns"))
    assert (columns.value, columns.options) == (["text"], ["id", "text", "other"])
    assert tables(app)["all"]["Headline"].tolist() == ["bank", "coach"]
    assert "read column 'text' of 3, 2 rows, with a header" in [t.value for t in app.text]
    columns.set_value(["other", "text"]).run()
    assert tables(app)["all"]["Headline"].tolist() == ["oil coach", "cup bank"]
    assert "2 headlines from <b>news</b>.CSV" in [t.value for t in app.text]
    assert "news" not in texts(app)
    app.checkbox(key="header").set_value(False).run()
    assert not app.exception
    (columns,) = (s for s in app.multiselect if s.label.startswith("Columns"))
    assert columns.options == ["column 1", "column 2", "column 3"]
    columns.set_value([]).run()
    assert "Choose the column" in texts(app)


def test_what_was_chosen_for_one_file_is_not_kept_for_another(open_page):
    app = send(open_page(), "a.csv", b"text,other\ncoach wins the cup,oil\n")
    app.checkbox(key="header").set_value(False).run()
    assert tables(app)["all"]["Headline"].tolist() == ["text", "coach wins the cup"]
    app.file_uploader(key="file").upload("b.csv", b"id,headline\n1,bank\n2,\n", "text/csv").run()
    assert not app.exception
    assert app.checkbox(key="header").value
    assert "1 headlines from b.csv" in [t.value for t in app.text]
    assert "Rows without text are left out: 1." in texts(app)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.txt", b"", "holds no text"),
        ("a.xlsx", b"PK\x03\x04", "save the sheet as CSV"),
        ("a.csv", b"text\n", "holds no text"),
        ("a.csv", b"PK\x03\x04 a zip archive, renamed", "zip archive"),
        ("a.csv", b"a,b\n1,2,3\n", "line 2: 3 fields"),
        ("a.txt", b"co\0ach", "null byte"),
    ],
)
def test_a_file_that_can_not_be_read_is_a_line_and_the_session_lives(open_page, name, data, said):
    app = send(open_page(), name, data)
    assert "can't be used" in app.warning[0].value
    assert said in app.code[0].value
    app.session_state["source"] = "Many headlines"
    app.run()
    assert len(tables(app)["all"]) == 4


# --- models -------------------------------------------------------------------------------------


def test_models_without_an_artifact_are_listed_with_their_command(open_page):
    code = open_page().code[-1].value
    assert "# teacher, 438 MB" in code
    assert "--train-rows 800 --run synthetic --only teacher" in code
    assert "--only minilm" not in code


def test_without_any_artifact_commands_are_all_there_is(open_page, cache_folder):
    shutil.rmtree(cache_folder / "synthetic" / "artifacts")
    app = open_page()
    assert app.code[-1].value.count("--only") == 3
    assert bars(app)["Teacher"].startswith("Teacher: ")  # recorded for the first example
    app = type_in(app, "my own")
    assert app.header[0].value == "No model can answer here"
    assert set(bars(app).values()) == {"Not installed"}
    assert "none has recorded answers" in ask(app, "my own\nand another").info[0].value


def test_a_damaged_artifact_is_named_and_the_others_answer(open_page, cache_folder):
    graph = cache_folder / "synthetic" / "artifacts" / "minilm" / "model.onnx"
    content = graph.read_bytes()
    graph.unlink()  # it may be a hard link
    graph.write_bytes(content[:-10] + b"0123456789")
    app = ask(open_page(), "coach\nbank")
    assert "minilm can't be asked" in app.warning[0].value
    assert any("is not the file that its run recorded" in code.value for code in app.code)
    assert list(tables(app)["all"])[2:] == [TINY]
    app = open_page(text="bank merger")
    assert "minilm can't be asked" in app.warning[0].value
    assert bars(app)[MINILM] == "Can't be asked"
    assert app.header[0].value.endswith("says World")


def test_a_replaced_artifact_is_loaded_anew(open_page, cache_folder):
    app = ask(open_page(), "coach\nbank")
    before = tables(app)["all"][MINILM][0]
    synthetic.write_run(cache_folder, roles=("teacher", "tiny", "minilm"), at_hand=["minilm"])
    app.run()
    assert not app.exception
    assert tables(app)["all"][MINILM][0] != before


def test_controls_are_asked_only_by_who_chooses_them(open_page, cache_folder):
    shutil.rmtree(cache_folder / "synthetic")
    roles = ["teacher", "minilm", "minilm-baseline"]
    synthetic.write_run(cache_folder, roles=roles, at_hand=roles[1:])
    asked = open_page(run="synthetic").multiselect(key="ask")
    assert asked.value == ["teacher", "minilm"]
    assert "MiniLM, labels only · minilm-baseline" in asked.options


def test_where_many_models_are_installed_the_notebooks_are_asked_and_a_click_asks_all(
    open_page, cache_folder, monkeypatch
):
    monkeypatch.setattr("views.pages.try_it._MOST_AT_FIRST", 2)
    shutil.rmtree(cache_folder / "synthetic")
    roles = ["teacher", "minilm", "minilm-int8", "tiny-int8"]
    synthetic.write_run(cache_folder, roles=roles, at_hand=roles[1:])
    app = open_page(run="synthetic")
    assert app.multiselect(key="ask").value == ["teacher", "minilm", "tiny-int8"]
    (button,) = (b for b in app.button if b.label == "All 3")
    button.click().run()
    assert app.multiselect(key="ask").value == roles
    assert app.query_params["ask"] == roles
    assert not [b for b in app.button if b.label.startswith("All")]
    # Nor has a link to it the button.
    app = open_page(run="synthetic", ask=roles)
    assert app.multiselect(key="ask").value == roles
    assert not [b for b in app.button if b.label.startswith("All")]


def test_which_models_are_installed_is_looked_up_once_a_redraw(open_page, monkeypatch):
    """A past bug: each of eleven models looked it up for every bar, which took over a second."""
    app, calls, look_up = open_page(), [], examples.installed
    monkeypatch.setattr(examples, "installed", lambda view: calls.append(1) or look_up(view))
    type_in(app, "coach resigns")
    redraws, others = 4, 7  # at first, after each of two answers, and at the end
    assert len(calls) <= redraws + others
