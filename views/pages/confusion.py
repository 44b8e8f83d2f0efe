"""The Confusion page: which classes one to three models mistake for which."""

import numpy as np
import pandas as pd
import streamlit as st

from pipeline.analysis import disagreement, metrics
from views.charts import confusion
from views.charts.palette import MANY_CLASSES
from views.parts import confusions
from views.parts.choice import choose
from views.parts.common import PLAIN_CHART, View, chart_key, number, plain, share
from views.parts.models_box import ask_models
from views.parts.names import names, names_with_roles
from views.parts.rows import answers_of, list_rows
from views.parts.texts import ask_texts

# What cells show → whether they show shares, and which share shades them.
CELLS = {
    "Counts": (False, "share"),
    "Row shares": (True, "share"),
    "Column shares": (True, "column_share"),
}


def show(view: View) -> None:
    st.header("Which classes are mistaken for which?", anchor=False)
    texts, nouns = ask_texts(view), view.data_set.nouns
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
        help=f"Counts: {nouns}. Row shares: of the {nouns} that are of the class, how many are "
        f"predicted so (the diagonal is recall). Column shares: of the {nouns} that are predicted "
        "so, how many are of the class (the diagonal is precision).",
    )
    if not chosen:
        return
    matrices = {
        role: disagreement.confusion_cells(view.labels, given.argmax(axis=1), classes)
        for role, given in view.probabilities.items()
        if role in chosen or role == base
    }
    # The matrices stand above the widgets that choose a cell, but are drawn after them: they frame
    # that cell.
    above, sought = st.container(), None
    if len(classes) < MANY_CLASSES:
        st.subheader(f"The {nouns} of one cell", anchor=False)
        first, rest = st.columns([1, 2])
        with first:
            role = choose_model(chosen, called)
        with rest:
            cell = choose_cell(classes)
        places = above.columns(len(chosen))
    else:
        # Large matrices stand one below the other. Their cells are too small to read, so a list
        # beside them shows the figures.
        left, right = above.columns([3, 2], gap="medium")
        places = [left] * len(chosen)
        with right:
            role = choose_model(chosen, called)
            sought = confusions.search_class(classes)
            own, is_change = cells_of(role, base, matrices)
            confusions.show_list(own, role, CELLS[cells][1], sought, is_change, nouns)
        st.subheader(f"The {nouns} of one cell", anchor=False)
        cell = choose_cell(classes)
    for other, column in zip(chosen, places, strict=True):
        with column:
            st.subheader(plain(names(view.run)[other]), anchor=False)
            framed = cell if other == role else None
            show_matrix(view, other, base, matrices, CELLS[cells], (framed, sought))
    if base is not None:
        above.caption(
            f"Differences from {plain(names(view.run)[base])}, + more and − fewer {nouns}. Blue "
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


def choose_model(chosen: list[str], called: dict[str, str]) -> str:
    """Ask for the model whose cell is shown in detail."""
    role = choose("Model", {role: called[role] for role in chosen}, "model", chosen[0])
    assert role is not None  # the box has a default
    return role


def choose_cell(classes: list[str]) -> confusion.Cell | None:
    """Ask for a cell of a matrix; a click on a cell sets the same widgets."""
    by_name, (left, right) = {name: name for name in classes}, st.columns(2)
    with left:
        actual = choose("Actual class", by_name, "actual", placeholder="A class")
    with right:
        predicted = choose("Predicted class", by_name, "predicted", placeholder="A class")
    return None if actual is None or predicted is None else (actual, predicted)


def cells_of(
    role: str, base: str | None, matrices: dict[str, pd.DataFrame]
) -> tuple[pd.DataFrame, bool]:
    """A model's cells, or their changes from the base model; and whether they are changes."""
    if base is None or role == base:
        return matrices[role], False
    return disagreement.confusion_change(matrices[role], matrices[base]), True


def show_matrix(
    view: View,
    role: str,
    base: str | None,
    matrices: dict[str, pd.DataFrame],
    cells: tuple[bool, str],
    framed: tuple[confusion.Cell | None, str | None],
) -> None:
    """Show one model's matrix, or its changes from the base model; cells can be clicked.

    Args:
        view: the run.
        role: the model.
        base: the base model; None: the matrix itself is shown.
        matrices: by role, cells as ``disagreement.confusion_cells`` returns them.
        cells: a value of ``CELLS``.
        framed: the cell to frame, and the class whose row and column to frame; each may be None.
    """
    (shares, by), (cell, sought), nouns = cells, framed, view.data_set.nouns
    if base is None or role == base:
        correct = int(np.sum(view.probabilities[role].argmax(axis=1) == view.labels))
        said, changes = f"{correct:,} of {len(view.labels):,} correct", ""
        figure = confusion.figure(matrices[role], shares, by, cell, nouns)
        alt = f"Confusion matrix of {role}: actual classes down, predicted ones across."
    else:
        moved = [
            disagreement.confusion_change(other, matrices[base]) for other in matrices.values()
        ]
        limit = max(change[by if shares else "count"].abs().max() for change in moved)
        own, _ = cells_of(role, base, matrices)
        right = own["count"][own["true"] == own["predicted"]].sum()
        short = names(view.run)[base]
        said, changes = f"{confusion.signed(right)} correct against {short}", say_largest(own)
        figure = confusion.change_figure(own, shares, by, cell, limit, nouns)
        alt = f"What {role} changed against {base}: actual classes down, predicted ones across."
    if sought is not None:
        confusion.frame_class(figure, view.run.labels, sought)
    key = chart_key(f"confusion-{role}")

    def choose() -> None:
        points = st.session_state[key].selection.points
        if points:
            st.session_state["model"] = role
            st.session_state["actual"] = points[0]["y"]
            st.session_state["predicted"] = points[0]["x"]

    # Exactly one line stands above each chart, so that charts side by side are level.
    st.text(said)
    st.plotly_chart(
        figure,
        key=key,
        width=440 if len(view.run.labels) < MANY_CLASSES else "stretch",
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
        most: how many changes to name.
    """
    mistakes = disagreement.confusions(change)
    parts = [
        f"{abs(count):,} {'more' if count > 0 else 'fewer'} {actual} predicted as {predicted} "
        f"({'worse' if count > 0 else 'better'})"
        for actual, predicted, count in mistakes.head(most)[["true", "predicted", "count"]].values
    ]
    if not parts:
        return "It makes as many mistakes of every kind."
    sizes = mistakes["count"].abs()
    if as_large := int((sizes[most:] == sizes[:most].min()).sum()):
        parts.append(f"and {as_large} more as large as the last")
    return f"Largest change{'s' if len(parts) > 1 else ''}: {', '.join(parts)}."


def show_metrics(view: View, chosen: list[str]) -> None:
    """Show precision, recall and F1 of every class for the chosen models."""
    nouns = view.data_set.nouns
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
                    "Precision", format, help=f"Of the {nouns} predicted so, the share that are."
                ),
                "recall": number(
                    "Recall", format, help=f"Of the {nouns} that are so, the share predicted so."
                ),
                "f1": number("F1", format, help="The harmonic mean of precision and recall."),
            },
        )


def list_cell(
    view: View, texts: list[str] | None, role: str, base: str | None, cell: confusion.Cell
) -> None:
    """List the rows of one cell; with a base model, only those that came or went."""
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
            f"{len(positions):,} {view.data_set.nouns}."
        )
    if not len(positions):
        noun = view.data_set.noun
        st.info(f"No {noun} was moved here." if comparing else f"No {noun} is in this cell.")
        return
    answers = answers_of(view, role, positions)
    if comparing:
        answers.insert(0, "Change", np.where(inside[role][positions], "+ came", "− went"))
    list_rows(view, texts, positions, answers, f"{role}-cell")
