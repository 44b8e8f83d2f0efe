"""Rows that nearly repeat a training row, and where their number is shown."""

import json

from pipeline.data import data_sets
from pipeline.data.near_duplicates import ending, near_duplicates
from pipeline.results import storage

END = "said the spokesman of the bank on Tuesday, after markets had closed."


def test_an_ending_is_words_alone():
    assert ending("One, TWO-three  four!", 2) == "three four"
    assert ending("Two words", 12) == "two words"


def test_rows_that_end_alike_are_counted_by_split():
    train = [f"Profit rises: it did, {END}", "Goal!", "Rain in May"]
    held_out = {
        "validation": [f"Bank's profit is up. {END.upper()}", "Rain in June", "goal"],
        "test": [f"It did not, {END} (Reuters)"],
    }
    assert near_duplicates(train, held_out) == {"words": 12, "validation": 2, "test": 0}
    assert near_duplicates(train, held_out, 30)["validation"] == 1


def test_a_toy_run_has_counted_them(toy_cache):
    (run,) = storage.list_runs(toy_cache)[0]
    corpus = data_sets.load(toy=True)
    held_out = {"validation": corpus.validation.texts, "test": corpus.test.texts}
    assert run.record.data.near_duplicates == near_duplicates(corpus.train.texts, held_out)


def written(folder, **fields):
    path = folder / "synthetic" / storage.RECORD
    content = json.loads(path.read_text())
    content["data"] |= fields
    path.write_text(json.dumps(content | {"checksum": ""}))


def said(app):
    return "\n".join(code.value for code in app.code)


def test_about_shows_them_and_says_nothing_of_a_run_that_has_not(open_page, cache_folder):
    assert "that end in" not in said(open_page("about"))
    written(cache_folder, near_duplicates={"words": 12, "validation": 17, "test": 8})
    shown = said(open_page("about"))
    assert "Validation rows that end in the same 12 words as a training row: 17 (8.5%)" in shown
    assert "Test rows that end in the same 12 words as a training row: 8 (1.0%)" in shown


def test_what_is_no_count_is_not_shown(open_page, cache_folder):
    written(cache_folder, near_duplicates={"validation": "<b>"}, rows={"train": 8, "validation": 0})
    assert "that end in" not in said(open_page("about"))
    written(cache_folder, near_duplicates=[1])
    assert "that end in" not in said(open_page("about"))
