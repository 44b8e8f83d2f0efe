"""Pages of runs on other data than AG News: their noun, their examples, and many classes."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from pipeline.data import declarations
from pipeline.data.declarations import AGNEWS, BANKING77
from pipeline.data_record import DataRecord
from pipeline.results import storage
from tests import synthetic
from tests.views.test_hostile_pages import PAGES
from views.parts import examples
from views.parts.headline_input import NO_EXAMPLES

MINE = declarations.own("mine")
CLASSES = {count: tuple(f"intent {place}" for place in range(count)) for count in (2, 11, 12, 77)}


@pytest.fixture(scope="module")
def cache_folder(tmp_path_factory):
    """Runs q2 to q77 on questions, named by number of classes, and "own" on a user's texts."""
    folder = tmp_path_factory.mktemp("questions") / "cache"
    roles = ("teacher", "minilm", "minilm-baseline", "tiny-int8")
    for count, labels in CLASSES.items():
        synthetic.write_run(
            folder, f"q{count}", roles=roles, rows=400, labels=labels, data_set=BANKING77
        )
    synthetic.write_run(folder, "own", rows=40, labels=CLASSES[2], data_set=MINE)
    return folder


# --- nouns --------------------------------------------------------------------------------------

# Fields of elements that users don't see, and names of columns that have a label besides.
UNSEEN = {"id", "key", "element_id", "form_id", "url_path", "widget_id", "query_param_key", "url"}
UNSEEN |= {"query_string", "selection_default", "columns"}


def visible(app) -> str:
    """All that a page shows: texts, labels, tooltips, placeholders, options, titles of columns."""
    return "\n".join(part for block in (app.main, app.sidebar) for part in _texts_of(block))


def _texts_of(block):
    for element in block.children.values():
        if hasattr(element, "children"):
            yield from _strings(element.proto)
            yield from _texts_of(element)
            continue
        proto = element.proto
        labels = json.loads(proto.columns) if getattr(proto, "columns", "") else {}
        labels = labels if isinstance(labels, dict) else {}
        if isinstance(value := getattr(element, "value", None), pd.DataFrame):
            for name in value:
                yield labels.get(name, {}).get("label") or str(name)
                yield from map(str, value[name])
        for config in labels.values():
            yield str(config.get("help"))
        yield from _strings(proto)


def _strings(proto):
    for field, value in proto.ListFields():
        if field.name in UNSEEN:
            continue
        for part in value if hasattr(value, "append") else [value]:
            if isinstance(part, str):
                yield part
            elif hasattr(part, "ListFields"):
                yield from _strings(part)


ADDRESSES = [
    *[(page, {}) for page in PAGES],
    ("confusion", {"base": "teacher", "actual": "intent 0", "predicted": "intent 1"}),
    ("errors", {"part": "Newly wrong, newly correct"}),
    ("errors", {"part": "Suspected label errors"}),
    ("try", {"text": "word0x1 word1x1\nword1x2"}),
    ("try", {"source": "Upload"}),
    ("compare", {"x": "Cost of a million headlines", "model": "minilm"}),
    *[("present", {"step": step}) for step in ("Recommendation", "Errors", "Try it", "Remember")],
]


@pytest.mark.parametrize(("page", "query"), ADDRESSES)
def test_pages_follow_the_data_sets_noun(open_page, page, query):
    said = visible(open_page(page, run="q11", **query))
    assert "headline" not in said.lower()
    assert "question" in said.lower() or page == "present"


def test_what_collects_a_pages_words_misses_none(open_page):
    said = visible(open_page("try", run="q11", source="Many questions"))
    for part in ("Many questions", "Questions, one a line", "200 examples", "Models to ask"):
        assert part in said
    said = visible(open_page("errors", run="q11"))
    assert "\nQuestion\n" in said  # a column's title
    assert "word0x0 word0x1" in said  # a cell
    assert "Share of the test questions" in visible(open_page("compare", run="q11"))  # a tooltip


