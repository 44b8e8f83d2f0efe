"""Before an audience: large type, one thing at a time, next and previous, also by arrow keys."""

import streamlit as st

from pipeline.analysis import metrics
from pipeline.analysis.budget import MARGIN, Budget
from pipeline.analysis.recommendation import Recommendation, recommend, sentence
from views.charts import confusion, frontier
from views.charts.axes import X_AXES, Y_AXES, Axis
from views.pages import try_it
from views.parts import window
from views.parts.common import PLAIN_CHART, View, chart_key, plain
from views.parts.limits import ask_limits
from views.parts.tradeoff import ask_price, frontier_frame

FONT = 16
"""Pixels, of text in charts."""
HEIGHT, _AROUND = 470, 250
"""Pixels: of a chart at least, and of what is above and below it. On a projector of 1280×720, they
leave nothing to scroll to; on a larger screen the chart fills it."""
_NAMES = 100
"""Pixels, of the models' names above their matrices."""
STEPS = ["Trade-off", "Deploy", "Confusion", "Try it"]
BROUGHT = ("mb", "ms", "accuracy", "margin", "x", "y", "price", "model")
"""Keys of what comes along from the Frontier page and goes back there."""


def show(view: View, back) -> None:
    """The page; ``back`` is the one to return to."""
    step = st.query_params.get("step")
    step = step if step in STEPS else STEPS[0]
    show_steps(step, back)
    body = st.container()
    budget, x, y, price, chosen = ask(view)
    height = max(HEIGHT, window.shorter_side() - _AROUND)
    found = recommend(view.compared, budget)
    role = chosen or found.recommended or found.nearest
    with body:
        if step == "Trade-off":
            show_frontier(view, x, y, price, role, height)
        elif step == "Deploy":
            show_recommendation(view, found)
        elif step == "Confusion":
            show_confusion(view, role, height - _NAMES)
        else:
            try_it.show(view)
    window.watch(side=True)


def presented(key: str) -> str:
    """The presenting page's key for what is ``key`` on the Frontier page.

    The same key on both would do in an address, but not over a link from one page to the other:
    there, Streamlit takes a bound widget's value for gone with the page that is left.
    """
    return f"shown_{key}"


def told(budget: Budget) -> dict[str, str]:
    """What a link from the Frontier page tells this one; the run is in every page's address."""
    limits = {
        "mb": budget.max_mb,
        "ms": budget.max_ms,
        "accuracy": None if budget.min_accuracy is None else 100 * budget.min_accuracy,
        "margin": None if budget.margin == MARGIN else 100 * budget.margin,
    }
    values = {key: limits.get(key, st.session_state.get(key)) for key in BROUGHT}
    # Of what is as ever an address says nothing. Streamlit would take it out again, and leave each
    # step of that in the browser's history.
    usual = {"x": next(iter(X_AXES.values())).term, "y": next(iter(Y_AXES.values())).term}
    return {
        presented(key): f"{value:g}" if isinstance(value, float) else value
        for key, value in values.items()
        if value not in (None, usual.get(key))
    }


def show_steps(step: str, back) -> None:
    """Previous, where we are, next, and the way out."""
    place = STEPS.index(step)

    def go(by: int) -> None:
        st.query_params["step"] = STEPS[place + by]

    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="center"):
        st.button(
            "Previous",
            on_click=go,
            args=(-1,),
            disabled=place == 0,
            shortcut="Left",
        )
        st.text(f"{place + 1} of {len(STEPS)}: {step}")
        st.button(
            "Next",
            on_click=go,
            args=(1,),
            disabled=place == len(STEPS) - 1,
            shortcut="Right",
        )
        going_back = {
            key: st.query_params[presented(key)]
            for key in BROUGHT
            if presented(key) in st.query_params
        }
        for key in set(BROUGHT) - set(going_back):  # lifted here, so there as well
            for kept in (st.session_state, st.session_state["left"].get(back.url_path, {})):
                kept.pop(key, None)
        st.page_link(back, label="Leave", icon=":material/close:", query_params=going_back)


def ask(view: View):
    """What is presented; the Frontier page's link carries it here."""
    with st.expander("What is presented"), st.container(horizontal=True):
        bound = {"bind": "query-params", "width": 200}
        budget = ask_limits(presented, width=200)
        across, up = ({axis.term: axis for axis in axes.values()} for axes in (X_AXES, Y_AXES))
        x = st.selectbox("Across", list(across), key=presented("x"), **bound)
        y = st.selectbox("Up", list(up), key=presented("y"), **bound)
        price = ask_price(across[x], presented("price"))
        chosen = st.selectbox(
            "Model",
            list(view.table["role"]),
            index=None,
            placeholder="the one to deploy",
            key=presented("model"),
            **bound,
        )
    return budget, across[x], up[y], price, chosen


def show_frontier(view: View, x: Axis, y: Axis, price: float, role: str, height: int) -> None:
    st.title(f"{y.term} against {x.term[0].lower()}{x.term[1:]}", anchor=False)
    frame = frontier_frame([view], x, y, price)
    if frame.empty:
        st.header("No model of this run has these figures.", anchor=False)
        return
    st.plotly_chart(
        frontier.figure(
            *(frame, None, x, y, (view.run.name, role)),
            height=height,
            font=FONT,
            narrow=window.is_narrow(),
        ),
        key=chart_key("presented"),
        config=PLAIN_CHART,
        alt=f"{y.title} against {x.title.lower()} of each model.",
    )


def show_recommendation(view: View, found: Recommendation) -> None:
    st.title(plain(found.recommended or "Nothing fits"), anchor=False)
    # The first sentence is the answer, the rest says how far it is to be trusted.
    st.header(plain(sentence(found)), anchor=False, divider=False)


def show_confusion(view: View, role: str, height: int) -> None:
    st.title("Which classes are mistaken for which?", anchor=False)
    names = view.run.labels
    roles = dict.fromkeys(r for r in ("teacher", role) if r in view.probabilities)
    for role, column in zip(roles, st.columns(len(roles)), strict=True):
        predicted = view.probabilities[role].argmax(axis=1)
        figure = confusion.figure(metrics.confusion(view.labels, predicted, names), True)
        figure.update_traces(textfont_size=FONT + 4, selector={"type": "heatmap"})
        figure.update_layout(height=height)
        for update in (figure.update_xaxes, figure.update_yaxes):
            update(tickfont_size=FONT, title_font_size=FONT, automargin=True)
        with column:
            st.header(plain(role), anchor=False)
            st.plotly_chart(
                figure,
                key=chart_key(f"presented-{role}"),
                config=PLAIN_CHART,
                alt=f"Confusion matrix of {role}: true classes down, predicted ones across.",
            )
