"""The dashboard: how small can a news classifier get, and what does each step down cost?

    streamlit run dashboard.py [-- --cache DIR] [--data DIR]

This file assembles the pages, which are in views/, one a page. They hold pages and widgets only:
figures come from pipeline.analysis, charts from views.charts, answers from pipeline.inference.
What people or files bring is shown as data or as plain text, never as markdown. Neither torch nor
transformers nor datasets is imported here.
"""

import argparse
from pathlib import Path

import streamlit as st

from pipeline.results.storage import CACHE
from views import sharing
from views.pages import about, calibration, confusion, errors, frontier, present, try_it
from views.parts import addresses
from views.parts.common import View, plain, read_cache, stamp


def read_arguments() -> argparse.Namespace:
    """What stands after -- on Streamlit's command line."""
    parser = argparse.ArgumentParser(prog="streamlit run dashboard.py --", allow_abbrev=False)
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of the runs")
    parser.add_argument("--data", type=Path, help="folder of the data set, to show its headlines")
    try:
        return parser.parse_args()
    except SystemExit:
        st.error("An option after `--` can't be read; there are `--cache DIR` and `--data DIR`.")
        st.stop()


def empty_page(cache: Path) -> None:
    st.header("There is no run to show yet")
    st.text(f"Looked in {cache}")
    st.write("Two minutes make a toy run, with nothing at hand:")
    st.code("python -m pipeline run --family toy", language=None)
    st.write("A real one needs the data set and the checkpoints from the Hugging Face Hub:")
    st.code("python -m pipeline run --family bert", language=None)
    st.button("Look again")


def other_runs(lost: str, views: list[View], page: st.Page) -> None:
    """Say that an address names a run that is not there, and show the way to those that are."""
    st.header("This run is not there")
    st.text(f"The address asks for run {lost}. There are:")
    for view in views:
        st.page_link(page, label=plain(view.title), query_params={"run": view.title})


def choose_view(views: list[View]) -> View:
    by_name = {view.title: view for view in views}
    with st.sidebar:
        view = by_name[st.selectbox("Run", list(by_name), key="run", bind="query-params")]
        st.text(f"Trained on {view.train_rows:,} rows\nTested on {len(view.labels):,} rows")
    if view.run.record.toy:
        st.warning(
            "Toy run: small random models on a few hundred invented headlines. Its figures say "
            "nothing about AG News."
        )
    return view


def bring_back(page: st.Page) -> None:
    """Come back to a page as it was left, where its address has lost that.

    On the way from page to page, Streamlit puts into the browser's history an address of the page
    that is left, without what its widgets hold: that is where the browser's Back leads.
    """
    left = st.session_state.setdefault("left", {})
    query = {key: st.query_params.get_all(key) for key in st.query_params}
    own = {key: value for key, value in query.items() if key != "run"}  # which all pages share
    comes = st.session_state.get("page") != page.url_path
    st.session_state["page"] = page.url_path
    if comes and not own and left.get(page.url_path):
        st.switch_page(page, query_params=query | left[page.url_path])
    left[page.url_path] = own


def show() -> None:
    """One run of the script: the page that an address asks for."""
    st.set_page_config(page_title="Small news classifiers", layout="wide")
    arguments = read_arguments()
    cache = arguments.cache.expanduser().absolute()
    views, problems = read_cache(cache, stamp(cache, "*/run.json", "*/predictions/*"))
    if problems:
        st.warning("Not every run in the cache is whole:")
        st.code("\n".join(problems), language=None, wrap_lines=True)
    # One line a page. What a page is called with is known only when it runs, hence the lambdas.
    pages = [
        st.Page(
            lambda: frontier.show(view, views, present_page), title="Frontier", url_path="frontier"
        ),
        st.Page(
            lambda: confusion.show(view, arguments.data), title="Confusion", url_path="confusion"
        ),
        st.Page(lambda: errors.show(view, arguments.data), title="Errors", url_path="errors"),
        st.Page(lambda: calibration.show(view), title="Calibration", url_path="calibration"),
        st.Page(lambda: try_it.show(view), title="Try it", url_path="try"),
        st.Page(lambda: about.show(view), title="About the run", url_path="about"),
    ]
    present_page = st.Page(
        lambda: present.show(view, pages[0]),
        title="Present",
        url_path="present",
        visibility="hidden",
    )
    # A default page has no address of its own, so the default is but a way to the first one.
    home = st.Page(lambda: None, title="Home", default=True, visibility="hidden")
    page = st.navigation([home, *pages, present_page])
    if page == home:
        st.switch_page(pages[0], query_params=st.query_params.to_dict())
    bring_back(page)
    presenting = page == present_page
    if presenting:
        st.navigation([home, *pages, present_page], position="hidden")
    # Said on every page: a browser keeps the sidebar as the page before had it.
    st.set_page_config(initial_sidebar_state="collapsed" if presenting else "auto")
    if views and (lost := addresses.missing("run", [view.title for view in views])):
        other_runs(lost[0], views, page)
    elif views:
        view = choose_view(views)
        page.run()
    else:
        empty_page(cache)


if __name__ == "__main__":  # so Streamlit runs it for every page
    show()
else:  # and so the server imports it as it starts
    app = st.App(__file__, lifespan=sharing.announced, middleware=sharing.MIDDLEWARE)
