"""One model's details: its costs, its loss in accuracy, links to pages, and how it was made."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd
import streamlit as st

from pipeline.analysis import metrics, significance
from pipeline.analysis.budget import excess, round_sensibly, row_of
from pipeline.analysis.recommendation import Recommendation, sentence
from pipeline.recipes.role_names import student_of_baseline
from pipeline.results import conditions
from views import run_command
from views.charts import confusion
from views.charts.axes import cost_of_a_million
from views.glossary import UNSEEN, with_article
from views.parts import cascade, names, use_this_model
from views.parts.common import PAIRED_TEST, View, describe, number, plain

_COST, _SHORT = "Cost of a million {nouns}", "Latency of {a_short}"
"""Glossary terms."""

Link = tuple[str, st.Page, str, dict[str, str]]
"""Label, target page, icon, and the query of the target's URL."""


def show(
    view: View,
    role: str,
    found: Recommendation,
    price: float,
    links: Sequence[Link],
) -> None:
    """Show a model's details: a summary, links, and sections that open on a click.

    Args:
        view: the model's run.
        role: the model.
        found: the recommendation of the page's run, which may be another run than the model's.
        price: price of one core for one hour.
        links: links to other pages.
    """
    row = row_of(view.table, role)
    st.caption(plain(in_short(view, role, found)))
    said, details = against_reference(view, role)
    st.caption(plain(said), help=details)
    show_state(view, role)
    show_links(links)
    use_this_model.show(view, role)
    cascade.show(view, role)
    if role == found.recommended:
        with st.expander("Why this one"):
            st.text(sentence(found))
    with st.expander("All its figures"):
        st.text(". ".join(describe(view.run, role)))
        show_costs(view, row, price)
        if added := what_the_teacher_added(view, role):
            said, details = added
            st.text(said, help=f"{view.meaning('No-teacher baseline')} {details}")
        if said := across_seeds(view, role):
            st.text(said, help=view.meaning("Seed"))
    show_origin(view, role)
    show_files(view, role)


def in_short(view: View, role: str, found: Recommendation) -> str:
    """One line: whether the model is recommended or Pareto-optimal, its size, time and accuracy."""
    row = row_of(view.table, role)
    beyond = bool(excess(row.to_frame().T, found.budget).iloc[0] > 1 + 1e-9)
    said = [
        "Recommended" if role == found.recommended else "",
        "Beyond the limits" if beyond else "",
        "Pareto-optimal" if row["front"] else "",
        f"{round_sensibly(row['size_mb'])} MB",
        f"{round_sensibly(row['p50_ms'])} ms",
        f"{100 * row['accuracy']:.{metrics.supported_decimals(row['low'], row['high'])}f} %",
    ]
    return " · ".join(filter(None, said))


def show_links(links: Sequence[Link]) -> None:
    """Show the links, two per row; they look like buttons."""
    with st.container(key="actions"):
        cells = [cell for _ in links[::2] for cell in st.columns(2, gap="small")]
    for cell, (label, page, icon, query) in zip(cells, links, strict=False):
        cell.page_link(page, label=label, icon=icon, query_params=query, width="stretch")


def show_state(view: View, role: str) -> None:
    """Say so if today's recipe would make a different model."""
    if view.states[role] == "stale":
        st.caption(
            ":material/history: Stale: the recipe or the data have changed since this model was "
            "made. The command under its files makes it again."
        )


def show_costs(view: View, row: pd.Series, price: float) -> None:
    # Some terms are too long for the label of a figure.
    labels = {
        _COST: "Cost of a million",
        UNSEEN: "Headlines alone",
        _SHORT: f"{with_article(view.data_set.short).capitalize()}'s p50",
    }
    decimals = metrics.supported_decimals(row["low"], row["high"])
    interval = f"{100 * row['low']:.{decimals}f} to {100 * row['high']:.{decimals}f} %"
    cost = cost_of_a_million(row["rows_per_second"], row["threads"], price)
    shown = {
        "Accuracy": f"{100 * row['accuracy']:.{decimals}f} %",
        "Size": f"{round_sensibly(row['size_mb'])} MB",
        "Latency p50": f"{round_sensibly(row['p50_ms'])} ms",
        _SHORT: _or_dash(row["headline_p50_ms"], "ms"),
        "Latency p95": f"{round_sensibly(row['p95_ms'])} ms",
        "Peak memory": f"{round_sensibly(row['peak_memory_mb'])} MB",
        "Parameters": f"{round_sensibly(row['parameters'] / 1e6)} M",
        _COST: round_sensibly(cost) if pd.notna(cost) else "unknown",
    }
    notes = {
        "Accuracy": f" 95 % interval (Wilson): {interval}.",
        _COST: f" At {price:g} a core-hour.",
    }
    if pd.notna(row["headlines"]):
        shown[UNSEEN] = f"{100 * row['headlines']:.0f} %"
    with st.container(horizontal=True):
        for term, value in shown.items():
            st.metric(
                labels.get(term, term),
                value,
                help=view.meaning(term) + notes.get(term, ""),
                width=140,
            )