def test_texts_of_ones_own_are_texts(open_page):
    said = visible(open_page("try", run="own"))
    assert "Type a text and press Enter" in said
    assert "headline" not in said.lower()


def test_a_tab_in_the_words_of_another_data_set_is_opened(open_page):
    app = open_page("try", run="q11", source="Many headlines")
    assert len(app.text_area) == 1
    app.session_state["source"] = "Upload"
    app.run()
    assert not app.text_area


@pytest.mark.parametrize(
    ("noun", "said"),
    [("email", "email"), ("text message", "text message"), ("**b**", "text"), ("x" * 40, "text")],
)
def test_a_noun_that_a_file_brings_is_a_word(noun, said):
    entry = replace(declarations.entry(MINE), noun=noun, nouns=noun)
    data = DataRecord("mine", "0" * 64, ["a", "b"], False, {}, 42, declaration=entry)
    found = declarations.of_run(data, toy=False)
    assert found.noun == said
    assert found.nouns == (f"{said}s" if said == "text" else said)


# --- examples -----------------------------------------------------------------------------------


def test_examples_are_test_rows_with_their_recorded_answers(open_page, cache_folder):
    run = storage.read_run(cache_folder / "q77")
    texts = run.texts()["text"].tolist()
    app = open_page("try", run="q77")
    line = app.text_input(key="line")
    assert line.value in texts
    # The two options that need no search among many classes come first.
    menu = app.selectbox(key="example")
    assert menu.options == [examples.ANY, examples.HARD, *CLASSES[77]]
    menu.set_value("intent 70").run()
    drawn = texts.index(app.text_input(key="line").value)
    test = run.predictions("teacher")
    assert test["label"][drawn] == 70
    table = next(frame.value for frame in app.dataframe if "Answer" in frame.value)
    answer = test.filter(regex=r"^p\d+$").to_numpy()[drawn].argmax()
    assert table.set_index("Model")["Answer"]["Teacher"] == f"intent {answer}"
    assert app.selectbox(key="example").value is None  # so that the same can be chosen again
    app.selectbox(key="example").set_value(examples.HARD).run()
    drawn = texts.index(app.text_input(key="line").value)
    called = [run.predictions(role).iloc[drawn, 2:].argmax() for role in run.by_role]
    assert len(set(called)) > 1


def test_another_run_brings_its_own_examples_and_leaves_what_is_typed(open_page, cache_folder):
    app = open_page("try", run="q77")
    app.selectbox(key="run").set_value("q2").run()
    texts = storage.read_run(cache_folder / "q2").texts()["text"].tolist()
    assert app.text_input(key="line").value in texts
    app.text_input(key="line").set_value("word1x2").run()
    app.selectbox(key="run").set_value("q11").run()
    assert app.text_input(key="line").value == "word1x2"
    assert not app.exception


def test_examples_of_many_lines_know_their_classes(open_page):
    app = open_page("try", run="q12", source="Many questions")
    app.menu_button(key="several").click("10 examples").run()
    table = next(frame.value for frame in app.dataframe if "Right" in frame.value)
    assert table["Right"].between(0, 100).all()
    assert "intent 3" not in table  # many classes get no columns


def test_without_texts_there_are_no_examples_and_the_page_says_so(open_page):
    for source in ("One text", "Many texts"):
        app = open_page("try", run="own", source=source)
        assert not app.exception
        assert NO_EXAMPLES in [caption.value for caption in app.caption]
        assert not app.get("menu_button")
    assert "Give a text and choose a model." in [info.value for info in app.info]
    assert not open_page("present", run="own", step="Try it").exception


# --- texts that come with the run ---------------------------------------------------------------


def test_errors_show_the_texts_that_come_with_the_run_and_whose_they_are(open_page, cache_folder):
    app = open_page("errors", run="q11", outcome="All")
    table, stored = app.dataframe[0].value, storage.read_run(cache_folder / "q11").texts()
    by_row = stored.set_index("row")["text"]
    assert table["Headline"].tolist() == by_row[table["Row"]].tolist()
    assert "Casanueva" in " ".join(caption.value for caption in app.caption)
    assert "without their texts" not in visible(app)


