"""Where Try it takes its headlines from: the text area, examples, the address, or a file."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pipeline.data import data_sets, uploads
from pipeline.data.reader import Form, TextFile
from pipeline.errors import PipelineError
from views import answers

EXAMPLES = Path(__file__).parents[2] / "pipeline" / "data" / "headlines.csv"
# A link longer than this is cut by mail programs and chats; what is longer stays out of it.
MAX_LINK = 500
# Pixels. A browser loads each kind of widget as it first meets one, and meanwhile leaves room for
# one line: a box of a known height keeps what is below from moving.
LABELLED, TEXT = 70, 112


@st.cache_data
def read_examples() -> pd.DataFrame:
    """The invented headlines: columns text and label, a position in ``data.LABELS``."""
    return pd.read_csv(EXAMPLES, keep_default_na=False)


def known_labels(texts: list[str], names: list[str]) -> np.ndarray | None:
    """The classes of headlines that are all examples, shape (n,); of others, nobody knows them.

    Args:
        texts: the headlines.
        names: of the run's classes; examples were written for those of AG News.
    """
    if tuple(names) != data_sets.LABELS:
        return None
    known = read_examples().set_index("text")["label"].reindex(texts)
    return None if known.isna().any() else known.to_numpy(np.int64)


def ask_for(left: DeltaGenerator, right: DeltaGenerator) -> tuple[list[str], list[str]]:
    """The headlines and remarks on them, from the text area or from a file."""
    with left:
        source = st.container(height=LABELLED, border=False).radio(
            "Headlines, one a line",
            ["Paste", "Upload"],
            horizontal=True,
            key="source",
            bind="query-params",
        )
        if source == "Paste":
            return answers.split_headlines(paste(right))
        try:
            return upload()
        except PipelineError as error:
            st.warning("That file can't be used:")
            st.code(str(error), language=None, wrap_lines=True)
            return [], []


def paste(beside: DeltaGenerator) -> str:
    """The text area, and beside it the buttons that fill it."""
    examples = read_examples()["text"]

    def draw(count: int, seed: int | None = None) -> str:
        return "\n".join(examples.sample(count, random_state=seed))

    def fill(count: int) -> None:
        st.session_state["headlines"] = draw(count)

    # One of each class, on one of which reasonable models differ.
    first = draw(4, seed=52)
    if "headlines" not in st.session_state:
        st.session_state["headlines"] = st.query_params.get("text", first)
    pasted = st.container(height=TEXT, border=False).text_area(
        "Headlines to classify",
        key="headlines",
        height="stretch",
        persist_state="session",
        label_visibility="collapsed",
    )
    with beside.container(horizontal=True):
        st.button("Classify", type="primary")
        st.button("One example", on_click=fill, args=(1,))
        st.button("Ten", on_click=fill, args=(10,), help="Ten examples")
        st.button("Two hundred", on_click=fill, args=(200,), help="Two hundred examples")
    remember("text", pasted if pasted != first and len(pasted) <= MAX_LINK else None)
    return pasted


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


def remember(name: str, value: str | None) -> None:
    """Keep something in the page's address, or take it out."""
    if st.query_params.get(name) == value:
        return
    if value is None:
        del st.query_params[name]
    else:
        st.query_params[name] = value