def _or_dash(figure: float, unit: str) -> str:
    """A figure with its unit, or a dash if it was not measured."""
    return f"{round_sensibly(figure)} {unit}" if pd.notna(figure) else "–"


def against_reference(view: View, role: str) -> tuple[str, str]:
    """How accurate the model is against the reference: a sentence, and details for its hover."""
    if role == view.reference:
        return "It is the reference: the most accurate model on validation.", view.meaning(
            "Reference"
        )
    right = view.right()
    found = significance.paired_difference(right[role], right[view.reference], view.comparisons)
    words = significance.in_words(found.low, found.high)
    other = names.names(view.run)[view.reference]
    said = f"{words[0].upper()}{words[1:]} (95 %) than {other}, the most accurate model "
    return f"{said}on validation{'' if found.found else '; no difference found'}.", details(
        view, found
    )


def what_the_teacher_added(view: View, role: str) -> tuple[str, str] | None:
    """How a student differs from its no-teacher baseline: a sentence, and details for its hover.

    None if the model is neither a student nor a baseline, or if its counterpart is missing.
    """
    student = student_of_baseline(role) or role
    effect = significance.teaching(view.right(), view.comparisons)
    if student not in effect.index:
        return None
    found = significance.Difference(*effect.loc[student])
    words = significance.both_ends_in_words(found.low, found.high)
    said = (
        f"What the teacher added: {student} is {words} (95 %) than the same model trained on the "
        f"labels alone{'' if found.found else '; no difference found'}."
    )
    return said, details(view, found)


def details(view: View, found: significance.Difference) -> str:
    """The figures behind a difference, and how they were computed."""
    decimals = max(1, metrics.supported_decimals(found.low, found.high))
    points, low, high = (confusion.signed(100 * share, decimals) for share in found[:3])
    return (
        f"{points} points of accuracy on test, 95 % bounds {low} to {high}, {p_words(found.p)}. "
        f"{view.meaning(*PAIRED_TEST)}"
    )


def across_seeds(view: View, role: str) -> str:
    """How much the accuracy varies with the training seed; empty without seed replicates."""
    if role not in view.seeds.index:
        return ""
    found, row = view.seeds.T[role], row_of(view.table, role)
    decimals = max(1, metrics.supported_decimals(row["low"], row["high"]))
    mean, least, greatest = (
        f"{100 * found[name]:.{decimals}f}" for name in ("mean", "least", "greatest")
    )
    return f"{found['seeds']:.0f} seeds: {mean} % right on average, {least} to {greatest} %."


def p_words(p: float) -> str:
    if math.isnan(p):
        return ""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def show_origin(view: View, role: str) -> None:
    model = view.run.by_role[role]
    with st.expander("How it was made"):
        rows = {"Method": model.method, "Made from": model.parent, "Checkpoint": model.checkpoint}
        rows |= {name.replace("_", " "): value for name, value in model.settings.items()}
        training = {} if model.training is None else asdict(model.training)
        rows |= {
            f"training: {name.replace('_', ' ')}": value
            for name, value in training.items()
            if value is not None and not isinstance(value, list | dict)
        }
        key_values(rows)
        curve = training.get("validation")
        if isinstance(curve, list) and curve:
            st.write("On validation while training; the best step was kept.")
            st.dataframe(pd.DataFrame(curve), hide_index=True, placeholder="")
        st.write("Where it was measured")
        for place in conditions.places([model]):
            st.text(place.title(1))
            key_values(flatten(place.all()))


def key_values(rows: dict) -> None:
    """Show names and values as plain text, one pair per line; None values are left out."""
    lines = [f"{name}: {words(value)}" for name, value in rows.items() if value is not None]
    st.code("\n".join(lines), language=None, wrap_lines=True)


def words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def flatten(values: dict) -> dict:
    """Flatten one level of nesting: {"a": {"b": 1}} becomes {"a: b": 1}."""
    flat: dict[str, object] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= {f"{name}: {inner}": v for inner, v in value.items()}
        else:
            flat[name] = value
    return flat


def show_files(view: View, role: str) -> None:
    model = view.run.by_role[role]
    with st.expander("Its files, and the command that makes it"):
        folder = view.run.artifact_folder(role)
        files = []
        for name, digest in model.artifact.items():
            here = (folder / name).is_file()
            size = (folder / name).stat().st_size / 1e6 if here else None
            files.append((name, size, "yes" if here else "no", digest))
        if files:
            st.dataframe(
                pd.DataFrame(files, columns=["file", "mb", "here", "sha256"]),
                hide_index=True,
                placeholder="",
                column_config={
                    "file": "File",
                    "mb": number("MB", "%.3f"),
                    "here": "Installed",
                    "sha256": "sha256",
                },
            )
        else:
            st.write("It is not installed: only its predictions are in this clone.")
        st.code(run_command.make_command(view.run.record, role), language=None, wrap_lines=True)
