"""The chart of quality against cost, and the widgets that say what is in it."""

import pandas as pd
import streamlit as st

from views.charts import frontier
from views.charts.axes import X_AXES, Y_AXES, Axis, points, with_costs
from views.glossary import meaning
from views.parts import window
from views.parts.common import PLAIN_CHART, View, chart_key, figures

PRICE = 0.05
NO_RUN = "no other run"


def show_chart(view: View, views: list[View]) -> tuple[list[View], pd.DataFrame, float]:
    """The widgets and the chart; returns the runs in it, its points and the price of a core."""
    with st.container(horizontal=True):
        y, x, price = ask_axes()
    place = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        other = ask_other_run(view, views)
        # What others say is of accuracy and size alone, on some data sets.
        known, both = view.data_set, (x.key, y.key) == ("size_mb", "accuracy")
        foreign = both and bool(known.published)
        overlay = both and bool(known.reported) and ask_overlay()
        shown = [view] + ([other] if other else [])
        controls = ask_controls(shown)
    frame = frontier_frame(shown, x, y, price, controls)
    if frame.empty:
        place.info(f"No model of this run has both figures: {y.term}, {x.term}.")
        return shown, frame, price
    # The box that holds it comes below: as a link is opened, only the address knows it yet.
    named = {"model": st.query_params.get("model"), **st.session_state}["model"]
    chosen = split_name(named, shown)
    references = frontier.references_frame(
        known.reported if overlay else {}, known.published if foreign else ()
    )
    ringed = chosen and (chosen[0].run.name, chosen[1])
    figure = frontier.figure(frame, references, x, y, ringed, narrow=window.is_narrow())
    place.plotly_chart(
        figure,
        key=(key := chart_key("frontier")),
        on_select=lambda: pick(shown, key),
        selection_mode="points",
        config=PLAIN_CHART,
        alt=f"{y.title} against {x.title.lower()} of each model; the table below holds the same "
        "figures, and the box under this chart opens a model's card.",
    )
    told = "Stars: published figures, not measured here. " if foreign else ""
    if len(figure.layout.annotations) < len(frame) + len(references):
        told += "Names that found no room: point at the mark. "
    place.caption(
        "Filled: on the Pareto front, the stepped line. Hollow: beaten by one that is both cheaper "
        f"and better. {told}Arrows: further off than the chart reaches. Bars: 95 % intervals over "
        f"{counted_over(shown, y)}.",
        help=f"{meaning('Pareto front')} {meaning('95 % interval')} Method: {y.interval}."
        + ("".join(f" {p.title}: {p.source}." for p in known.published) if foreign else ""),
    )
    return shown, frame, price


def counted_over(shown: list[View], y: Axis) -> str:
    """How many headlines the figures of these runs are of."""
    if y.key == "headlines":
        counts = [
            model.headlines["rows"]
            for v in shown
            for model in v.run.record.models
            if model.headlines
        ]
        kind, nouns = "invented", "headlines"
    else:
        counts, kind = [len(v.labels) for v in shown], "test"
        nouns = shown[0].data_set.nouns
    return f"{' and '.join(dict.fromkeys(f'{count:,}' for count in counts))} {kind} {nouns}"


def ask_axes() -> tuple[Axis, Axis, float]:
    axes = []
    for label, key, known in (("Up", "y", Y_AXES), ("Across", "x", X_AXES)):
        by_term = {axis.term: axis for axis in known.values()}
        chosen = st.selectbox(
            label,
            list(by_term),
            key=key,
            bind="query-params",
            width=240,
            help="\n\n".join(f"**{axis.term}**: {axis.help}" for axis in known.values()),
        )
        axes.append(by_term[chosen])
    return *axes, ask_price(axes[1])


def ask_price(x: Axis, key: str = "price") -> float:
    """The price of a core for an hour, asked for where it matters."""
    if x.key != "cost":
        return PRICE
    return st.number_input(
        "Price of a core-hour",
        min_value=0.0001,
        value=PRICE,
        step=0.01,
        format="%.4f",
        key=key,
        bind="query-params",
        width=150,
        help=meaning("Cost of a million headlines"),
    )


def ask_other_run(view: View, views: list[View]) -> View | None:
    """The run that is put beside this one."""
    # A toy run's figures say nothing about AG News: it is never put beside one that does.
    kin = {v.title: v for v in views if v is not view and v.run.record.toy == view.run.record.toy}
    if not kin:
        return None
    title = st.selectbox(
        "Beside it",
        [NO_RUN, *kin],
        key="beside",
        bind="query-params",
        width=220,
        help="A second run, of another family or other settings. Toy runs and runs on AG News are "
        "never put side by side.",
    )
    return kin.get(title)


def ask_overlay() -> bool:
    """Whether to show what the source notebook reported."""
    return st.toggle(
        "Source notebook",
        True,
        key="reported",
        bind="query-params",
        help="What the notebook that this project started from reported: accuracy and size alone, "
        "not measured here. Three mistakes in it are named below.",
    )


def ask_controls(shown: list[View]) -> bool:
    """Whether to show what is there to compare with, if there is any."""
    if all(len(view.candidates) == len(view.table) for view in shown):
        return False
    return st.toggle(
        "Baselines and ablations",
        key="controls",
        bind="query-params",
        help=f"{meaning('No-teacher baseline')} {meaning('Ablation')}",
    )


def frontier_frame(
    shown: list[View], x: Axis, y: Axis, price: float = PRICE, controls: bool = False
) -> pd.DataFrame:
    """Every model of the runs as a point; the front is each run's own.

    ``controls``: baselines and ablations, too.
    """
    tables = [(view, view.table if controls else view.candidates) for view in shown]
    parts = [points(with_costs(t, price), figures(v, y.key), x, y) for v, t in tables]
    return pd.concat(parts, ignore_index=True)


def pick(shown: list[View], key: str) -> None:
    """A click on a point of the chart of this key chooses its model."""
    clicked = st.session_state[key]["selection"]["points"]
    data = clicked[0].get("customdata", []) if clicked else []
    if len(data) == 5:  # what others say has no run, and no card
        role, run = data[0], data[3]
        names = {v.run.name: v for v in shown}
        if run in names:
            st.session_state["model"] = name_of(names[run], role, shown)


def name_of(view: View, role: str, shown: list[View]) -> str:
    """A model's name in the box and in the address: its role, and its run if it is the second."""
    return role if view is shown[0] else f"{role} of {view.title}"


def split_name(name: str | None, shown: list[View]) -> tuple[View, str] | None:
    """The run and the role that ``name_of`` gave this name."""
    for view in shown:
        for role in view.table["role"]:
            if name_of(view, role, shown) == name:
                return view, role
    return None
