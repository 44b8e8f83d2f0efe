"""Quality against cost: the chart, the model to deploy, any model's card, two runs compared."""

import pandas as pd
import streamlit as st

from pipeline import analysis, charts, comparison
from pipeline.axes import X_AXES, Y_AXES, Axis, points, with_costs
from pipeline.budget import Budget, decide, sentence
from pipeline.families import PUBLISHED, REPORTED, SOURCE_MISTAKES
from pipeline.glossary import meaning
from views import card
from views.common import (
    PAIRED_TEST,
    PLAIN_CHART,
    SIGNIFICANT,
    View,
    chart_key,
    download,
    figures,
    number,
)

PRICE = 0.05
NO_RUN = "no other run"


def show(view: View, views: list[View], present) -> None:
    """The page; ``views`` are all runs, ``present`` is the page that presents."""
    st.header("What does each step down in size cost?")
    left, right = st.columns([2, 1], gap="medium")
    with right:
        budget = ask_budget()
        show_verdict(view, budget)
        st.page_link(
            present,
            label="Present this",
            icon=":material/slideshow:",
            query_params=address_of(budget),
        )
    with left:
        shown, frame, price = show_chart(view, views)
    show_card(shown, price)
    if len(shown) == 2:
        show_comparison(*shown)
    show_table(view, frame, price)
    if not view.run.record.toy:
        lines = "\n".join(f"- {mistake}" for mistake in SOURCE_MISTAKES)
        st.info(f"**The source notebook's figures carry three mistakes:**\n{lines}")


# --- the model to deploy --------------------------------------------------------------------------


def ask_budget() -> Budget:
    """The three limits; each may be left empty."""
    st.markdown(
        "**Which one to deploy?**",
        help="Of the models within the budget, the most accurate. The others within it are "
        "compared with it by McNemar's test, with Holm's correction; of those that are tied "
        "with it, the smallest is named too. " + meaning("Tied"),
    )
    limit = {"value": None, "placeholder": "no limit", "min_value": 0.0, "format": "%g"}
    limit |= {"bind": "query-params"}
    mb = st.number_input("At most, MB", step=5.0, key="mb", help=meaning("Size"), **limit)
    ms = st.number_input("At most, ms", step=1.0, key="ms", help=meaning("Latency p50"), **limit)
    accuracy = st.number_input(
        "At least, % right",
        max_value=100.0,
        step=0.5,
        key="accuracy",
        help=meaning("Accuracy"),
        **limit,
    )
    return Budget(mb, ms, None if accuracy is None else accuracy / 100)


def show_verdict(view: View, budget: Budget) -> None:
    verdict = decide(view.candidates, view.right(), budget)
    said = sentence(verdict, view.candidates, budget, len(view.labels))
    with st.container(border=True):
        st.text(said)


def presented(key: str) -> str:
    """The presenting page's key for what is ``key`` here.

    The same key on both would do in an address, but not over a link from one page to the other:
    there, Streamlit takes a bound widget's value for gone with the page that is left.
    """
    return f"shown_{key}"


def address_of(budget: Budget) -> dict[str, str]:
    """What the presenting page is told of this one; the run stays in every page's address."""
    told = {
        "mb": budget.max_mb,
        "ms": budget.max_ms,
        "accuracy": None if budget.min_accuracy is None else 100 * budget.min_accuracy,
        **{key: st.session_state.get(key) for key in ("x", "y", "price", "model")},
    }
    return {
        presented(key): f"{value:g}" if isinstance(value, float) else value
        for key, value in told.items()
        if value is not None
    }


# --- the chart ------------------------------------------------------------------------------------


