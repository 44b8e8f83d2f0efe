"""Compare two runs: for each role that both have, which run's model is better."""

import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from pipeline.analysis import comparison
from views.charts import confusion
from views.parts import card, names
from views.parts.common import PAIRED_TEST, View, number
from views.parts.table import two_digits


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
            "The two were tested on different rows, so their models can't be paired: the "
            "difference has no bounds."
        )
    shares = ["accuracy_one", "accuracy_other", "difference", "low", "high"]
    shown = table.assign(
        name=table["role"].map(names.names(one.run)),
        **{share: 100 * table[share] for share in shares},
    )
    shown["interval"] = [
        f"{confusion.signed(low, 1)} to {confusion.signed(high, 1)}" if paired else ""
        for low, high in zip(shown["low"], shown["high"], strict=True)
    ]
    shown["difference"] = [confusion.signed(points, 1) for points in shown["difference"]]
    shown["p"] = shown["p"].map(card.p_words)
    for column in ("size_mb_one", "size_mb_other", "p50_ms_one", "p50_ms_other"):
        shown[column] = two_digits(shown[column])
    runs = f"{one.title}: ", f"{other.title}: "
    columns: dict[str, ColumnConfig | str | None] = {
        "name": st.column_config.TextColumn("Model", pinned=True),
        "role": "Role",
        "difference": "Difference, points",
        "interval": st.column_config.TextColumn("95 % bounds", help=one.meaning(*PAIRED_TEST)),
        "p": st.column_config.TextColumn("p (McNemar)", help=one.meaning("McNemar's test")),
    }
    for suffix, name in zip(("one", "other"), runs, strict=True):
        columns |= {
            f"accuracy_{suffix}": number(
                f"{name}accuracy", "%.1f %%", help=one.meaning("Accuracy")
            ),
            f"size_mb_{suffix}": number(f"{name}MB", "localized", help=one.meaning("Size")),
            f"p50_ms_{suffix}": number(
                f"{name}p50, ms", "localized", help=one.meaning("Latency p50")
            ),
        }
    if not paired:
        columns = {name: c for name, c in columns.items() if name not in ("interval", "p")}
    st.dataframe(
        shown.reindex(columns=list(columns)),
        hide_index=True,
        column_config=columns,
        height="content",
    )
