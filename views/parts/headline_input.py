"""The inputs of Try it: a box for one line, a box for many lines, the URL, and a file."""

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

# Mail programs and chats cut longer links, so texts with more characters are left out of the URL.
MAX_LINK = 500
_SOURCES = ("One {noun}", "Many {nouns}", "Upload")
"""Titles of the tabs; URLs contain them, too."""
NO_EXAMPLES = "There are no examples: the texts of this data set were not found."
_SEVERAL = {"10 examples": 10, "200 examples": 200}
_TEXT = 112
"""Height of the box of many lines in pixels. A browser loads each kind of widget when it first
needs it, and until then reserves one line: a fixed height keeps the page from moving."""


def ask_for(view: View) -> tuple[list[str], list[str], DeltaGenerator]:
    """Draw the tabs; return the open tab's texts, remarks on them, and its row of buttons."""
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
    """Open the tab that the URL asks for, before the tabs are drawn.

    A link with several lines opens the tab of many texts. It stays open when the lines become too
    long for the URL. Titles contain the noun of a data set, so after a change of the data set the
    first word of the old title tells which tab it was.
    """
    asked, state = st.query_params.get("source"), st.session_state
    by_word = {tab.split()[0]: tab for tab in tabs}
    for named in (state.get("source"), asked):
        if named and named not in tabs and (tab := by_word.get(named.partition(" ")[0])):
            state["source"] = tab
    if "\n" in st.query_params.get("text", "").strip() and not (asked or "source" in state):
        state["source"] = tabs[1]


def ask_for_one(view: View) -> tuple[str, DeltaGenerator]:
    """Draw the one-line box, where Enter classifies; return its text and the row of buttons."""
    known, found = view.data_set, examples.of_run(view)
    first = found.first_line()
    start("line", first, lambda text: text.strip().split("\n")[0])

    def draw() -> None:
        st.session_state["line"] = examples.draw(view, st.session_state["example"])

    # On a phone, columns stand one below the other, so the box keeps its width.
    left, right = st.columns([5, 3], vertical_alignment="bottom")
    # Without a label, the box is as high as the space that is reserved while it loads.
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
    """Draw the box of many lines; return its text and the row of buttons below it."""
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
    """Draw the menu of examples, or a remark that there are none.

    A long menu is a select box that can be searched.

    Args:
        found: the run's examples.
        menu: the options.
        key: the widget's key.
        draw: is called when an option is chosen.
    """
    help = plain(found.source) or None

    def draw_and_clear() -> None:
        if st.session_state[key] is not None:
            draw()
        st.session_state[key] = None  # so that the same option can be chosen again

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
    """Fill a box when it is first shown: from the URL, else with ``first``.

    When another run is chosen, its examples replace those of the run before, but never a text that
    somebody typed.
    """
    state, before = st.session_state, f"{key} at first"
    if key not in state:
        given = st.query_params.get("text")
        state[key] = first if given is None else of_address(given)
    elif state[key] == state.get(before):
        state[key] = first
    state[before] = first


def ask_for_file(known: DataSet) -> tuple[list[str], list[str]]:
    """Return an uploaded file's texts and remarks; if it can't be read, show why."""
    try:
        return upload(known)
    except PipelineError as error:
        st.warning("That file can't be used:")
        st.code(str(error), language=None, wrap_lines=True)
        return [], []


def upload(known: DataSet) -> tuple[list[str], list[str]]:
    """Ask for a file; return its texts and remarks. The file is kept while other pages are open.

    Raises:
        PipelineError: the file can't be read or holds no text.
    """

    def keep() -> None:
        file = st.session_state["file"]
        st.session_state["upload"] = file and (file.name, file.getvalue())
        # Settings of the last file don't apply to this one.
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
    # A cell is one text: its line breaks become spaces.
    given = (text and " ".join(text.split()) for text in file.texts())
    texts, remarks = pasted_texts.keep_headlines(given, "Rows without text", known.nouns)
    if not any(file.count()):
        raise PipelineError(f"{name} holds no text")
    st.text(f"{len(texts):,} {known.nouns} from {name}")
    st.text(file.summary())
    return texts, remarks


def choose_form(name: str, content: bytes, nouns: str) -> TextFile:
    """Open an uploaded file; widgets can correct its header and the columns of its texts.

    The file has no columns if nobody has chosen one.
    """
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
    # With another header, the options change, so the key does: the widget starts anew.
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
