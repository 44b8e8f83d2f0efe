"""What the pages offer to users who want to run a model elsewhere."""

import io
import shlex
import zipfile

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pipeline.__main__ import parser
from pipeline.results import storage
from tests.views.test_compare_page import change_model
from views.parts import use_this_model


@pytest.fixture
def offered(monkeypatch):
    """The data of all download buttons, by file name."""
    found = {}
    button = st.download_button

    def record(label, data, file_name, *rest, **options):
        found[file_name] = data
        return button(label, data, file_name, *rest, **options)

    monkeypatch.setattr(st, "download_button", record)
    return found


def page(folder, role):
    """A page with nothing but what is offered for one model."""
    from pathlib import Path

    from pipeline.results import storage
    from views.parts import use_this_model
    from views.parts.common import read_view

    use_this_model.show(read_view(storage.read_run(Path(folder))), role)


@pytest.fixture
def show(cache_folder):
    def show(role):
        folder = str(cache_folder / "synthetic")
        app = AppTest.from_function(page, default_timeout=60, args=(folder, role)).run()
        assert not app.exception
        return app

    return show


def code_of(app):
    return "\n".join(element.value for element in app.code)


def code_and_text(app):
    return "\n".join(element.value for element in (*app.code, *app.text))


def test_a_model_at_hand_can_be_taken_along(show, offered):
    app = show("minilm")
    assert any(each.label.startswith("Download minilm as a zip") for each in app.download_button)
    code = code_of(app)
    assert "from classify import classify" in code
    said = "\n".join(element.value for element in app.markdown)
    assert "pip install onnxruntime tokenizers numpy" in said
    assert "classify TEXTS.csv ANSWERS.parquet --run synthetic --model minilm" in code
    assert "serve --run synthetic --model minilm" in code
    assert "CPU: Any CPU" in "\n".join(element.value for element in app.text)


def test_the_zip_is_built_only_when_asked_for(show, offered, monkeypatch):
    built = []
    monkeypatch.setattr(use_this_model, "zipped", lambda run, role: built.append(role) or b"zip")
    show("minilm")
    assert built == []
    assert offered["synthetic-minilm.zip"]() == b"zip"
    assert built == ["minilm"]


def test_the_zip_is_the_export(show, offered):
    show("minilm")
    with zipfile.ZipFile(io.BytesIO(offered["synthetic-minilm.zip"]())) as file:
        assert {"minilm/README.md", "minilm/classify.py", "minilm/onnx/model.onnx"} <= set(
            file.namelist()
        )


def test_a_model_that_is_not_here_comes_with_the_command_that_makes_it(show, offered):
    app = show("teacher")
    assert offered == {}
    assert "This makes them" in "\n".join(element.value for element in app.markdown)
    assert "from classify import classify" not in code_of(app)


def test_a_cascade_can_be_taken_along_with_its_members(show, offered, cache_folder):
    rule = {"thresholds": [0.9], "temperatures": [1.0], "answered": {"test": [0.5, 0.5]}}
    cascade = {"members": ["tiny-int8", "minilm"], **rule}
    change_model(cache_folder / "synthetic", "teacher", cascade=cascade, method="cascade")
    app = show("teacher")
    assert offered == {}  # its cascade.json is not here
    change_model(cache_folder / "synthetic", "teacher", artifact={"cascade.json": "0" * 64})
    folder = cache_folder / "synthetic" / "artifacts" / "teacher"
    folder.mkdir()
    (folder / "cascade.json").write_text("{}", encoding="utf-8")
    app = show("teacher")
    assert set(offered) == {"synthetic-teacher.zip"}
    said = "\n".join(element.value for element in app.markdown)
    assert "whose script asks the members in turn" in said
    assert "pip install onnxruntime tokenizers numpy" in said
    # The first member has int8 weights of eight bits, the second has none.
    assert "CPU: tiny-int8: Any CPU that onnxruntime runs on. On an x86" in code_and_text(app)


def test_a_models_card_offers_it(open_page, offered):
    open_page("frontier", model="minilm")
    assert "synthetic-minilm.zip" in offered


def test_the_commands_are_ones_that_the_program_knows(cache_folder):
    run = storage.read_run(cache_folder / "synthetic")
    for command in use_this_model.commands(run.name, "tiny-int8"):
        words = shlex.split(command)[3:]
        assert parser().parse_args(words).run == run.name
