"""Where Try it takes its headlines from: one line, many lines, the address, or a file."""

import dataclasses
from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pipeline.data import uploads
from pipeline.data.reader import Form, TextFile
from pipeline.errors import PipelineError
from views import answers
from views.parts import examples
from views.parts.addresses import remember
from views.parts.common import View

# A link longer than this is cut by mail programs and chats; what is longer stays out of it.
MAX_LINK = 500
ONE, MANY, UPLOAD = SOURCES = ("One headline", "Many headlines", "Upload")
_SEED = 52
"""Of the examples that the page opens with: one of each class."""
_FIRST = 4
_HARD = 1
"""Which of those the models disagree on: the line that the page opens with."""
_SEVERAL = {"10 examples": 10, "200 examples": 200}
_TEXT = 112
"""Pixels. A browser loads each kind of widget as it first meets one, and meanwhile leaves room for
one line: a box of a known height keeps what is below from moving."""


def ask_for(view: View) -> tuple[list[str], list[str], DeltaGenerator]:
    """The headlines of the tab that is open, remarks on them, and the row of buttons there."""
    # A link with several lines opens the tab that holds them, and it stays open when they are too
    # long to stay in the address.
    several = "\n" in st.query_params.get("text", "").strip()
    if several and "source" not in st.session_state and "source" not in st.query_params:
        st.session_state["source"] = MANY
    one, many, file = st.tabs(list(SOURCES), key="source", on_change="rerun", bind="query-params")
    if many.open:
        with many:
            pasted, row = ask_for_many()
            return *answers.split_headlines(pasted), row
    if file.open:
        with file:
            return *ask_for_file(), st.container(horizontal=True)
    with one:
        typed, row = ask_for_one(view)
        return *answers.split_headlines(typed), row


def ask_for_one(view: View) -> tuple[str, DeltaGenerator]:
    """The line to type into, where Enter classifies; and the row of buttons beside it."""
    first = first_examples()[_HARD]
    start("line", first, lambda text: text.strip().split("\n")[0])

    def fill() -> None:
        st.session_state["line"] = examples.draw(view, st.session_state["example"])

    # On a phone, columns stand below one another: the line keeps its width.
    left, right = st.columns([5, 3], vertical_alignment="bottom")
    # Without a label above it, it is as high as the room that is kept while it loads.
    typed = left.text_input(
        "Headline",
        key="line",
        persist_state="session",
        label_visibility="collapsed",
        placeholder="Type a headline and press Enter",
    )
    row = right.container(horizontal=True)
    with row:
        st.button("Classify", type="primary")
        st.menu_button("Examples", examples.menu(view.run.labels), key="example", on_click=fill)
    remember("text", typed if typed != first and len(typed) <= MAX_LINK else None)
    return typed, row


def ask_for_many() -> tuple[str, DeltaGenerator]:
    """The box of many lines, and the row of buttons below it."""
    first = "\n".join(first_examples())
    start("headlines", first, str)

    def fill() -> None:
        count = _SEVERAL[st.session_state["several"]]
        drawn = examples.read_examples()["text"].sample(count)
        st.session_state["headlines"] = "\n".join(drawn)

    pasted = st.container(height=_TEXT, border=False).text_area(
        "Headlines, one a line",
        key="headlines",
        height="stretch",
        persist_state="session",
        label_visibility="collapsed",
        placeholder="Headlines, one a line",
    )
    row = st.container(horizontal=True)
    with row:
        st.button("Classify", type="primary")
        st.menu_button("Examples", list(_SEVERAL), key="several", on_click=fill)
    remember("text", pasted if pasted != first and len(pasted) <= MAX_LINK else None)
    return pasted, row


def first_examples() -> list[str]:
    """What the page opens with, the same for everybody."""
    return examples.read_examples()["text"].sample(_FIRST, random_state=_SEED).tolist()


def start(key: str, first: str, of_address: Callable[[str], str]) -> None:
    """Fill a box as it is first shown: from the address, else with ``first``."""
    if key not in st.session_state:
        given = st.query_params.get("text")
        st.session_state[key] = first if given is None else of_address(given)


def ask_for_file() -> tuple[list[str], list[str]]:
    """The headlines of an uploaded file, or in place of them why there are none."""
    try:
        return upload()
    except PipelineError as error:
        st.warning("That file can't be used:")
        st.code(str(error), language=None, wrap_lines=True)
        return [], []


def upload() -> tuple[list[str], list[str]]:
    """The headlines of a file; it is kept while other pages are looked at."""

    def keep() -> None:
        file = st.session_state["file"]
        st.session_state["upload"] = file and (file.name, file.getvalue())
        # What was chosen for another file is no choice for this one.
        for choice in ("header", "columns True", "columns False", "columns None"):
            st.session_state.pop(choice, None)

    remember("text", None)
    st.file_uploader(
        "A file of headlines",
        type=uploads.endings(),
        key="file",
        on_change=keep,
        help="A .txt with one headline a line, or a .csv, .tsv, .jsonl, .json or .parquet, each "
        "also packed as .gz. Read on this machine only, and forgotten when the page is closed.",
    )
    kept = st.session_state.get("upload")
    if not kept:
        return [], []
    name, content = kept
    file = choose_form(name, content)
    if not file.columns:
        return [], ["Choose the column with the headlines."]
    # Paragraphs are one headline: a line break in a cell is a space.
    given = (text and " ".join(text.split()) for text in file.texts())
    texts, remarks = answers.keep_headlines(given, "Rows without text")
    if not any(file.count()):
        raise PipelineError(f"{name} holds no text")
    st.text(f"{len(texts):,} headlines from {name}")
    st.text(file.summary())
    return texts, remarks


def choose_form(name: str, content: bytes) -> TextFile:
    """The uploaded file, in the form that it tells or that somebody chooses instead."""
    file = uploads.open_upload(name, content)
    told = header = file.table.header
    if told is not None:
        header = st.checkbox("The first row names the columns", told, key="header")
        if header != told:
            file = uploads.open_upload(name, content, Form(header=header))
    names = list(file.table.names)
    if len(names) == 1:
        return file
    likely = [names[place] for place in file.columns]
    # Other names are other options: the widget starts anew with them.
    chosen = st.multiselect(
        "Columns with the headlines",
        names,
        likely,
        key=f"columns {header}",
        help="Several are joined in the order in which they are chosen.",
    )
    if chosen == likely:
        return file
    if not chosen:
        return dataclasses.replace(file, columns=())
    return uploads.open_upload(name, content, Form(tuple(chosen), header))
