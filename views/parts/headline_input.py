"""Where Try it takes its texts from: one line, many lines, the address, or a file."""

import dataclasses
from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pipeline.data import uploads
from pipeline.data.declarations import DataSet
from pipeline.data.reader import Form, TextFile
from pipeline.errors import PipelineError
from views import pasted_texts
from views.charts.palette import MANY_CLASSES
from views.glossary import fill, with_article
from views.parts import examples
from views.parts.addresses import remember
from views.parts.common import View, plain

# A link longer than this is cut by mail programs and chats; what is longer stays out of it.
MAX_LINK = 500
_SOURCES = ("One {noun}", "Many {nouns}", "Upload")
"""The tabs; addresses name them, too."""
NO_EXAMPLES = "There are no examples: the texts of this data set are not at hand."
_SEVERAL = {"10 examples": 10, "200 examples": 200}
_TEXT = 112
"""Pixels. A browser loads each kind of widget as it first meets one, and meanwhile leaves room for
one line: a box of a known height keeps what is below from moving."""


def ask_for(view: View) -> tuple[list[str], list[str], DeltaGenerator]:
    """The texts of the tab that is open, remarks on them, and the row of buttons there."""
    nouns = view.data_set.nouns
    tabs = [fill(tab, view.data_set) for tab in _SOURCES]
    turn_to_tab(tabs)
    one, many, file = st.tabs(tabs, key="source", on_change="rerun", bind="query-params")
    if many.open:
        with many:
            pasted, row = ask_for_many(view)
            return *pasted_texts.split_headlines(pasted, nouns), row
    if file.open:
        with file:
            return *ask_for_file(view.data_set), st.container(horizontal=True)
    with one:
        typed, row = ask_for_one(view)
        return *pasted_texts.split_headlines(typed, nouns), row


def turn_to_tab(tabs: list[str]) -> None:
    """Open the tab that an address means, before the tabs are drawn.

    A link with several lines opens the tab that holds them, and it stays open when they are too
    long to stay in the address. A link to, or a way from, a run on another data set names a tab in
    the words of that one: its first word tells which it is.
    """
    asked, state = st.query_params.get("source"), st.session_state
    by_word = {tab.split()[0]: tab for tab in tabs}
    for named in (state.get("source"), asked):
        if named and named not in tabs and (tab := by_word.get(named.partition(" ")[0])):
            state["source"] = tab
    if "\n" in st.query_params.get("text", "").strip() and not (asked or "source" in state):
        state["source"] = tabs[1]


def ask_for_one(view: View) -> tuple[str, DeltaGenerator]:
    """The line to type into, where Enter classifies; and the row of buttons beside it."""
    known, found = view.data_set, examples.of_run(view)
    first = found.first_line()
    start("line", first, lambda text: text.strip().split("\n")[0])

    def draw() -> None:
        st.session_state["line"] = examples.draw(view, st.session_state["example"])

    # On a phone, columns stand below one another: the line keeps its width.
    left, right = st.columns([5, 3], vertical_alignment="bottom")
    # Without a label above it, it is as high as the room that is kept while it loads.
    typed = left.text_input(
        known.noun.capitalize(),
        key="line",
        persist_state="session",
        label_visibility="collapsed",
        placeholder=f"Type {with_article(known.noun)} and press Enter",
    )
    row = right.container(horizontal=True)
    with row:
        st.button("Classify", type="primary")
        offer_examples(found, examples.menu(view), "example", draw)
    remember("text", typed if typed != first and len(typed) <= MAX_LINK else None)
    return typed, row


def ask_for_many(view: View) -> tuple[str, DeltaGenerator]:
    """The box of many lines, and the row of buttons below it."""
    known, found = view.data_set, examples.of_run(view)
    first, label = "\n".join(found.first()), f"{known.nouns.capitalize()}, one a line"
    start("headlines", first, str)

    def draw() -> None:
        count = _SEVERAL[st.session_state["several"]]
        st.session_state["headlines"] = "\n".join(found.sample(count))

    pasted = st.container(height=_TEXT, border=False).text_area(
        label,
        key="headlines",
        height="stretch",
        persist_state="session",
        label_visibility="collapsed",
        placeholder=label,
    )
    row = st.container(horizontal=True)
    with row:
        st.button("Classify", type="primary")
        offer_examples(found, list(_SEVERAL), "several", draw)
    remember("text", pasted if pasted != first and len(pasted) <= MAX_LINK else None)
    return pasted, row


def offer_examples(
    found: examples.Examples, menu: list[str], key: str, draw: Callable[[], None]
) -> None:
    """The button with the menu of examples; where there are none, a word on why.

    A menu of many classes is a box, in which one can search.
    """
    help = plain(found.source) or None

    def draw_and_clear() -> None:
        if st.session_state[key] is not None:
            draw()
        st.session_state[key] = None  # so that the same can be asked for again

    if not found.texts:
        st.caption(NO_EXAMPLES)
    elif len(menu) < MANY_CLASSES:
        st.menu_button("Examples", menu, key=key, on_click=draw, help=help)
    else:
        st.selectbox(
            "Examples",
            menu,
            index=None,
            key=key,
            on_change=draw_and_clear,
            placeholder="Examples",
            label_visibility="collapsed",
            width=180,
            help=help,
        )


def start(key: str, first: str, of_address: Callable[[str], str]) -> None:
    """Fill a box as it is first shown: from the address, else with ``first``.

    As another run is chosen, its examples take the place of those of the run before, but of nothing
    that somebody typed.
    """
    state, before = st.session_state, f"{key} at first"
    if key not in state:
        given = st.query_params.get("text")
        state[key] = first if given is None else of_address(given)
    elif state[key] == state.get(before):
        state[key] = first
    state[before] = first


def ask_for_file(known: DataSet) -> tuple[list[str], list[str]]:
    """The texts of an uploaded file, or in place of them why there are none."""
    try:
        return upload(known)
    except PipelineError as error:
        st.warning("That file can't be used:")
        st.code(str(error), language=None, wrap_lines=True)
        return [], []


def upload(known: DataSet) -> tuple[list[str], list[str]]:
    """The texts of a file; it is kept while other pages are looked at."""

    def keep() -> None:
        file = st.session_state["file"]
        st.session_state["upload"] = file and (file.name, file.getvalue())
        # What was chosen for another file is no choice for this one.
        for choice in ("header", "columns True", "columns False", "columns None"):
            st.session_state.pop(choice, None)

    remember("text", None)
    st.file_uploader(
        f"A file of {known.nouns}",
        type=uploads.endings(),
        key="file",
        on_change=keep,
        help=f"A .txt with one {known.noun} a line, or a .csv, .tsv, .jsonl, .json or .parquet, "
        "each also packed as .gz. Read on this machine only, and forgotten when the page is "
        "closed.",
    )
    kept = st.session_state.get("upload")
    if not kept:
        return [], []
    name, content = kept
    file = choose_form(name, content, known.nouns)
    if not file.columns:
        return [], [f"Choose the column with the {known.nouns}."]
    # Paragraphs are one text: a line break in a cell is a space.
    given = (text and " ".join(text.split()) for text in file.texts())
    texts, remarks = pasted_texts.keep_headlines(given, "Rows without text", known.nouns)
    if not any(file.count()):
        raise PipelineError(f"{name} holds no text")
    st.text(f"{len(texts):,} {known.nouns} from {name}")
    st.text(file.summary())
    return texts, remarks


def choose_form(name: str, content: bytes, nouns: str) -> TextFile:
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
        f"Columns with the {nouns}",
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
