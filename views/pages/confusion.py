"""Which classes are mistaken for which, one to three models side by side."""

import numpy as np
import pandas as pd
import streamlit as st

from pipeline.analysis import disagreement, metrics
from pipeline.data.loading import Asked
from views.charts import confusion
from views.parts.choice import choose
from views.parts.common import PLAIN_CHART, View, chart_key, number, plain, share
from views.parts.models_box import ask_models
from views.parts.names import names, names_with_roles
from views.parts.rows import answers_of, list_rows
from views.parts.texts import ask_texts

# What cells hold → whether that is shares, and which ones shade.
CELLS = {
    "Counts": (False, "share"),
    "Row shares": (True, "share"),
    "Column shares": (True, "column_share"),
}


def show(view: View, asked: Asked) -> None:
    """The page; ``asked`` is what the command line says of the data."""
    st.header("Which classes are mistaken for which?", anchor=False)
    texts = ask_texts(view, asked)
    classes, called = view.run.labels, names_with_roles(view.run)
    left, middle, right = st.columns([2, 1, 1])
    with left:
        chosen = ask_models(view)
    with middle:
        base = choose(
            "Compare with",
            {role: called[role] for role in view.table["role"]},
            "base",
            placeholder="No model: each as it is",
            help="Shows what each model changed against this one, cell by cell: choose the teacher "
            "to see what compression changed.",
        )
    cells = right.selectbox(
        "Cells show",
        list(CELLS),
        key="cells",
        bind="query-params",
        help="Counts: headlines. Row shares: of the headlines that are of the class, how many are "
        "predicted so (the diagonal is recall). Column shares: of the headlines that are predicted "
        "so, how many are of the class (the diagonal is precision).",
    )
    if not chosen:
        return
    matrices = {
        role: disagreement.confusion_cells(view.labels, given.argmax(axis=1), classes)
        for role, given in view.probabilities.items()
        if role in chosen or role == base
    }
    # The matrices stand above what chooses a cell of them, but frame the cell that it says.
    above = st.container()
    role, cell = choose_cell(chosen, called, classes)
    for other, column in zip(chosen, above.columns(len(chosen)), strict=True):
        with column:
            st.subheader(plain(names(view.run)[other]), anchor=False)
            framed = cell if other == role else None
            show_matrix(view, other, base, matrices, CELLS[cells], framed)
    if base is not None:
        above.caption(
            f"Differences from {plain(names(view.run)[base])}, + more and − fewer headlines. Blue "
            "is better, orange is worse: more is better on the diagonal, and worse elsewhere. "
            + ("" if cells == "Counts" else "Shares differ in percentage points.")
        )
    else:
        by = "predicted" if cells == "Column shares" else "actual"
        above.caption(f"The darker a cell, the larger its share of the {by} class.")
    if cell:
        list_cell(view, texts, role, base, cell)
    else:
        st.info("Click a cell above, or choose its two classes here.")
    show_metrics(view, chosen)


def choose_cell(
    chosen: list[str], called: dict[str, str], classes: list[str]
) -> tuple[str, confusion.Cell | None]:
    """A model and a cell of its matrix, by keyboard; a click on a cell sets the same widgets."""
    st.subheader("The headlines of one cell", anchor=False)
    first, second, third = st.columns(3)
    by_name = {name: name for name in classes}
    with first:
        role = choose("Model", {role: called[role] for role in chosen}, "model", chosen[0])
    with second:
        actual = choose("Actual class", by_name, "actual", placeholder="A class")
    with third:
        predicted = choose("Predicted class", by_name, "predicted", placeholder="A class")
    assert role is not None  # the box has a default
    return role, None if actual is None or predicted is None else (actual, predicted)


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
        said, changes = f"{correct:,} of {len(view.labels):,} correct", ""
        figure = confusion.figure(matrices[role], shares, by, framed)
        alt = f"Confusion matrix of {role}: actual classes down, predicted ones across."
    else:
        moved = {
            other: disagreement.confusion_change(matrices[other], matrices[base])
            for other in matrices
        }
        limit = max(change[by if shares else "count"].abs().max() for change in moved.values())
        own = moved[role]
        right = own["count"][own["true"] == own["predicted"]].sum()
        short = names(view.run)[base]
        said, changes = f"{confusion.signed(right)} correct against {short}", say_largest(own)
        figure = confusion.change_figure(own, shares, by, framed, limit)
        alt = f"What {role} changed against {base}: actual classes down, predicted ones across."

    key = chart_key(f"confusion-{role}")

    def choose() -> None:
        points = st.session_state[key].selection.points
        if points:
            st.session_state["model"] = role
            st.session_state["actual"] = points[0]["y"]
            st.session_state["predicted"] = points[0]["x"]

    # One line above, so that charts side by side stand on one height.
    st.text(said)
    st.plotly_chart(
        figure,
        key=key,
        width=440,
        on_select=choose,
        selection_mode="points",
        config=PLAIN_CHART,
        alt=alt,
    )
    if changes:
        st.text(changes)


