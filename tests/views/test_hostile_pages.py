"""Hostile input to a page or in its cache: the page shows a clear message and keeps working."""

import gzip
import json
import time
import tracemalloc

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pipeline.data import uploads
from pipeline.errors import PipelineError
from pipeline.results import storage
from pipeline.results.conditions import KINDS
from views import pasted_texts

MARKUP = "<script>alert(1)</script> **bold** [a](javascript:alert(1)) $x$ :material/home:"
BIDI = "\u202egnp.exe\u2066 coach"


def ask(app: AppTest, pasted: str) -> AppTest:
    app.session_state["source"] = "Many headlines"
    app.run()
    app.text_area(key="headlines").set_value(pasted)
    app.run()
    assert not app.exception
    return app


def markdown(app: AppTest) -> str:
    """Everything on the page that is rendered as markdown."""
    kinds = ("markdown", "header", "subheader", "caption", "warning", "error", "info", "title")
    return "\n".join(str(element.value) for kind in kinds for element in getattr(app, kind))


# --- the headline box ---------------------------------------------------------------------------


def test_a_line_of_a_million_characters(open_page):
    app = ask(open_page("try"), "coach " * 170_000)
    assert "Longer than 10,000 characters" in markdown(app)
    assert next(f for f in app.dataframe if "Answer" in f.value).value["Answer"].tolist() == [
        "Sports",
        "Sports",
    ]
    shown = sum(len(str(frame.value)) for frame in app.dataframe)
    shown += sum(len(code.value) for code in app.code)
    shown += sum(len(picture.body) for picture in app.get("html"))
    assert shown < 20_000  # the page does not send the text back


def test_a_hundred_thousand_lines(open_page, monkeypatch):
    monkeypatch.setattr(pasted_texts, "MAX_HEADLINES", 40)  # the most lines that are classified
    app = ask(open_page("try"), "coach\n" * 100_000)
    assert "Only the first 40 headlines" in markdown(app)
    assert len(app.dataframe[0].value) == 40


@pytest.mark.parametrize(
    "text", [MARKUP, BIDI, "\x00\x01\x7f coach", "=HYPERLINK(1)", "\u2028 cup"]
)
def test_odd_characters_are_data(open_page, text):
    app = ask(open_page("try"), f"{text}\nbank")
    assert sorted(app.dataframe[0].value["Headline"]) == sorted([text.strip(), "bank"])
    assert text not in markdown(app)


# --- the address --------------------------------------------------------------------------------

PAGES = ("compare", "confusion", "errors", "calibration", "try", "about", "present")
ODD = {"markup": MARKUP, "null and bidi": f"\0{BIDI}", "number": "9" * 400, "path": "../../etc"}
# All names of parameters in addresses of pages.
KEYS = (
    *("run", "model", "models", "a", "b", "base", "beside", "cells", "confidence", "controls"),
    *("differ", "least", "of", "only", "outcome", "part", "predicted", "price", "reported", "row"),
    *("scaled", "side", "source", "sure", "term", "true", "ask", "headline", "text", "step", "mb"),
)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("kind", ODD)
def test_addresses_that_say_anything(open_page, page, kind):
    app = open_page(page, **dict.fromkeys(KEYS, ODD[kind]))
    assert not app.exception
    assert len(app.main) > 0
    assert MARKUP not in markdown(app)


# --- the run's own words ------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_a_record_full_of_markup_is_shown_as_text(open_page, cache_folder, page):
    path = cache_folder / "synthetic" / storage.RECORD
    content = json.loads(path.read_text()) | {"checksum": "", "created": MARKUP, "command": MARKUP}
    content["data"]["name"] = MARKUP
    for model in content["models"]:
        model |= {"title": f"{MARKUP} {model['role']}", "description": MARKUP, "checkpoint": MARKUP}
        model["measured_on"] = {kind: {"hardware": {MARKUP: MARKUP}} for kind in KINDS}
    path.write_text(json.dumps(content))
    app = open_page(page)
    assert not app.exception
    assert MARKUP not in markdown(app)
    assert "[a](javascript" not in markdown(app)


def test_file_names_are_text(open_page):
    app = open_page("try", source="Upload")
    app.file_uploader(key="file").upload(f"{MARKUP}.txt", b"coach\nbank", "text/plain").run()
    assert not app.exception
    assert any(MARKUP in text.value for text in app.text)
    assert "alert(1)" not in markdown(app)


# --- uploads: time and memory -------------------------------------------------------------------

MB = 10**6
# A tenth of the largest size that is allowed. Time and memory grow with the size.
BOMBS = {
    "one line": b"coach " * (MB // 6),
    "only line breaks": b"\n" * (MB // 4) + b"coach",
    "only separators": b"text,x\n" + b"," * MB,
    "many short fields": b"a,b\n" + b"ab," * (MB // 3),
    "a quote that is never closed": b'text\n"' + b"coach\n" * (MB // 6),
    "quotes alone": b'text\n"' + b'""' * (MB // 2),
    "many rows": b"text\n" + b"coach\n" * (MB // 6),
    "latin-1": "é".encode("latin-1") * MB,
    "a list in a list": b"[" * MB,
    "an object without end": b'{"text": "' + b"coach " * (MB // 6),
    "packed": gzip.compress(b"coach\n" * (20 * MB), mtime=0),
    "utf-16": "é".encode("utf-16") * (MB // 4),
}


@pytest.mark.parametrize("kind", [".csv", ".txt", ".jsonl"])
@pytest.mark.parametrize("name", BOMBS)
def test_uploads_take_bounded_time_and_memory(name, kind):
    started, said = time.process_time(), ""
    tracemalloc.start()
    try:
        file = uploads.open_upload(f"a{kind}", BOMBS[name])
        pasted_texts.keep_headlines(file.texts(), "Rows without text")
        file.summary()
    except PipelineError as error:
        said = str(error)
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert "\n" not in said
    assert peak < 40 * MB
    assert time.process_time() - started < 10


def test_the_servers_limit_on_uploads_is_the_readers():
    assert st.config.get_option("server.maxUploadSize") * 2**20 == uploads.MAX_BYTES
