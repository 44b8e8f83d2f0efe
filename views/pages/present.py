"""The Present page: five slides in large type, with a small bar of controls below."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from pipeline.analysis import takeaway
from pipeline.analysis.budget import Budget
from pipeline.analysis.recommendation import Recommendation, recommend
from views.charts.axes import X_AXES, Axis
from views.parts import slide_keys, slides, window
from views.parts.common import View
from views.parts.limits import ask_others, read_size
from views.parts.tradeoff import ask_axis, ask_joined, ask_price, ask_y_axis

SLIDES = ("Gain", "Recommendation", "Errors", "Try it", "Remember")
_FORMER = {"Trade-off": "Gain", "Deploy": "Recommendation", "Confusion": "Errors"}
"""Old names of slides, which older links use → today's names."""
BROUGHT = ("mb", "ms", "accuracy", "margin", "x", "y", "price", "model", "joined")
"""Query keys that a link carries from the Compare page to this one and back."""

_STYLE = """<style>
[data-testid=stHeader], [data-testid=stSidebar] { display: none; }
[data-testid=stMainBlockContainer] { padding-top: 1rem; padding-bottom: 1rem; }
[data-testid=stBottomBlockContainer] { padding-top: 0.25rem; padding-bottom: 0.5rem; }
@media (min-width: 641px) {
  [data-testid=stMainBlockContainer], [data-testid=stBottomBlockContainer] {
    padding-left: 2.25rem; padding-right: 2.25rem; }
}
[data-testid=stMainBlockContainer] h1 { font-size: clamp(1.9rem, 1rem + 2vw, 3.5rem); }
[data-testid=stMainBlockContainer] h2 { font-size: clamp(1.4rem, 0.9rem + 1.4vw, 2.5rem); }
[data-testid=stMainBlockContainer] h3 { font-size: clamp(1.75rem, 1rem + 1.4vw, 3rem); }
.st-key-memory h2 { font-size: clamp(1.5rem, 1rem + 1.7vw, 3rem); }
.st-key-memory code { font-size: clamp(1rem, 0.6rem + 1vw, 1.75rem); }
.st-key-typed input { font-size: clamp(1.1rem, 0.7rem + 1vw, 1.75rem); }
</style>"""
"""Coming from another page, this style applies at once. Only a page that is opened by its URL is
drawn without it for a moment."""


@dataclass(frozen=True)
class Settings:
    """What the slides show."""

    budget: Budget
    x: Axis
    y: Axis
    price: float
    model: str | None
    """Role of the model whose errors are shown; None: the recommended model."""


def show(view: View, back: st.Page) -> None:
    """Show the page; Exit and Esc lead to the page ``back``."""
    st.html(_STYLE)
    step = st.query_params.get("step", "")
    step = _FORMER.get(step, step)
    place = SLIDES.index(step) if step in SLIDES else 0
    body = st.container()
    view, settings = show_foot(view, place, back)
    found = recommend(view.compared, settings.budget)
    told = takeaway.take_away(found, view.right(), view.comparisons)
    with body:
        show_slide(SLIDES[place], view, settings, found, told)
    if slide_keys.listen(place, len(SLIDES), turn_to):
        leave(back)
    window.watch(side=True)


def show_slide(
    slide: str,
    view: View,
    settings: Settings,
    found: Recommendation,
    told: takeaway.Takeaway,
) -> None:
    chart = slides.Chart(settings.x, settings.y, settings.price, found)
    if slide == "Gain":
        slides.show_gain(view, chart, told)
    elif slide == "Recommendation":
        slides.show_recommendation(view, chart, told, presented("mb"))
    elif slide == "Errors":
        slides.show_errors(view, settings.model or told.role)
    elif slide == "Try it":
        slides.show_answers(view)
    else:
        slides.show_memory(view, told, link(view))


def presented(key: str) -> str:
    """This page's key for the setting that the Compare page calls ``key``.

    The pages need different keys: when a link leads from one page to the other, Streamlit drops
    the values of the widgets that the old page bound to its URL.
    """
    return f"shown_{key}"


def brought() -> dict[str, str]:
    """The query of a link from the Compare page to this one, without the run."""
    return {presented(key): st.query_params[key] for key in BROUGHT if key in st.query_params}


def going_back() -> dict[str, str]:
    """The query of a link from this page back to the Compare page, without the run."""
    return {
        key: st.query_params[presented(key)] for key in BROUGHT if presented(key) in st.query_params
    }


def link(view: View) -> str:
    """The URL of the Compare page with the settings of this presentation, for the audience."""
    own = st.context.url or "http://localhost:8501/present"
    query = {"run": view.title} | going_back()
    return f"{own.rsplit('/', 1)[0]}/compare?{urlencode(query)}"


def turn_to(place: int) -> None:
    st.query_params["step"] = SLIDES[place]


def show_foot(view: View, place: int, back: st.Page) -> tuple[View, Settings]:
    """Show the slide's number, Previous, Next, Settings and Exit.

    Returns:
        The run, with its joined models among the candidates if the user wants that; the settings.
    """
    last = len(SLIDES) - 1
    with st.bottom, st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for icon, label, to in (("chevron_left", "Previous", -1), ("chevron_right", "Next", 1)):
            if to == 1:
                st.text(f"{place + 1} / {len(SLIDES)}", width="content")
            st.button(
                label,
                icon=f":material/{icon}:",
                type="tertiary",
                on_click=turn_to,
                args=(min(max(place + to, 0), last),),
                disabled=not 0 <= place + to <= last,
            )
        st.space("stretch")
        with st.popover("Settings", icon=":material/tune:", type="tertiary"):
            view = ask_joined(view, presented("joined"))
            settings = ask(view)
        if st.button("Exit", icon=":material/close:", type="tertiary"):
            leave(back)
    return view, settings


def leave(back: st.Page) -> None:
    """Go to the page ``back`` with this page's settings; those cleared here are cleared there."""
    query = going_back()
    for key in set(BROUGHT) - set(query):
        for kept in (st.session_state, st.session_state["left"].get(back.url_path, {})):
            kept.pop(key, None)
    run = {"run": st.query_params["run"]} if "run" in st.query_params else {}
    st.switch_page(back, query_params=run | query)


def ask(view: View) -> Settings:
    """Ask for what the slides show; a link from the Compare page sets the first values."""
    bound: dict[str, Any] = {"bind": "query-params"}
    budget = ask_others(read_size(presented("mb")), view.data_set, presented)
    y = ask_y_axis(view, presented("y"), None)
    x = ask_axis(view, "X axis", presented("x"), X_AXES, None)
    price = ask_price(view, x, presented("price"))
    model = st.selectbox(
        "Whose errors",
        list(view.table["role"]),
        index=None,
        placeholder="the recommended model's",
        key=presented("model"),
        **bound,
    )
    return Settings(budget, x, y, price, model)
