"""Runs of other classes than AG News's, and of schema 1, from the command line to every page."""

import json

import numpy as np
import pandas as pd
import pytest

from pipeline import files
from pipeline.__main__ import main
from pipeline.class_names import check_same, probability_columns
from pipeline.errors import PipelineError
from pipeline.inference.encoders import SETTINGS
from pipeline.results import conditions, report, storage
from pipeline.results.storage import read_run
from tests import synthetic
from tests.views.test_hostile_pages import MARKUP, PAGES, markdown
from views.parts.examples import EXAMPLES

LABELS = {
    2: ("no", "yes"),
    # Names of columns, markup, quotes, commas, scripts, emoji.
    7: ("Model", MARKUP, "a,b", 'say "it"', "世界 عالم", "👩‍🔬", "Confidence"),
    77: tuple(f"class {number}" for number in range(77)),
}


@pytest.fixture(params=LABELS)
def labels(request, cache_folder):
    """Class names of the run "other", which is in the cache beside AG News's."""
    names = LABELS[request.param]
    roles = ("teacher", "minilm", "minilm-baseline", "tiny-int8")
    synthetic.write_run(cache_folder, "other", labels=names, rows=400, roles=roles)
    return names


def asked(page, labels):
    """URL parameters with which a page shows its tables and pictures of these classes."""
    words = synthetic.words_of(labels)
    return {
        "confusion": {"truly": labels[0], "called": labels[0], "cells": "Row shares"},
        "errors": {"actual": labels[-1], "outcome": "All"},
        "try": {"text": "\n".join(words[name][0] for name in labels[:7])},
        "present": {"step": "Confusion"},
    }.get(page, {})


@pytest.mark.parametrize("page", PAGES)
def test_every_page_shows_a_run_of_other_classes(open_page, labels, page):
    app = open_page(page, run="other", **asked(page, labels))
    assert not app.exception
    assert len(app.main) > 0
    assert MARKUP not in markdown(app)


def columns(app, name):
    """The first table that has a column of this name."""
    return next(frame.value for frame in app.dataframe if name in frame.value)


