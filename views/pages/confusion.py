"""Which classes are mistaken for which, one to three models side by side."""

from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from pipeline.analysis import disagreement, metrics
from views.charts import confusion
from views.parts.common import PLAIN_CHART, View, ask_models, chart_key, number, plain, share
from views.parts.texts import answers_of, list_rows

# What cells hold → whether that is shares, and which ones shade.
CELLS = {
    "Counts": (False, "share"),
    "Row shares": (True, "share"),
    "Column shares": (True, "column_share"),
}


def show(view: View, folder: Path | None = None) -> None:
    """The page; ``folder`` is where ``--data`` says that the headlines are."""
    st.header("Which classes are mistaken for which?")
    roles, names = list(view.table["role"]), view.run.labels
    chosen = ask_models(view)
    left, right = st.columns(2, vertical_alignment="bottom")
    cells = left.radio(
        "Cells show",
        list(CELLS),
        horizontal=True,
        key="cells",
        bind="query-params",
        help="Counts: headlines. Row shares: of the headlines that truly are of the class, how "
        "many are called so (the diagonal is recall). Column shares: of the headlines that are "
        "called so, how many truly are (the diagonal is precision).",
    )
    base = right.selectbox(
        "Difference from",
        roles,
        index=None,
        placeholder="No model: each as it is",
        key="base",
        bind="query-params",
        help="Shows what each model moved against this one, cell by cell: choose the teacher to "
        "see what compression changed.",
    )
    if not chosen:
        return
    matrices = {
        role: disagreement.confusion_cells(view.labels, given.argmax(axis=1), names)
        for role, given in view.probabilities.items()
        if role in chosen or role == base
    }
    # The matrices stand above what chooses a cell of them, but frame the cell that it says.
    above = st.container()
    role, cell = choose_cell(chosen, names)
    for other, column in zip(chosen, above.columns(len(chosen)), strict=True):
        with column:
            st.subheader(other)
            framed = cell if other == role else None
            show_matrix(view, other, base, matrices, CELLS[cells], framed)
            show_metrics(view, other)
    if base:
        above.caption(
            f"Differences from {plain(base)}: + and orange, more headlines than it has in that "
            "cell; − and blue, fewer. More on the diagonal is better, more elsewhere is worse. "
            + ("" if cells == "Counts" else "Shares differ in percentage points.")
        )
    else:
        by = "predicted" if cells == "Column shares" else "true"
        above.caption(f"The darker a cell, the larger its share of the {by} class.")
    if cell:
        list_cell(view, folder, role, base, cell)
    else:
        st.info("Click a cell above, or choose its two classes here.")


def choose_cell(chosen: list[str], names: list[str]) -> tuple[str, confusion.Cell | None]:
    """A model and a cell of its matrix, by keyboard; a click on a cell sets the same widgets."""
    st.subheader("The headlines of one cell")
    first, second, third = st.columns(3)
    role = first.selectbox("Model", chosen, key="of", bind="query-params")
    options = {"index": None, "placeholder": "A class", "bind": "query-params"}
    truly = second.selectbox("True class", names, key="truly", **options)
    called = third.selectbox("Predicted class", names, key="called", **options)
    return role, None if None in (truly, called) else (truly, called)


def show_matrix(
    view: View,
    role: str,
    base: str | None,
    matrices: dict[str, pd.DataFrame],
    cells: tuple[bool, str],
    framed: confusion.Cell | None,
) -> None:
    """One model's matrix, or what it moved against the base model; cells can be clicked."""
    shares, by = cells
    if base is None or role == base:
        correct = int(np.sum(view.probabilities[role].argmax(axis=1) == view.labels))
        st.text(f"{correct:,} of {len(view.labels):,} right")
        figure = confusion.figure(matrices[role], shares, by, framed)
        alt = f"Confusion matrix of {role}: true classes down, predicted ones across."
    else:
        changes = {
            other: disagreement.confusion_change(matrices[other], matrices[base])
            for other in matrices
        }
        limit = max(change[by if shares else "count"].abs().max() for change in changes.values())
        own = changes[role]
        right = own["count"][own["true"] == own["predicted"]].sum()
        st.text(f"{confusion.signed(right)} right against {base}")
        figure = confusion.change_figure(own, shares, by, framed, limit)
        alt = f"What {role} moved against {base}: true classes down, predicted ones across."

    key = chart_key(f"confusion-{role}")

    def choose() -> None:
        points = st.session_state[key].selection.points
        if points:
            st.session_state["of"] = role
            st.session_state["truly"], st.session_state["called"] = points[0]["y"], points[0]["x"]

    st.plotly_chart(
        figure,
        key=key,
        width=440,
        on_select=choose,
        selection_mode="points",
        config=PLAIN_CHART,
        alt=alt,
    )


def show_metrics(view: View, role: str) -> None:
    """Precision, recall and F1 of every class."""
    by_name = metrics.classification_metrics(view.labels, view.probabilities[role])
    by_class = {k: 100 * np.array(by_name[k]) for k in ("precision", "recall", "f1")}
    format = share(len(view.labels))
    st.dataframe(
        pd.DataFrame({"class": view.run.labels, **by_class}),
        hide_index=True,
        width=440,
        column_config={
            "class": "Class",
            "precision": number(
                "Precision", format, help="Of the headlines called so, the share that are."
            ),
            "recall": number(
                "Recall", format, help="Of the headlines that are so, the share called so."
            ),
            "f1": number("F1", format, help="The harmonic mean of precision and recall."),
        },
    )


def list_cell(
    view: View, folder: Path | None, role: str, base: str | None, cell: confusion.Cell
) -> None:
    """The headlines of one cell; against a base model, those that came or went."""
    truly, called = cell
    names = view.run.labels
    inside = {
        other: (view.labels == names.index(truly))
        & (view.probabilities[other].argmax(axis=1) == names.index(called))
        for other in {role, base or role}
    }
    comparing = base is not None and base != role
    wanted = inside[role] ^ inside[base] if comparing else inside[role]
    positions = np.flatnonzero(wanted)
    if comparing:
        came = int(np.sum(inside[role] & ~inside[base]))
        went = len(positions) - came
        st.text(
            f"Truly {truly}, called {called}: {came:,} by {role} and not by {base} (+), "
            f"{went:,} by {base} and not by {role} (−)."
        )
    else:
        st.text(f"Truly {truly}, called {called} by {role}: {len(positions):,} headlines.")
    if not len(positions):
        st.info("No headline is in this cell." if not comparing else "No headline was moved here.")
        return
    answers = answers_of(view, role, positions)
    if comparing:
        answers.insert(0, "Moved", np.where(inside[role][positions], "+ came", "− went"))
    list_rows(view, folder, positions, answers, f"{role}-cell")
