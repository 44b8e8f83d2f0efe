"""Before an audience: five slides in large type, and nothing beside them but the page number."""

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
from views.parts.tradeoff import ask_axis, ask_price, ask_y_axis

SLIDES = ("Gain", "Recommendation", "Errors", "Try it", "Remember")
_FORMER = {"Trade-off": "Gain", "Deploy": "Recommendation", "Confusion": "Errors"}
"""What older links call some of them."""
BROUGHT = ("mb", "ms", "accuracy", "margin", "x", "y", "price", "model")
"""Keys of what comes along from the Compare page and goes back there."""

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
"""It is there at once on the way from another page; only a page that is opened by its address is
drawn without it for a moment."""


@dataclass(frozen=True)
class Settings:
    """What is presented."""

    budget: Budget
    x: Axis
    y: Axis
    price: float
    model: str | None
    """Role of the model whose errors are shown; None: the recommended one."""


def show(view: View, back: st.Page) -> None:
    """The page; ``back`` is the one to return to."""
    st.html(_STYLE)
    step = st.query_params.get("step", "")
    step = _FORMER.get(step, step)
    place = SLIDES.index(step) if step in SLIDES else 0
    body = st.container()
    settings = show_foot(view, place, back)
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
    """This page's key for what is ``key`` on the Compare page.

    The same key on both would do in an address, but not over a link from one page to the other:
    there, Streamlit takes a bound widget's value for gone with the page that is left.
    """
    return f"shown_{key}"


def brought() -> dict[str, str]:
    """What a link from the Compare page brings here; the run is in every page's address."""
    return {presented(key): st.query_params[key] for key in BROUGHT if key in st.query_params}


def going_back() -> dict[str, str]:
    """What a link to the Compare page brings back there."""
    return {
        key: st.query_params[presented(key)] for key in BROUGHT if presented(key) in st.query_params
    }


def link(view: View) -> str:
    """The address of the Compare page with what is presented, to be read out or typed."""
    own = st.context.url or "http://localhost:8501/present"
    query = {"run": view.title} | going_back()
    return f"{own.rsplit('/', 1)[0]}/compare?{urlencode(query)}"


def turn_to(place: int) -> None:
    st.query_params["step"] = SLIDES[place]


def show_foot(view: View, place: int, back: st.Page) -> Settings:
    """Where we are, the way on by mouse or finger, the settings, and the way out."""
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
            settings = ask(view)
        if st.button("Exit", icon=":material/close:", type="tertiary"):
            leave(back)
    return settings


def leave(back: st.Page) -> None:
    """To the page before; a limit that was lifted here is lifted there, too."""
    query = going_back()
    for key in set(BROUGHT) - set(query):
        for kept in (st.session_state, st.session_state["left"].get(back.url_path, {})):
            kept.pop(key, None)
    run = {"run": st.query_params["run"]} if "run" in st.query_params else {}
    st.switch_page(back, query_params=run | query)


def ask(view: View) -> Settings:
    """What is presented; the Compare page's link brings it here."""
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
