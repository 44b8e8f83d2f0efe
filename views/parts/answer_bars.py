"""Every model's answer to one text: bars with size and time, a table, and a sentence."""

from collections.abc import Mapping

import numpy as np
import streamlit as st

from pipeline.analysis.budget import round_sensibly
from pipeline.errors import PipelineError
from pipeline.inference.timing import median_milliseconds
from pipeline.results import conditions
from views import answers
from views.charts.answers import Bar
from views.parts import examples
from views.parts.common import View, load_classifier, number, plain, stamp
from views.parts.names import names

_SECONDS = 0.7
"""How long to measure one model."""
_TEXTS = 200
"""How many texts to time a model on at most."""
PROBABILITY = "The probability that the model gives this class; the classes add up to 100 %"
CONFIDENCE = "The probability of the answer. Calibration shows how far to trust it."


def bars(
    view: View,
    roles: list[str],
    given: Mapping[str, np.ndarray | None],
    members: Mapping[str, int] | None = None,
) -> list[Bar]:
    """Return one bar per model, the smallest first.

    Args:
        view: the run.
        roles: the models, the largest first.
        given: by role, the probabilities of the classes, shape (k,); None: the model has yet to
            answer. A model that is left out can't answer here.
        members: by role of a cascade, the position of the member that answered.
    """
    called, sizes = names(view.run), view.table.set_index("role")["size_mb"]
    found, measured = [], measurements(view)
    for role in roles[::-1]:
        here = view.run.artifact(role) is not None
        note = f"{round_sensibly(sizes[role])} MB · {milliseconds(view, role, measured)} ms"
        if not here and given.get(role) is not None:
            note += " · recorded"
        if (cascade := view.run.by_role[role].cascade) and role in (members or {}):
            note += f" · {called[cascade.members[(members or {})[role]]]} answers"
        empty = "…" if role in given else "Can't be asked" if here else "Not installed"
        found.append(Bar(called[role], note, given.get(role), empty))
    return found


def marked_bars(
    view: View, roles: list[str], given: dict[str, np.ndarray], label: int
) -> list[Bar]:
    """Return one bar per model, the smallest first; each says whether the answer is correct.

    Args:
        view: the run.
        roles: the models, the largest first.
        given: by role, the probabilities of the classes, shape (k,).
        label: position of the actual class.
    """
    called = names(view.run)
    return [
        Bar(called[role], "✓ correct" if given[role].argmax() == label else "✗ wrong", given[role])
        for role in roles[::-1]
    ]


def milliseconds(view: View, role: str, measured: Mapping[str, float]) -> str:
    """A model's time for one text: as ``measured`` in this session, or else as recorded."""
    return round_sensibly(measured.get(role, recorded_milliseconds(view, role)))


def recorded_milliseconds(view: View, role: str) -> float:
    """The median time for one short text; older runs only have that for one whole row."""
    cost = view.run.by_role[role].cost
    return cost.p50_ms if cost.headline_p50_ms is None else cost.headline_p50_ms


def measurements(view: View) -> dict[str, float]:
    """By role, milliseconds per short text, as measured on this machine in this session."""
    kept = st.session_state.setdefault("measured", {})
    found = {}
    for role in examples.installed(view):
        if (figure := kept.get(_identity(view, role))) is not None:
            found[role] = figure
    return found


def _identity(view: View, role: str) -> tuple:
    """A key that changes when the model's files change."""
    return view.run.name, role, stamp(view.run.artifact_folder(role), "*")


def show_times(view: View, roles: list[str]) -> None:
    """Say where the times were measured, and offer a button that measures them here.

    Args:
        view: the run.
        roles: installed models, the largest first; with none, nothing is shown.
    """
    if not roles:
        return
    measured = measurements(view)

    def ask() -> None:
        st.session_state["measure"] = True

    with st.container(horizontal=True, vertical_alignment="center"):
        place = st.container(width="stretch")
        st.button("Measure on this machine", on_click=ask, icon=":material/timer:")
    if st.session_state.pop("measure", False):
        bar = place.progress(0.0, text="Measuring …")
        for count, role in enumerate(roles[::-1]):
            bar.progress(count / len(roles), text=f"Measuring {role} …")
            measure(view, role)
        st.rerun()
    if all(role in measured for role in roles):
        short = view.data_set.short
        said = f"ms: one {short} on this machine, the median of up to {_TEXTS}, measured just now."
    else:
        said = f"ms: {recorded_on(view, roles)}."
    place.caption(plain(said), help=view.meaning("Latency of {a_short}"))


def measure(view: View, role: str) -> None:
    """Time a model on the invented headlines, and keep the result for the session."""
    texts = examples.read_examples()["text"].sample(_TEXTS, random_state=0).tolist()
    try:
        figure = median_milliseconds(load_classifier(view, role), texts, _SECONDS)
    except (PipelineError, OSError):  # the page says what is wrong with it
        return
    st.session_state["measured"][_identity(view, role)] = figure


def recorded_on(view: View, roles: list[str]) -> str:
    """A phrase that says what the run's times are for, and on which machine they were measured."""
    models = [view.run.by_role[role] for role in roles]
    old = any(model.cost.headline_p50_ms is None for model in models)
    short = view.data_set.short
    what = "one test row (title and description), the median" if old else f"one {short}, the median"
    found: dict[str, None] = {}
    for place in conditions.places(models):
        hardware = place.conditions.get("hardware")
        if "latency" in place.roles and isinstance(hardware, dict):
            processor, cores = hardware.get("processor"), hardware.get("cores")
            where = f"{processor}, {cores} cores" if cores else str(processor)
            found[where] = None
    return f"{what}, recorded on {' and '.join(found) or 'an unknown machine'}"


def table(view: View, roles: list[str], given: dict[str, np.ndarray]) -> None:
    """Show the figures behind the bars: one row per model, the smallest first."""
    classes = view.run.labels
    called, sizes = names(view.run), view.table.set_index("role")["size_mb"]
    rows = answers.of_one(0, {r: given[r][None] for r in roles[::-1] if r in given}, classes)
    shown = rows["Model"].tolist()
    rows["MB"] = [round_sensibly(sizes[role]) for role in shown]
    measured = measurements(view)
    rows["ms"] = [milliseconds(view, role, measured) for role in shown]
    rows["Model"] = [called[role] for role in shown]
    percent = st.column_config.ProgressColumn(
        help=CONFIDENCE, format="%.0f %%", min_value=0, max_value=100
    )
    st.dataframe(
        rows,
        hide_index=True,
        height="content",
        column_config={
            "Model": st.column_config.TextColumn(pinned=True),
            "Confidence": percent,
            **{str(i): number(name, "%.1f %%", help=PROBABILITY) for i, name in enumerate(classes)},
            **{
                column: number(column, "%.1f %%", help=PROBABILITY)
                for column in (f"p {name}" for name in answers.RUNNERS_UP)
            },
        },
    )


def verdict(view: View, roles: list[str], given: dict[str, np.ndarray]) -> str:
    """The models' answers in a sentence, as plain text."""
    called = names(view.run)
    said = {called[role]: int(given[role].argmax()) for role in roles[::-1] if role in given}
    return answers.sentence(said, view.run.labels) if said else "No model can answer here"
