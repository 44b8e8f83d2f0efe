"""A table of test rows; a click on a row shows it in full beside the table."""

import numpy as np
import pandas as pd
import streamlit as st

from views.answers import runners_up
from views.charts.answers import stacked_bars
from views.charts.palette import MANY_CLASSES
from views.parts import answer_bars
from views.parts.addresses import remember
from views.parts.common import View, download, number
from views.parts.texts import decoded

MOST_ROWS = 500
_ROW, _HEIGHT = 35, 388  # pixels: of a row, of the table
SHARE = "The probability that a model gives to its answer, or to the class that is named here."
_CELL = "Row"
"""The column whose cell is marked in the row that the URL names."""


def list_rows(
    view: View,
    texts: list[str] | None,
    positions: np.ndarray,
    columns: pd.DataFrame,
    name: str,
) -> None:
    """Show up to ``MOST_ROWS`` test rows as a table, a download of all, and one row in full.

    Args:
        view: the run.
        texts: texts of all test rows; None: they are not available.
        positions: positions of the rows in the view's arrays; at least one.
        columns: more columns, one row for each position; floats are percentages.
        name: the last part of the downloaded file's name, without its ending.
    """
    table = pd.DataFrame({"Row": view.rows[positions]})
    if texts:
        table["Headline"] = [texts[position] for position in positions]
    table = pd.concat([table, columns.reset_index(drop=True)], axis=1)
    left, right = st.columns([3, 2])
    with left:
        place = show_table(view, positions[:MOST_ROWS], table, columns)
        if len(table) > MOST_ROWS:
            st.caption(f"The first {MOST_ROWS} of {len(table):,} are listed; the download has all.")
        named = table.rename(columns={"Headline": view.data_set.noun.capitalize()})
        download("Download these rows as CSV", named, f"{view.run.name}-{name}.csv")
    with right:
        if place is None:
            st.info("Click a row to read it in full, with every model's answer.")
        else:
            show_row(view, texts, int(positions[place]))


def show_table(
    view: View, positions: np.ndarray, table: pd.DataFrame, columns: pd.DataFrame
) -> int | None:
    """Draw the table; return the place in it of the row that a click or the URL selects."""
    shown = table.head(MOST_ROWS)
    if "Headline" in shown:
        shown = shown.assign(Headline=shown["Headline"].map(decoded))
    asked = st.query_params.get("row")
    numbers = [str(row) for row in view.rows[positions]]
    first = numbers.index(asked) if asked in numbers else None
    marked: list[tuple[int, str]] = [] if first is None else [(first, _CELL)]
    percents = columns.select_dtypes("float").columns
    event = st.dataframe(
        shown,
        hide_index=True,
        height=min(_ROW * (len(shown) + 1) + 3, _HEIGHT),
        on_select="rerun",
        selection_mode="single-cell",
        selection_default={"selection": {"cells": marked}},
        # Other rows get another key: a row selected in one table is not selected in the next.
        key=f"rows-{hash((view.run.name, positions.tobytes()))}",
        column_config={
            "Row": number("Row", "%d", help="Its number in the file of test rows, from 0."),
            "Headline": st.column_config.TextColumn(
                view.data_set.noun.capitalize(),
                # The names of many classes are long.
                width=420 if len(view.run.labels) < MANY_CLASSES else 240,
            ),
            **{column: number(column, "%.1f %%", help=SHARE) for column in percents},
            "Confidence": number(
                "Confidence", "%.1f %%", help="The probability of the predicted class."
            ),
            "Others differ": number(
                "Others differ", "%d", help="Other models that name another class than this one."
            ),
        },
    )
    picked = [place for place, _ in event.selection.cells if place < len(numbers)]
    place = picked[0] if picked else first
    remember("row", None if place is None else numbers[place])
    return place


def show_row(view: View, texts: list[str] | None, position: int) -> None:
    """Show one row in full: its text, its label, and every model's answer."""
    with st.container(border=True):
        if texts:
            st.text(decoded(texts[position]))
        label = int(view.labels[position])
        st.text(f"Row {view.rows[position]}. Actual: {view.run.labels[label]}")
        roles = list(view.table["role"])
        given = {role: view.probabilities[role][position] for role in roles}
        bars = answer_bars.marked_bars(view, roles, given, label)
        st.html(stacked_bars(bars, view.run.labels))
    with st.expander("As a table"):
        answer_bars.table(view, roles, given)


def answers_of(view: View, role: str, positions: np.ndarray) -> pd.DataFrame:
    """A model's answers to some rows beside their labels; probabilities are percentages.

    If there are many classes, only the label and the likeliest three have a probability.
    """
    names, given = view.run.labels, view.probabilities[role][positions]
    columns = {
        "Actual": [names[label] for label in view.labels[positions]],
        "Predicted": [names[called] for called in given.argmax(axis=1)],
        "Confidence": 100 * given.max(axis=1),
    }
    if len(names) >= MANY_CLASSES:
        of_label = given[np.arange(len(given)), view.labels[positions]]
        return pd.DataFrame(columns | {"p Actual": 100 * of_label} | runners_up(100 * given, names))
    return pd.DataFrame(columns | {f"p {name}": 100 * given[:, i] for i, name in enumerate(names)})
