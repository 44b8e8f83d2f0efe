"""Accuracy against size: the chart, the ties, the table."""

import pandas as pd
import streamlit as st

from pipeline import charts
from pipeline.families import REPORTED, SOURCE_MISTAKES
from views.common import PLAIN_CHART, SIGNIFICANT, View, download, ink, number


def show(view: View) -> None:
    st.header("What does each step down in size cost?")
    toy, overlay = view.run.record.toy, False
    if not toy:
        overlay = st.toggle(
            "Show what the source notebook reported", True, key="reported", bind="query-params"
        )
    reported = charts.reported_frame(REPORTED if overlay else {})
    st.plotly_chart(
        charts.frontier(view.table, reported, ink()),
        key="frontier",
        config=PLAIN_CHART,
        alt="Accuracy on test against size of each model; the table below holds the same figures.",
    )
    st.write(
        f"Bars are 95 % intervals (Wilson) over {len(view.labels):,} test headlines. The dotted "
        "line is the Pareto front: no other model is both as small and as accurate as one on it. "
        + ties(view.table)
    )
    if not toy:
        lines = "\n".join(f"- {mistake}" for mistake in SOURCE_MISTAKES)
        st.info(f"**The source notebook's figures carry three mistakes:**\n{lines}")
    columns = {
        "role": st.column_config.TextColumn("Model", pinned=True),
        "accuracy": number("Accuracy", "%.1f %%"),
        "interval": "95 % interval",
        "size_mb": number("Size, MB"),
        "front": "On the front",
        "p50_ms": number("p50, ms", help="Median time of one headline"),
        "headlines_per_second": number("Headlines/s", "%.0f", help="In batches of 32"),
        "peak_memory_mb": number("Peak memory, MB", "%.0f"),
        "agreement": number("Agrees with teacher", "%.1f %%"),
        "p_teacher": number(
            "Differs from teacher: p",
            "%.3f",
            help="McNemar's exact paired test. Below 0.05, the difference in accuracy is unlikely "
            "to be chance; not corrected for the number of models.",
        ),
        "title": "What it is",
        "reported_accuracy": number("Reported accuracy", "%.1f %%"),
        "reported_size_mb": number("Reported MB", "%.4g"),
        "reported_note": "What is wrong with the report",
    }
    if toy:
        columns = {name: c for name, c in columns.items() if not name.startswith("reported")}
    shown = view.table.assign(
        interval=[f"{row.low:.1%} – {row.high:.1%}" for row in view.table.itertuples()],
        front=view.table["front"].map({True: "yes", False: ""}),
        **{c: 100 * view.table[c] for c in ("accuracy", "agreement", "reported_accuracy")},
    )
    shown = shown.reindex(columns=list(columns))
    st.dataframe(shown, hide_index=True, column_config=columns, height="content")
    download("Download the table as CSV", view.table, f"{view.run.name}.csv")


def ties(table: pd.DataFrame) -> str:
    """Which models can't be told from the teacher, in a sentence."""
    tested = table[table["p_teacher"].notna()]
    if tested.empty:
        return ""
    tied = ", ".join(f"`{role}`" for role in tested["role"][tested["p_teacher"] >= SIGNIFICANT])
    return (
        "Neighbours whose bars overlap are often ties. Not told apart from the teacher by a paired "
        f"test (McNemar, p ≥ {SIGNIFICANT}): {tied or 'none'}."
    )