def say_largest(change: pd.DataFrame, most: int = 2) -> str:
    """The largest changes of cells off the diagonal as a sentence, the largest first.

    Args:
        change: as ``disagreement.confusion_change`` returns it.
        most: how many are named.
    """
    mistakes = change[(change["true"] != change["predicted"]) & (change["count"] != 0)]
    order = mistakes["count"].abs().sort_values(ascending=False, kind="stable").index[:most]
    parts = [
        f"{abs(count):,} {'more' if count > 0 else 'fewer'} {actual} predicted as {predicted} "
        f"({'worse' if count > 0 else 'better'})"
        for actual, predicted, count in mistakes.loc[order, ["true", "predicted", "count"]].values
    ]
    if not parts:
        return "It makes as many mistakes of every kind."
    return f"Largest change{'s' if len(parts) > 1 else ''}: {', '.join(parts)}."


def show_metrics(view: View, chosen: list[str]) -> None:
    """Precision, recall and F1 of every class, of the models that are compared."""
    format, short, rows = share(len(view.labels)), names(view.run), []
    for role in chosen:
        by_name = metrics.classification_metrics(view.labels, view.probabilities[role])
        by_class = {k: 100 * np.array(by_name[k]) for k in ("precision", "recall", "f1")}
        rows.append(pd.DataFrame({"model": short[role], "class": view.run.labels, **by_class}))
    with st.expander("Precision, recall and F1 of every class"):
        st.dataframe(
            pd.concat(rows),
            hide_index=True,
            height="content" if len(view.run.labels) <= 20 else 400,
            column_config={
                "model": "Model",
                "class": "Class",
                "precision": number(
                    "Precision", format, help="Of the headlines predicted so, the share that are."
                ),
                "recall": number(
                    "Recall", format, help="Of the headlines that are so, the share predicted so."
                ),
                "f1": number("F1", format, help="The harmonic mean of precision and recall."),
            },
        )


def list_cell(
    view: View, texts: list[str] | None, role: str, base: str | None, cell: confusion.Cell
) -> None:
    """The headlines of one cell; against a base model, those that came or went."""
    actual, predicted = cell
    classes, short = view.run.labels, names(view.run)
    base = base or role
    inside = {
        other: (view.labels == classes.index(actual))
        & (view.probabilities[other].argmax(axis=1) == classes.index(predicted))
        for other in {role, base}
    }
    comparing = base != role
    wanted = inside[role] ^ inside[base] if comparing else inside[role]
    positions = np.flatnonzero(wanted)
    if comparing:
        came = int(np.sum(inside[role] & ~inside[base]))
        went = len(positions) - came
        st.text(
            f"Actual {actual}, predicted {predicted}: {came:,} by {short[role]} and not by "
            f"{short[base]} (+), {went:,} by {short[base]} and not by {short[role]} (−)."
        )
    else:
        st.text(
            f"Actual {actual}, predicted {predicted} by {short[role]}: "
            f"{len(positions):,} headlines."
        )
    if not len(positions):
        st.info("No headline is in this cell." if not comparing else "No headline was moved here.")
        return
    answers = answers_of(view, role, positions)
    if comparing:
        answers.insert(0, "Change", np.where(inside[role][positions], "+ came", "− went"))
    list_rows(view, texts, positions, answers, f"{role}-cell")
