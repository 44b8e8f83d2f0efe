"""A list of the most frequent confusions, for matrices with too many cells to read."""

import pandas as pd
import streamlit as st

from pipeline.analysis import disagreement
from views.parts.choice import choose
from views.parts.common import number

_HEIGHT = 420
"""Height of the list in pixels."""
_NAME, _NUMBER = 132, 64
"""Widths of its columns in pixels: all four fit beside a matrix. A hover shows the full name."""


def search_class(classes: list[str]) -> str | None:
    """Ask for the class to which the list is limited; None: all classes."""
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
    """List the cells off the diagonal, the largest counts first; a click on a row selects its cell.

    Args:
        cells: as ``disagreement.confusion_cells`` or ``confusion_change`` returns them.
        role: the cells' model.
        by: which share to show, ``share`` or ``column_share``.
        sought: a class; only its confusions are listed. None: all are listed.
        is_change: whether the cells hold changes.
        nouns: what is counted, such as "headlines".
    """
    found = disagreement.confusions(cells, sought)
    if found.empty:
        st.info("No cell has changed." if is_change else "There is no confusion.")
        return
    shown = found[["true", "predicted", "count"]].assign(share=100 * found[by])
    # Other cells get another key: a row selected in one list is not selected in the next.
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
