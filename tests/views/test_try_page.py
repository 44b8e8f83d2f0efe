"""Try it through streamlit's AppTest; what only a browser shows is in test_browser.py."""

import shutil
from functools import partial

import pandas as pd
import pytest
import streamlit as st

from pipeline.inference.classifier import Classifier
from tests import synthetic
from views.parts.headline_input import EXAMPLES

HOSTILE = [
    "<img src=x onerror=alert(1)> coach",
    "**bold** [link](javascript:alert(1)) :material/home: $x^2$",
    "=HYPERLINK(1)",
    "🎉 الكأس",
    "election " * 1_200,
]
CLASSES = ["0", "1", "2", "3"]


@pytest.fixture
def open_page(open_page):
    """Opens Try it on the test's cache."""
    return partial(open_page, "try")


def ask(app, pasted):
    app.text_area(key="headlines").set_value(pasted)
    app.run()
    assert not app.exception
    return app


def send(app, name, data):
    app.radio(key="source").set_value("Upload").run()
    app.file_uploader(key="file").upload(name, data, "text/plain").run()
    assert not app.exception
    return app


def tables(app) -> dict[str, pd.DataFrame]:
    """The page's tables by what they show."""
    kinds = {"Agreement": "all", "Confidence": "one", "Agrees": "models", "0": "words"}
    named = {}
    for element in app.dataframe:
        columns = list(element.value)
        named[next(kind for column, kind in kinds.items() if column in columns)] = element.value
    return named


def texts(app) -> str:
    """Everything on the page that is rendered as markdown."""
    kinds = ("markdown", "header", "subheader", "caption", "warning", "error", "info", "title")
    return "\n".join(element.value for kind in kinds for element in getattr(app, kind))


# --- answers ------------------------------------------------------------------------------------


def test_models_answer_side_by_side_and_disagreement_shows(open_page):
    app = ask(open_page(), "coach wins the cup\n\nbank merger")
    shown = tables(app)
    wide, one = shown["all"], shown["one"]
    assert wide["Headline"].tolist() == ["coach wins the cup", "bank merger"]
    assert wide["Agreement"].tolist() == ["both say Sports", "≠ 1 World, 1 Business"]
    assert wide["minilm"][1].startswith("Business")
    assert wide["tiny-int8"][1] == "World 25%"
    assert one["Model"].tolist() == ["minilm", "tiny-int8"]
    assert (one[CLASSES].sum(axis=1) - 100).abs().max() < 0.1
    assert (one["ms"] > 0).all()
    assert one["MB"].tolist() == [91, 17.6]
    assert shown["models"]["Agrees"].tolist() == [50, 50]
    assert "Blank lines are left out: 1." in texts(app)
    assert "2 headlines; the models differ on 1" in texts(app)


def test_which_words_carried_it(open_page):
    words = tables(ask(open_page(), "coach wins the cup"))["words"]
    assert words["Model"].tolist() == ["minilm", "tiny-int8"]
    assert list(words)[1:] == ["0", "1", "2", "3"]
    assert (words["0"] > 5).all()  # coach
    assert (words["1"] < 0).all()  # wins, unknown, thins the others out


def test_one_headline_has_no_table_of_all(open_page):
    app = ask(open_page(), "coach")
    assert set(tables(app)) == {"one", "words"}
    assert "both say Sports" in texts(app)


def test_a_smaller_choice_of_models_is_in_the_address(open_page):
    app = open_page(ask=["minilm"], text="bank merger")
    assert tables(app)["one"]["Model"].tolist() == ["minilm"]
    assert app.text_area(key="headlines").value == "bank merger"


def test_it_starts_with_examples(open_page):
    app = open_page()
    known = set(pd.read_csv(EXAMPLES)["text"])
    assert set(app.text_area(key="headlines").value.splitlines()) <= known
    for label, count in {"Ten": 10, "Two hundred": 200, "One example": 1}.items():
        (button,) = (b for b in app.button if b.label == label)
        button.click().run()
        drawn = app.text_area(key="headlines").value.splitlines()
        assert len(drawn) == count
        assert set(drawn) <= known


def test_answers_to_examples_are_marked_right_or_wrong(open_page):
    app = open_page()
    assert tables(app)["models"]["Right"].between(0, 100).all()
    assert "Right" not in tables(ask(app, "coach\nbank merger"))["models"]


def test_hostile_headlines_are_data_and_never_markup(open_page):
    app = ask(open_page(), "\n".join(HOSTILE))
    assert tables(app)["all"]["Headline"].tolist() == [text.strip()[:300] for text in HOSTILE]
    for text in HOSTILE:
        assert text[:10] not in texts(app)
    assert app.code[0].value == HOSTILE[0]
    app = ask(app, HOSTILE[0])
    assert HOSTILE[0][:10] not in texts(app)
    assert "Longer than 10,000" not in texts(app)


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
    assert "text" not in open_page().query_params  # the first examples need no address