def test_answers_are_in_the_classes_own_columns(open_page, labels):
    words = synthetic.words_of(labels)
    app = open_page("try", run="other", text="\n".join(words[name][0] for name in labels))
    one, models = columns(app, "MB"), columns(app, "Agrees")
    places, is_many = list(map(str, range(len(labels)))), len(labels) > 11
    shown = ["2nd", "p 2nd", "3rd", "p 3rd"] if is_many else places
    assert list(one) == ["Model", "Answer", "Confidence", *shown, "MB", "ms"]
    assert one["Model"].tolist() == ["Tiny, 8-bit dynamic", "MiniLM"]
    # The text on which the models disagree comes first. Only MiniLM knows its word.
    assert one["Answer"][1] == labels[len(labels) // 2]
    if is_many:  # each class has a row in a table of their own
        called = columns(app, "Class").set_index("Class")
        assert list(called.index) == list(labels)
        assert called.sum().tolist() == [len(labels)] * 2
    else:
        assert (one[places].sum(axis=1) - 100).abs().max() < 0.1
        assert models[places].sum(axis=1).tolist() == [len(labels)] * 2
    assert "Right" not in models  # only texts of AG News's classes have known answers


def test_examples_have_no_right_class_among_others(open_page, cache_folder):
    synthetic.write_run(cache_folder, "other", labels=("a", "b", "c", "d"))
    lines = "\n".join(pd.read_csv(EXAMPLES)["text"].head(2))
    for name, known in (("synthetic", True), ("other", False)):
        assert ("Right" in columns(open_page("try", run=name, text=lines), "Agrees")) == known


def test_the_about_page_names_the_classes(open_page, labels):
    said = markdown(open_page("about", run="other"))
    assert "World, Sports" not in said
    told = {2: "to tell no and yes apart", 7: "to tell Model, ", 77: "to tell 77 classes apart"}
    assert told[len(labels)] in said


def test_the_command_line_serves_them(cache_folder, labels, capsys, tmp_path):
    arguments = ("--cache", str(cache_folder))
    assert main(["verify", "other", *arguments]) == 0, capsys.readouterr().out
    assert main(["report", "other", *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("`tiny-int8`" in line for line in lines)
    word = synthetic.words_of(labels)[labels[0]][0]
    assert main(["predict", word, "--run", "other", "--model", "minilm", *arguments]) == 0
    assert labels[0][:20] in capsys.readouterr().out
    (tmp_path / "in.txt").write_text(f"{word}\n" * 3)
    target = tmp_path / "out.parquet"
    model = ("--run", "other", "--model", "minilm")
    assert main(["classify", str(tmp_path / "in.txt"), str(target), *model, *arguments]) == 0
    table = pd.read_parquet(target)
    assert list(table) == ["row", "label", *probability_columns(len(labels))]
    assert table["label"].tolist() == [labels[0]] * 3
    assert np.allclose(table[probability_columns(len(labels))].sum(axis=1), 1)


# --- an artifact of other classes ---------------------------------------------------------------


def change_labels(cache_folder, change):
    """Change the class names of minilm's artifact, and its checksum with them."""
    folder = cache_folder / "synthetic"
    path = folder / "artifacts" / "minilm" / SETTINGS
    settings = json.loads(path.read_text("utf-8"))
    path.unlink()  # it may be a hard link
    path.write_text(json.dumps(change(settings)))
    record = json.loads((folder / storage.RECORD).read_text("utf-8")) | {"checksum": ""}
    record["models"][1]["artifact"][SETTINGS] = files.sha256(path)
    (folder / storage.RECORD).write_text(json.dumps(record))


OTHER = {
    "another order": lambda settings: settings | {"labels": settings["labels"][::-1]},
    "other names": lambda settings: settings | {"labels": ["a", "b", "c", "d"]},
    "one more": lambda settings: settings | {"labels": [*settings["labels"], "Weather"]},
    "none": lambda settings: {"max_length": 64},
    "no list": lambda settings: settings | {"labels": None},
    "no settings": lambda settings: [],
}


@pytest.mark.parametrize("case", OTHER)
def test_an_artifact_of_other_classes_is_refused_by_name(cache_folder, case, capsys, tmp_path):
    change_labels(cache_folder, OTHER[case])
    arguments = ("--cache", str(cache_folder))
    (tmp_path / "in.txt").write_text("coach\n")
    target = tmp_path / "out.parquet"
    for command in (
        ["predict", "coach"],
        ["classify", str(tmp_path / "in.txt"), str(target), "--model", "minilm"],
        ["verify", "synthetic"],
    ):
        assert main([*command, *arguments]) == 1
        captured = capsys.readouterr()
        said = [line for line in (captured.out + captured.err).splitlines() if "make" in line]
        assert len(said) == 1
        assert "of minilm" in said[0]
    assert not target.exists()
    # The other model answers.
    assert main(["predict", "coach", "--model", "tiny-int8", *arguments]) == 0


def test_the_dashboard_refuses_it_too_and_the_others_answer(open_page, cache_folder):
    change_labels(cache_folder, OTHER["another order"])
    app = open_page("try", text="coach\nbank")
    assert "minilm can't be asked" in app.warning[0].value
    assert any("the artifact of minilm has the labels 'Sci/Tech'" in c.value for c in app.code)
    assert columns(app, "MB")["Model"].tolist() == ["Tiny, 8-bit dynamic"]


def test_many_labels_are_not_all_told():
    names = [f"class {number}" for number in range(77)]
    with pytest.raises(PipelineError, match=r"'class 4', … \(77 in all\) where its run"):
        check_same("x", names, ["a", "b"])


# --- schema 1 -----------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_every_page_shows_a_run_of_schema_1(open_page, cache_folder, page):
    synthetic.as_schema_1(cache_folder / "synthetic")
    app = open_page(page)
    assert not app.exception
    assert len(app.main) > 0


def test_what_schema_1_has_not_is_a_dash(open_page, cache_folder):
    synthetic.as_schema_1(cache_folder / "synthetic")
    run = read_run(cache_folder / "synthetic")
    header, _, *lines = report.markdown(run).splitlines()
    place = [cell.strip() for cell in header.split("|")].index("ms, a headline")
    assert {line.split("|")[place].strip() for line in lines} == {"–"}
    app = open_page("compare", model="minilm")
    assert {m.label: m.value for m in app.metric}["A headline's p50"] == "–"
    table = columns(app, "headline_p50_ms")
    assert table["headline_p50_ms"].isna().all()


def test_a_run_of_schema_1_verifies(cache_folder, capsys):
    run = synthetic.write_run(cache_folder, "older", at_hand=())
    synthetic.as_schema_1(run.folder)
    assert main(["verify", "older", "--cache", str(cache_folder)]) == 0, capsys.readouterr().out


# --- hardware and threads of the measurements ---------------------------------------------------


def test_what_figures_were_taken_on_is_said_once(cache_folder):
    run = read_run(cache_folder / "synthetic")
    lines = conditions.markdown(run.record.models).splitlines()
    assert lines == [
        "- Predictions: synthetic, 2025-01-01T00:00:00+00:00",
        "- Latency, throughput: synthetic, 2 threads, 2025-01-01T00:00:00+00:00",
    ]
    assert not conditions.differ(conditions.places(run.record.models))