def show_chart(view: View, views: list[View]) -> tuple[list[View], pd.DataFrame, float]:
    """The widgets and the chart; returns the runs in it, its points and the price of a core."""
    with st.container(horizontal=True):
        y, x, price = ask_axes()
    place = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        other = ask_other_run(view, views)
        # What others say is of accuracy and size alone, and none of it of a toy.
        foreign = (x.key, y.key) == ("size_mb", "accuracy") and not view.run.record.toy
        overlay = foreign and ask_overlay()
        shown = [view] + ([other] if other else [])
        controls = ask_controls(shown)
    frame = frontier_frame(shown, x, y, price, controls)
    if frame.empty:
        place.info(f"No model of this run has a figure for: {x.title}.")
        return shown, frame, price
    # The box that holds it comes below: as a link is opened, only the address knows it yet.
    asked = {"model": st.query_params.get("model"), **st.session_state}["model"]
    chosen = split_name(asked, shown)
    place.plotly_chart(
        charts.frontier(
            frame,
            charts.references_frame(REPORTED if overlay else {}, PUBLISHED if foreign else ()),
            x,
            y,
            chosen and (chosen[0].run.name, chosen[1]),
        ),
        key=(key := chart_key("frontier")),
        on_select=lambda: pick(shown, key),
        selection_mode="points",
        config=PLAIN_CHART,
        alt=f"{y.title} against {x.title.lower()} of each model; the table below holds the same "
        "figures, and the box under this chart opens a model's card.",
    )
    rows = " and ".join(dict.fromkeys(f"{len(v.labels):,}" for v in shown))
    told = "Stars: published figures, not measured here. " if foreign else ""
    place.caption(
        "Filled: on the Pareto front, the stepped line. Hollow: beaten by one that is both cheaper "
        f"and better. {told}Arrows: further off than the chart reaches. Bars: 95 % intervals over "
        f"{rows} test headlines.",
        help=f"{meaning('Pareto front')} {meaning('95 % interval')} Method: {y.interval}."
        + ("".join(f" {p.title}: {p.source}." for p in PUBLISHED) if foreign else ""),
    )
    return shown, frame, price


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
    """Whether to show the controls, if there is any."""
    if all(len(view.candidates) == len(view.table) for view in shown):
        return False
    return st.toggle(
        "Controls (no teacher)", key="controls", bind="query-params", help=meaning("Control")
    )


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


def frontier_frame(
    shown: list[View], x: Axis, y: Axis, price: float = PRICE, controls: bool = False
) -> pd.DataFrame:
    """Every model of the runs as a point, the controls if asked; the front is each run's own."""
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


# --- one model ------------------------------------------------------------------------------------


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


def show_card(shown: list[View], price: float) -> None:
    names = [name_of(view, role, shown) for view in shown for role in view.table["role"]]
    name = st.selectbox(
        "A model's card",
        names,
        index=None,
        placeholder="Click a point in the chart, or choose a model here",
        key="model",
        bind="query-params",
    )
    if chosen := split_name(name, shown):
        card.show(*chosen, price)


# --- two runs -------------------------------------------------------------------------------------


def show_comparison(one: View, other: View) -> None:
    st.subheader("Role by role")
    paired = one.same_rows(other)
    rights = (one.right(), other.right()) if paired else (None, None)
    table = comparison.by_role(one.table, other.table, *rights)
    if table.empty:
        st.info("The two runs share no role.")
        return
    st.text(f"{other.title} less {one.title}, in points of accuracy.")
    if not paired:
        st.info(
            "The two were tested on different rows, so their models can't be paired: there is "
            "neither an interval of the difference nor a test."
        )
    shares = ["accuracy_one", "accuracy_other", "difference", "low", "high"]
    shown = table.assign(**{name: 100 * table[name] for name in shares})
    shown["interval"] = [
        f"{charts.signed(row.low, 1)} to {charts.signed(row.high, 1)}" if paired else ""
        for row in shown.itertuples()
    ]
    shown["difference"] = [charts.signed(points, 1) for points in shown["difference"]]
    shown["p"] = shown["p"].map(card.p_words)
    names = f"{one.title}: ", f"{other.title}: "
    columns = {
        "role": st.column_config.TextColumn("Role", pinned=True),
        "difference": "Difference, points",
        "interval": "95 % interval",
        "p": st.column_config.TextColumn("p (McNemar, Holm)", help=PAIRED_TEST),
    }
    for suffix, name in zip(("one", "other"), names, strict=True):
        columns |= {
            f"accuracy_{suffix}": number(f"{name}accuracy", "%.1f %%"),
            f"size_mb_{suffix}": number(f"{name}MB", "%.3g"),
            f"p50_ms_{suffix}": number(f"{name}p50, ms", "%.3g"),
        }
    if not paired:
        columns = {name: c for name, c in columns.items() if name not in ("interval", "p")}
    st.dataframe(
        shown.reindex(columns=list(columns)),
        hide_index=True,
        column_config=columns,
        height="content",
    )


