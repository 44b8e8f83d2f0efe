"""The most frequent confusions as a list, where a matrix has too many cells to read."""

import pandas as pd
import streamlit as st

from pipeline.analysis import disagreement
from views.parts.choice import choose
from views.parts.common import number

_HEIGHT = 420
"""Pixels of the list."""
_NAME, _NUMBER = 132, 64
"""Pixels of its columns: all four have room beside a matrix. A hover shows a name in full."""


def search_class(classes: list[str]) -> str | None:
    """The class whose confusions are sought, if any."""
    return choose(
        "Search for a class",
        {name: name for name in classes},
        "class",
        placeholder="Any class",
        help="Type a part of its name. The list keeps what it is taken for and what is taken for "
        "it; the matrices frame its row and its column.",
    )


def show_list(
    cells: pd.DataFrame, role: str, by: str, sought: str | None, is_change: bool, nouns: str
) -> None:
    """The cells off the diagonal, the fullest first; a row that is chosen sets the page's cell.

    Args:
        cells: as ``disagreement.confusion_cells`` returns them, or ``confusion_change``.
        role: of the model that they are of.
        by: which share is shown, ``share`` or ``column_share``.
        sought: a class; others' confusions are left out. None: all are listed.
        is_change: whether the cells hold changes.
        nouns: what is counted.
    """
    found = disagreement.confusions(cells, sought)
    if found.empty:
        st.info("No cell has changed." if is_change else "There is no confusion.")
        return
    shown = found[["true", "predicted", "count"]].assign(share=100 * found[by])
    # Of other cells, the list is another one: what was chosen in this one is not its choice.
    key = f"confusions-{hash((role, sought, tuple(shown.itertuples(index=False, name=None))))}"

    def take() -> None:
        for row in st.session_state[key].selection.rows:
            st.session_state["model"] = role
            st.session_state["actual"] = shown["true"].iloc[row]
            st.session_state["predicted"] = shown["predicted"].iloc[row]

    of = "actual" if by == "share" else "predicted"
    st.dataframe(
        shown,
        hide_index=True,
        height=_HEIGHT,
        on_select=take,
        selection_mode="single-row",
        key=key,
        column_config={
            "true": st.column_config.TextColumn("Actual", width=_NAME),
            "predicted": st.column_config.TextColumn("Predicted", width=_NAME),
            "count": number(
                "Change",
                "%+d",
                width=_NUMBER,
                help=f"More mistakes (+, worse) or fewer {nouns} (−).",
            )
            if is_change
            else number("Count", "%d", width=_NUMBER, help=f"How many {nouns}."),
            "share": number(
                "Points", "%+.1f", width=_NUMBER, help=f"Change of the share of the {of} class."
            )
            if is_change
            else number("Share", "%.1f %%", width=_NUMBER, help=f"Of the {of} class."),
        },
    )