def test_the_chosen_headline_is_in_the_address(open_page):
    app = open_page(text="coach\nbank\nrobot", headline="2")
    assert app.code[0].value == "bank"
    assert open_page(text="coach\nbank", headline="2").query_params["headline"] == "2"
    app = ask(app, "peace\ngoal")
    assert app.code[0].value == "peace"
    assert "headline" not in app.query_params


@pytest.mark.parametrize("headline", ["0", "-1", "9", "x", "1e3", "９９９９９９９９９"])
def test_a_headline_that_is_not_there(open_page, headline):
    assert open_page(text="coach\nbank", headline=headline).code[0].value == "coach"


def test_only_where_they_differ(open_page):
    app = open_page(text="coach\nbank\noil", only="true")
    assert tables(app)["all"]["Headline"].tolist() == ["bank", "oil"]
    assert app.code[0].value == "bank"
    app = ask(app, "coach\ngoal")
    assert len(tables(app)["all"]) == 2  # all, where none differs


# --- long jobs ----------------------------------------------------------------------------------


def test_a_stopped_job_shows_what_is_done_and_goes_on(open_page, monkeypatch):
    chunks = []
    answer = Classifier.predict_proba

    def stop_in_the_middle(self, texts, **options):
        if len(texts) == 32:
            chunks.append(texts)
            if len(chunks) == 4:  # two of each model
                st.session_state["job"].stopped = True
        return answer(self, texts, **options)

    monkeypatch.setattr(Classifier, "predict_proba", stop_in_the_middle)
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
    assert "300 headlines" in texts(app)


def test_a_model_that_is_added_catches_up_alone(open_page, monkeypatch):
    app = open_page(ask=["minilm"], text="coach\nbank")
    asked = []
    answer = Classifier.predict_proba

    def note(self, texts, **options):
        asked.append(texts)
        return answer(self, texts, **options)

    monkeypatch.setattr(Classifier, "predict_proba", note)
    app.multiselect(key="ask").set_value(["minilm", "tiny-int8"]).run()
    assert asked.count(["coach", "bank"]) == 1
    assert list(tables(app)["all"])[2:] == ["minilm", "tiny-int8"]


# --- uploads ------------------------------------------------------------------------------------


def test_a_text_file(open_page):
    app = send(open_page(), "news.txt", "coach\nbank\n".encode("utf-16"))
    assert tables(app)["all"]["Headline"].tolist() == ["coach", "bank"]
    assert "2 headlines from news.txt" in [t.value for t in app.text]


def test_a_csv_with_columns_to_choose(open_page):
    app = send(open_page(), "<b>news</b>.CSV", b"id,text,other\n1,coach,oil\n2,bank,cup\n")
    (columns,) = (s for s in app.multiselect if s.label.startswith("Columns"))
    assert (columns.value, columns.options) == (["text"], ["id", "text", "other"])
    assert tables(app)["all"]["Headline"].tolist() == ["coach", "bank"]
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
    app.radio(key="source").set_value("Paste").run()
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
    assert not app.text_area
    assert app.code[-1].value.count("--only") == 3


def test_a_damaged_artifact_is_named_and_the_others_answer(open_page, cache_folder):
    graph = cache_folder / "synthetic" / "artifacts" / "minilm" / "model.onnx"
    content = graph.read_bytes()
    graph.unlink()  # it may be linked elsewhere
    graph.write_bytes(content[:-10] + b"0123456789")
    app = ask(open_page(), "coach\nbank")
    assert "minilm can't be asked" in app.warning[0].value
    assert any("is not the file that its run recorded" in code.value for code in app.code)
    assert list(tables(app)["all"])[2:] == ["tiny-int8"]


def test_a_replaced_artifact_is_loaded_anew(open_page, cache_folder):
    app = ask(open_page(), "coach\nbank")
    before = tables(app)["all"]["minilm"][0]
    shutil.rmtree(cache_folder.parent / "cache-drafts")
    synthetic.write_run(cache_folder, roles=("teacher", "tiny", "minilm"), at_hand=["minilm"])
    app.run()
    assert not app.exception
    assert tables(app)["all"]["minilm"][0] != before


def test_controls_are_asked_only_by_who_chooses_them(open_page, cache_folder):
    shutil.rmtree(cache_folder / "synthetic")
    roles = ["teacher", "minilm", "minilm-baseline"]
    synthetic.write_run(cache_folder, roles=roles, at_hand=roles[1:])
    asked = open_page(run="synthetic").multiselect(key="ask")
    assert asked.value == ["minilm"]
    assert "minilm-baseline" in asked.options