# --- the table ------------------------------------------------------------------------------------


def show_table(view: View, frame: pd.DataFrame, price: float) -> None:
    """All that is known of the models; ``frame`` says which are on the front of the chart."""
    st.subheader("Every figure")
    st.write(ties(view.table))
    toy = view.run.record.toy
    low, high = view.table["low"].median(), view.table["high"].median()
    digits = analysis.supported_decimals(low, high)
    share = f"%.{digits}f %%"
    table = with_costs(view.table, price)
    front = frame[frame["run"] == view.run.name].set_index("role")["front"]
    table["worst_recall"] = table["role"].map(figures(view, "worst_recall").set_index("role")["y"])
    columns = {
        "role": st.column_config.TextColumn("Model", pinned=True),
        "accuracy": number("Accuracy", share, help=meaning("Accuracy")),
        "interval": st.column_config.TextColumn("95 % interval", help=meaning("95 % interval")),
        "size_mb": number("Size, MB", "%.3g", help=meaning("Size")),
        "front": st.column_config.TextColumn("On the front", help=meaning("Pareto front")),
        "p50_ms": number("p50, ms", "%.3g", help=meaning("Latency p50")),
        "p95_ms": number("p95, ms", "%.3g", help=meaning("Latency p95")),
        "headlines_per_second": number("Headlines/s", "%.0f", help="In batches of 32"),
        "peak_memory_mb": number("Peak memory, MB", "%.0f", help=meaning("Peak memory")),
        "parameters_m": number("Parameters, M", "%.3g", help=meaning("Parameters")),
        "cost": number("Cost of a million", "%.3g", help=meaning("Cost of a million headlines")),
        "macro_f1": number("Macro-F1", share, help=meaning("Macro-F1")),
        "worst_recall": number("Worst recall", share, help=meaning("Worst class's recall")),
        "ece": number("Calibration error", share, help=meaning("Calibration error")),
        "agreement": number(
            "Agrees with teacher", share, help=meaning("Agreement with the teacher")
        ),
        "p_teacher": number(
            "Differs from teacher: p",
            "%.3f",
            help=f"{PAIRED_TEST} Below {SIGNIFICANT}, the difference in accuracy is unlikely to be "
            "chance.",
        ),
        "state": st.column_config.TextColumn("State", help=meaning("Fingerprint")),
        "title": "What it is",
        "reported_accuracy": number("Reported accuracy", "%.1f %%"),
        "reported_size_mb": number("Reported MB", "%.4g"),
        "reported_note": "What is wrong with the report",
    }
    if toy:
        columns = {name: c for name, c in columns.items() if not name.startswith("reported")}
    shares = ("accuracy", "agreement", "reported_accuracy", "macro_f1", "worst_recall", "ece")
    shown = table.assign(
        interval=[f"{r.low:.{digits}%} – {r.high:.{digits}%}" for r in table.itertuples()],
        front=table["role"].map(front).map({True: "yes"}).fillna(""),
        state=table["role"].map(view.states),
        **{c: 100 * pd.to_numeric(table[c]) for c in shares},
    )
    st.dataframe(
        shown.reindex(columns=list(columns)),
        hide_index=True,
        column_config=columns,
        height="content",
        placeholder="",
    )
    download("Download the table as CSV", view.table, f"{view.run.name}.csv")
    show_stale(view)


def show_stale(view: View) -> None:
    """What to run where models were made by another recipe than today's."""
    stale = [role for role, state in view.states.items() if state == "stale"]
    if stale:
        st.warning(
            f"Stale, made by another recipe than this program's today: {len(stale)} of "
            f"{len(view.states)} models (column State). To make them anew:",
            icon=":material/history:",
        )
        st.code(view.run.record.command, language=None, wrap_lines=True)


def ties(table: pd.DataFrame) -> str:
    """Which models can't be told from the teacher, in a sentence."""
    tested = table[table["p_teacher"].notna()]
    if tested.empty:
        return ""
    tied = ", ".join(f"`{role}`" for role in tested["role"][tested["p_teacher"] >= SIGNIFICANT])
    return (
        "Neighbours whose bars overlap are often ties. Not told apart from the teacher by a paired "
        f"test (McNemar with Holm's correction, p ≥ {SIGNIFICANT}): {tied or 'none'}."
    )
