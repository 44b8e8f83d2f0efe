"""The trade-off chart of quality against cost, and the widgets that choose what it shows."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pipeline.analysis.budget import excess
from pipeline.analysis.recommendation import Recommendation
from pipeline.data.remarks import IMBALANCED
from views.charts import frontier
from views.charts.axes import X_AXES, Y_AXES, Axis, axes_of, points, with_costs
from views.parts import choice, names, window
from views.parts.common import PLAIN_CHART, View, chart_key, figures

PRICE = 0.05
NO_RUN = "no other run"
SIZE, LATENCY = "size_mb", "p50_ms"
IMBALANCE = (
    f"The largest class has {IMBALANCED} times the rows of the smallest or more: macro-F1 says "
    "more than accuracy, by which models are recommended."
)


@dataclass(frozen=True)
class Shown:
    """What the trade-off chart shows."""

    views: list[View]
    """The page's run, and perhaps a second one to compare with."""
    x: Axis
    y: Axis
    price: float
    """Price of one core for one hour; used only if the X axis is a cost."""
    others: bool
    """Whether to show figures from the source notebook and the literature."""
    controls: bool
    """Whether to show baselines and ablations."""

    @property
    def frame(self) -> pd.DataFrame:
        return frontier_frame(self.views, self.x, self.y, self.price, self.controls)


