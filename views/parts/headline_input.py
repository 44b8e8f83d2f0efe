"""Where Try it takes its headlines from: the text area, examples, the address, or a file."""

from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pipeline.data import data_sets, uploads
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

    remember("text", None)
    st.file_uploader(
        "A .txt with one headline a line, or a .csv",
        type=["txt", "csv"],
        key="file",
        on_change=keep,
        help="Read on this machine only, and forgotten when the page is closed.",
    )
    kept = st.session_state.get("upload")
    if not kept:
        return [], []
    name, content = kept
    text, remarks = uploads.decode(content)
    if name.lower().endswith(".csv"):
        header = st.checkbox("The first row names the columns", True, key="header")
        table, more = uploads.read_csv(text, answers.MAX_HEADLINES, header)
        columns = list(table.columns)
        likely = columns.index(uploads.likely_column(table))
        column = st.selectbox("Column with the headlines", columns, index=likely)
        text, remarks = uploads.column(table, column), remarks + more
    texts, more = answers.split_headlines(text)
    st.text(f"{len(texts):,} headlines from {name}")
    return texts, remarks + more


def remember(name: str, value: str | None) -> None:
    """Keep something in the page's address, or take it out."""
    if st.query_params.get(name) == value:
        return
    if value is None:
        del st.query_params[name]
    else:
        st.query_params[name] = value
