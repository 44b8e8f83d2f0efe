"""Which classes are mistaken for which, one to three models side by side."""

import numpy as np
import pandas as pd
import streamlit as st

from pipeline import analysis, charts
from views.common import PLAIN_CHART, View, ink, number


def show(view: View) -> None:
    st.header("Which classes are mistaken for which?")
    roles, names = list(view.table["role"]), view.run.labels
    chosen = st.multiselect(
        "One to three models",
        roles,
        default=list(dict.fromkeys([roles[0], roles[-1]])),
        max_selections=3,
        key="models",
        bind="query-params",
    )
    cells = st.segmented_control(
        "Cells show",
        ["Counts", "Shares"],
        default="Counts",
        required=True,
        key="cells",
        bind="query-params",
    )
    if not chosen:
        st.info("Choose at least one model.")
        return
    for role, column in zip(chosen, st.columns(len(chosen)), strict=True):
        probabilities = view.probabilities[role]
        metrics = analysis.classification_metrics(view.labels, probabilities)
        matrix = analysis.confusion(view.labels, probabilities.argmax(axis=1), names)
        by_class = {k: 100 * np.array(metrics[k]) for k in ("precision", "recall", "f1")}
        with column:
            st.subheader(role)
            st.text(f"{metrics['accuracy']:.1%} of {len(view.labels):,} right")
            st.plotly_chart(
                charts.confusion(matrix, cells == "Shares", ink()),
                key=f"confusion-{role}",
                width=440,
                config=PLAIN_CHART,
                alt=f"Confusion matrix of {role}: true classes down, predicted ones across.",
            )
            st.dataframe(
                pd.DataFrame({"class": names, **by_class}),
                hide_index=True,
                width=440,
                column_config={
                    "class": "Class",
                    "precision": number("Precision", "%.1f %%"),
                    "recall": number("Recall", "%.1f %%"),
                    "f1": number("F1", "%.1f %%"),
                },
            )
    st.caption(
        "Shade: share of the true class. Precision: of the headlines called so, the share that "
        "are. Recall: of the headlines that are so, the share called so. F1: their harmonic mean."
    )