def test_texts_that_may_not_be_passed_on_are_not_stored():
    assert [known.is_passed_on for known in (AGNEWS, BANKING77, MINE, declarations.TOY)] == [
        *(False, True, False, False)
    ]


# --- many classes -------------------------------------------------------------------------------


def lists(app):
    """The page's tables that list the most frequent confusions."""
    return [f.value for f in app.dataframe if list(f.value)[:2] == ["true", "predicted"]]


@pytest.mark.parametrize(("count", "there"), [(2, 0), (11, 0), (12, 1), (77, 1)])
def test_many_classes_have_a_list_of_confusions_beside_the_matrix(open_page, count, there):
    app = open_page("confusion", run=f"q{count}")
    assert len(lists(app)) == there
    assert [box.label for box in app.selectbox].count("Search for a class") == there


def test_the_list_holds_every_confusion_the_most_frequent_first(open_page, cache_folder):
    test = storage.read_run(cache_folder / "q12").predictions("minilm")
    called = test.filter(regex=r"^p\d+$").to_numpy().argmax(axis=1)
    wrong = [
        (f"intent {true}", f"intent {predicted}")
        for true, predicted in zip(test["label"], called, strict=True)
        if true != predicted
    ]
    query = {"run": "q12", "model": "minilm", "models": ["teacher", "minilm"]}
    (table,) = lists(open_page("confusion", **query))
    expected = pd.Series(wrong).value_counts()
    assert table.set_index(["true", "predicted"])["count"].to_dict() == expected.to_dict()
    assert table["count"].is_monotonic_decreasing
    sought = wrong[0][0]
    (narrowed,) = lists(open_page("confusion", **query, **{"class": sought}))
    assert 0 < len(narrowed) < len(table)
    assert ((narrowed["true"] == sought) | (narrowed["predicted"] == sought)).all()
    (columns,) = lists(open_page("confusion", **query, cells="Column shares"))
    assert (columns["share"] != table["share"]).any()


def test_against_a_model_the_list_holds_the_largest_changes(open_page):
    query = {"run": "q12", "model": "tiny-int8", "models": "tiny-int8", "base": "teacher"}
    app = open_page("confusion", **query)
    (table,) = lists(app)
    size = table["count"].abs()
    assert size.is_monotonic_decreasing
    assert size.min() > 0
    largest = table.iloc[0]
    kind = "more" if largest["count"] > 0 else "fewer"
    said = f"{size[0]} {kind} {largest['true']} predicted as {largest['predicted']}"
    assert said in " ".join(text.value for text in app.text)


def test_a_row_of_the_list_sets_the_cell(open_page, monkeypatch):
    """AppTest can't click a row, so the list gets the event that a click would send."""
    kept = {}
    monkeypatch.setattr("views.parts.confusions.st.dataframe", lambda *_, **how: kept.update(how))
    from views.parts import confusions

    state = {}
    monkeypatch.setattr("views.parts.confusions.st.session_state", state)
    cells = pd.DataFrame(
        {
            "true": ["a", "a", "b", "b"],
            "predicted": ["a", "b", "a", "b"],
            "count": [5, 1, 3, 4],
            "share": [0.8, 0.2, 0.4, 0.6],
        }
    )
    confusions.show_list(cells, "tiny", "share", None, False, "texts")
    selection = type("Selection", (), {"rows": [0]})
    state[kept["key"]] = type("Event", (), {"selection": selection})
    kept["on_select"]()
    assert [state[key] for key in ("model", "actual", "predicted")] == ["tiny", "b", "a"]


@pytest.mark.parametrize("count", [12, 77])
@pytest.mark.parametrize("page", ["errors", "try"])
def test_no_table_has_a_column_for_each_of_many_classes(open_page, page, count):
    app = open_page(page, run=f"q{count}", **({"outcome": "All"} if page == "errors" else {}))
    assert max(len(frame.value.columns) for frame in app.dataframe) <= 12
    assert any("p 2nd" in frame.value for frame in app.dataframe)
