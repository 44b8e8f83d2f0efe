"""The dashboard: how small can a text classifier get, and what does each step down cost?

    streamlit run dashboard.py [-- --cache DIR] [--data DIR [--text COLUMN …] [--label COLUMN] …]

This file assembles the pages of views/pages/, one file per page. Pages only arrange widgets:
figures come from pipeline.analysis, charts from views.charts, answers from pipeline.inference.
Text from users or files is shown as data or as plain text, never as markdown. The dashboard does
not import torch, transformers or datasets.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import streamlit as st

from pipeline.data.loading import Asked
from pipeline.data.options import asked_of, labelled_options
from pipeline.errors import UsageError
from pipeline.results.storage import CACHE
from views import sharing
from views.pages import about, calibration, compare, confusion, errors, present, try_it
from views.parts import addresses, choice
from views.parts.common import View, plain, read_cache, stamp


def read_arguments() -> argparse.Namespace:
    """The arguments after ``--`` on Streamlit's command line; an error stops the page."""
    parser = argparse.ArgumentParser(
        prog="streamlit run dashboard.py --", allow_abbrev=False, parents=[labelled_options()]
    )
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of the runs")
    parser.add_argument("--data", help="folder or file of the data set, to show its texts")
    try:
        return parser.parse_args()
    except SystemExit:
        st.error(
            "An option after `--` can't be read; there are `--cache DIR` and `--data DIR`, and, of "
            "the files of `--data`, `--text COLUMN`, `--label COLUMN`, `--test FILE`, `--header` "
            "and `--no-header`."
        )
        st.stop()


def asked_data(arguments: argparse.Namespace) -> Asked:
    """The data that the command line asks for; an error stops the page."""
    try:
        return asked_of(arguments)
    except UsageError as error:
        st.error(plain(str(error)))
        st.stop()


def empty_page(cache: Path) -> None:
    st.header("There is no run to show yet")
    st.text(f"Looked in {cache}")
    st.write("A toy run takes two minutes and needs neither data nor weights:")
    st.code("python -m pipeline run --family toy", language=None)
    st.write("A real one needs the data set and the checkpoints from the Hugging Face Hub:")
    st.code("python -m pipeline run --family bert", language=None)
    st.button("Look again")


def other_runs(lost: str, views: list[View], page: st.Page) -> None:
    """Say that the URL names a missing run, and link to the runs that exist."""
    st.header("This run does not exist")
    st.text(f"The address asks for run {lost}. There are:")
    for view in views:
        st.page_link(page, label=plain(view.title), query_params={"run": view.title})


def choose_view(views: list[View]) -> View:
    by_name = {view.title: view for view in views}
    with st.sidebar:
        view = by_name[st.selectbox("Run", list(by_name), key="run", bind="query-params")]
        trained_on = view.run.record.data.rows["train"]
        st.text(f"Trained on {trained_on:,} rows\nTested on {len(view.labels):,} rows")
    if view.run.record.toy:
        own = view.data_set.learns_examples
        st.warning(
            "Toy run: small random models on a few hundred "
            f"{'invented headlines' if own else plain(view.data_set.nouns)}. Its figures say "
            f"nothing about {'AG News' if own else 'what pretrained ones would do'}."
        )
    return view


def bring_back(page: st.Page) -> None:
    """Restore a page's query parameters if its URL has lost them.

    When the user goes to another page, Streamlit adds a URL of the old page to the browser's
    history, but without the values of its widgets. The browser's Back button leads to that URL.
    If the user has chosen another model on another page since then, this page shows that model.
    """
    left = st.session_state.setdefault("left", {})
    query = {key: st.query_params.get_all(key) for key in st.query_params}
    own = {key: value for key, value in query.items() if key != "run"}  # all pages share the run
    comes = st.session_state.get("page") != page.url_path
    st.session_state["page"] = page.url_path
    if comes and not own and left.get(page.url_path):
        kept = left[page.url_path]
        carried = st.session_state.get(choice.CARRIED, {}).items()
        kept |= {key: [value] for key, value in carried if key in kept and value is not None}
        st.switch_page(page, query_params=query | kept)
    left[page.url_path] = own


# The browser gets this style after its first paint. The style may change links, which arrive even
# later, but it must not move anything that is already on the page.
_STYLE = """<style>
.st-key-actions a { box-shadow: inset 0 0 0 1px rgba(128, 128, 128, 0.45); border-radius: 0.5rem;
  justify-content: center; min-height: 2.5rem; margin: 0; }
.st-key-actions [data-testid=stElementContainer] { margin: 0; }
</style>"""


def show() -> None:
    """Run the script once: show the page that the URL asks for."""
    st.set_page_config(
        page_title="Small text classifiers", layout="wide", initial_sidebar_state="collapsed"
    )
    if st.session_state.setdefault("fresh", True):
        # The browser lays out an empty page as narrow until it learns that the layout is wide.
        # Content that arrives at the same moment would count as a layout shift.
        time.sleep(0.06)
        st.session_state["fresh"] = False
    st.html(_STYLE)
    arguments = read_arguments()
    asked = asked_data(arguments)
    cache = arguments.cache.expanduser().absolute()
    views, problems = read_cache(cache, stamp(cache, "*/run.json", "*/predictions/*"))
    views = [replace(view, asked=asked) for view in views]
    if problems:
        st.warning("Not every run in the cache is whole:")
        st.code("\n".join(problems), language=None, wrap_lines=True)
    # A page's arguments are known only when it runs, hence the lambdas. Pages have no icons: the
    # browser's tab would show the icon too, and the browser would load it from another host.
    pages = {
        page.url_path: page
        for page in (
            st.Page(lambda: compare.show(view, views, pages), title="Compare", url_path="compare"),
            st.Page(lambda: try_it.show(view), title="Try it", url_path="try"),
            st.Page(lambda: errors.show(view), title="Errors", url_path="errors"),
            st.Page(lambda: confusion.show(view), title="Confusion", url_path="confusion"),
            st.Page(lambda: calibration.show(view), title="Calibration", url_path="calibration"),
            st.Page(lambda: about.show(view), title="About", url_path="about"),
            st.Page(
                lambda: present.show(view, pages["compare"]),
                title="Present",
                url_path="present",
            ),
        )
    }
    # Streamlit's default page has no URL path of its own, so it only redirects to the first page.
    # So does /frontier, which was the first page's path in the past.
    ways = [
        st.Page(lambda: None, title="Home", default=True, visibility="hidden"),
        st.Page(lambda: None, title="Frontier", url_path="frontier", visibility="hidden"),
    ]
    page = st.navigation([*ways, *pages.values()], position="top")
    if page in ways:
        query = {key: st.query_params.get_all(key) for key in st.query_params}
        st.switch_page(pages["compare"], query_params=query)
    bring_back(page)
    if page == pages["present"]:
        st.navigation([*ways, *pages.values()], position="hidden")
    if views and (lost := addresses.missing("run", [view.title for view in views])):
        other_runs(lost[0], views, page)
    elif views:
        view = choose_view(views)
        page.run()
    else:
        empty_page(cache)


if __name__ == "__main__":  # Streamlit runs the script this way for every page
    show()
else:  # the server imports this module when it starts
    app = st.App(__file__, lifespan=sharing.announced, middleware=sharing.MIDDLEWARE)