def ask_shown(view: View, views: list[View]) -> Shown:
    """Draw the row of widgets below the chart; return what the chart is to show."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        y = ask_y_axis(view, "y")
        x = ask_axis(view, "X axis", "x", X_AXES)
        price = ask_price(view, x)
        other = ask_other_run(view, views)
        shown = [view] + ([other] if other else [])
        # Others' figures exist for accuracy and size only, and for some data sets only.
        data_set = view.data_set
        known = (x.key, y.key) == (SIZE, "accuracy") and bool(data_set.reported)
        others = known and st.toggle(
            "Others' figures",
            key="reported",
            bind="query-params",
            help="What the notebook that this project started from reported, and figures from the "
            "literature: accuracy and size alone, not measured here.",
        )
        return Shown(shown, x, y, price, others, ask_controls(shown))


def show_chart(
    place: DeltaGenerator, shown: Shown, found: Recommendation, opened: tuple[View, str] | None
) -> None:
    """Draw the chart, and below it a caption on its marks.

    Args:
        place: a box as high as the chart, so that nothing moves when the chart is drawn.
        shown: what the chart shows.
        found: the recommendation: the recommended model has a ring, models beyond the limits are
            grey.
        opened: the run and role of the model whose details are open.
    """
    frame, x, y = shown.frame, shown.x, shown.y
    known = shown.views[0].data_set
    if frame.empty:
        place.info(f"No model of this run has both figures: {y.term}, {x.term}.")
        return
    references = frontier.references_frame(
        known.reported if shown.others else {}, known.published if shown.others else ()
    )
    figure = frontier.figure(
        *(frame, references, x, y, marks(shown, found, opened)),
        frontier.Look(narrow=window.is_narrow()),
    )
    place.plotly_chart(
        figure,
        key=(key := chart_key("frontier")),
        on_select=lambda: pick(shown.views, key),
        selection_mode="points",
        config=PLAIN_CHART,
        alt=f"{y.title} against {x.title.lower()} of each model; the table below holds the same "
        "figures, and the box beside this chart opens a model's details.",
    )
    said = [
        "Filled: Pareto-optimal, on the stepped line.",
        "Ring: the recommended model." if found.recommended else "",
        "Grey: beyond the limits." if not found.models["fits"].all() else "",
        f"Bars: 95 % intervals over {counted_over(shown.views, y)}.",
        IMBALANCE if shown.views[0].is_imbalanced else "",
        "Stars and diamonds: figures of others, not measured here." if shown.others else "",
        "Arrows: further off than the chart reaches." if figure.layout.meta["arrows"] else "",
    ]
    st.caption(
        " ".join(filter(None, said)),
        help=f"{shown.views[0].meaning('Pareto-optimal', '95 % interval')} Method: {y.interval}. "
        "Marks that would cover one another stand side by side."
        + ("".join(f" {p.title}: {p.source}." for p in known.published) if shown.others else ""),
    )


def marks(shown: Shown, found: Recommendation, opened: tuple[View, str] | None) -> frontier.Marks:
    """Marks for the recommended model, the opened model, the limits, and models beyond them."""
    budget, view = found.budget, shown.views[0]
    beyond = [
        (v.run.name, role)
        for v in shown.views
        for role in v.table["role"][excess(v.table, budget) > 1 + 1e-9]
    ]
    limits = {SIZE: budget.max_mb, LATENCY: budget.max_ms}
    return frontier.Marks(
        picked=(view.run.name, found.recommended) if found.recommended else None,
        opened=(opened[0].run.name, opened[1]) if opened else None,
        excluded=frozenset(beyond),
        most_x=limits.get(shown.x.key),
        least_y=budget.min_accuracy if shown.y.key == "accuracy" else None,
    )


def counted_over(shown: list[View], y: Axis) -> str:
    """A phrase that says over how many texts the figures of these runs are computed."""
    if y.is_of_examples:
        counts = [
            model.headlines.rows for v in shown for model in v.run.record.models if model.headlines
        ]
        kind = "invented headlines"
    else:
        counts, kind = [len(v.labels) for v in shown], f"test {shown[0].data_set.nouns}"
    return f"{' and '.join(dict.fromkeys(f'{count:,}' for count in counts))} {kind}"


def ask_y_axis(view: View, key: str, width: int | None = 220) -> Axis:
    """Ask for the Y axis; by default accuracy, or macro-F1 if classes are imbalanced."""
    first = "macro_f1" if view.is_imbalanced else "accuracy"
    known = {first: Y_AXES[first], **Y_AXES}
    return ask_axis(view, "Y axis", key, known, width)


def ask_axis(
    view: View, label: str, key: str, known: dict[str, Axis], width: int | None = 220
) -> Axis:
    """Ask what an axis shows; the box's hover explains the current choice.

    Args:
        view: the run.
        label: the box's label.
        key: the box's key, and its name in the URL.
        known: the axes to choose from, the default first.
        width: the box's width in pixels; None: all there is.
    """
    offered = axes_of(known, view.data_set)
    first = next(iter(offered))
    # The box is not drawn yet: when a link is opened, only the URL has its value.
    explained = offered.get(choice.value_of(key, first), offered[first])
    shown = {address: axis.term for address, axis in offered.items()}
    box: dict[str, Any] = {"help": explained.help} | ({"width": width} if width else {})
    return offered[choice.choose(label, shown, key, first, **box) or first]


def ask_price(view: View, x: Axis, key: str = "price") -> float:
    """Ask for the price of one core for one hour; without a cost axis, return the default."""
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
        help=view.meaning("Cost of a million {nouns}"),
    )


def ask_other_run(view: View, views: list[View]) -> View | None:
    """Ask for a second run to compare with; None if there is none."""
    # A toy run's figures say nothing about real data: toy runs are compared only with toy runs.
    toy = view.run.record.toy
    kin = {v.title: v for v in views if v.title != view.title and v.run.record.toy == toy}
    if not kin:
        return None
    title = st.selectbox(
        "Compare with",
        [NO_RUN, *kin],
        key="beside",
        bind="query-params",
        width=180,
        help="A second run, of another family or other settings. Toy runs are never compared with "
        "real ones.",
    )
    return kin.get(title)


def ask_joined(view: View, key: str = "joined") -> View:
    """Ask whether joined models may be recommended; return the view with that answer.

    Args:
        view: the run. If it has no joined models, nothing is drawn.
        key: the widget's key, and its name in the URL.
    """
    if not any(model.is_joined for model in view.run.record.models):
        return view
    asked = st.toggle(
        "Recommend joined models too",
        key=key,
        bind="query-params",
        help="Joined models were trained elsewhere, and were added to this run. The chart always "
        "shows them; with this switch they take part in the recommendation.",
    )
    return view.with_joined() if asked else view


def ask_controls(shown: list[View]) -> bool:
    """Ask whether to show baselines and ablations; False if all models are shown anyway."""
    if all(len(view.without_controls) == len(view.table) for view in shown):
        return False
    return st.toggle(
        "Baselines and ablations",
        key="controls",
        bind="query-params",
        help=shown[0].meaning("No-teacher baseline", "Ablation"),
    )


def frontier_frame(
    shown: list[View], x: Axis, y: Axis, price: float = PRICE, controls: bool = False
) -> pd.DataFrame:
    """Every model of the runs as a point: ``axes.points`` with ``name``, and a front for each run.

    ``controls``: whether baselines and ablations are included.
    """
    parts = []
    for view in shown:
        table = with_costs(view.table if controls else view.without_controls, price)
        part = points(table, figures(view, y.key), x, y)
        parts.append(part.assign(name=part["role"].map(names.names(view.run))))
    return pd.concat(parts, ignore_index=True)


def pick(shown: list[View], key: str) -> None:
    """Open the details of the model whose point was clicked in the chart with this key."""
    clicked = st.session_state[key]["selection"]["points"]
    data = clicked[0].get("customdata", []) if clicked else []
    by_run = {v.run.name: v for v in shown}
    # Points of others' figures have fewer fields, no run and no details.
    if len(data) > 4 and data[3] in by_run:
        st.session_state["model"] = name_of(by_run[data[3]], data[0], shown)


def name_of(view: View, role: str, shown: list[View]) -> str:
    """A model's name in the URL: its role, followed by its run if that is the second one."""
    return role if view is shown[0] else f"{role} of {view.title}"


def split_name(name: str | None, shown: list[View]) -> tuple[View, str] | None:
    """The run and the role that ``name_of`` turns into this name; None if there are none."""
    for view in shown:
        for role in view.table["role"]:
            if name_of(view, role, shown) == name:
                return view, role
    return None
