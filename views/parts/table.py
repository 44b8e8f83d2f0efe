"""The table of all figures of a run's models, and a warning about stale models."""

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from pipeline.analysis import metrics
from pipeline.analysis.budget import round_sensibly
from pipeline.analysis.significance import in_words
from pipeline.recipes.families import FAMILIES
from views import run_command
from views.charts.axes import with_costs
from views.glossary import UNSEEN, with_article
from views.parts import names
from views.parts.common import View, download, figures, number, plain


def show_table(view: View, frame: pd.DataFrame, price: float) -> None:
    """Show all figures of the models.

    Args:
        view: the run.
        frame: the chart's points, as ``tradeoff.frontier_frame`` returns them; its column ``front``
            fills the column "Pareto-optimal".
        price: price of one core for one hour.
    """
    two = frame["run"].nunique() > 1
    st.subheader(f"Every figure of {plain(view.title)}" if two else "Every figure")
    known = view.data_set
    low, high = view.table["low"].median(), view.table["high"].median()
    digits = metrics.supported_decimals(low, high)
    share = f"%.{digits}f %%"
    table = with_costs(view.table, price)
    front = frame[frame["run"] == view.run.name].set_index("role")["front"]
    table["worst_recall"] = table["role"].map(figures(view, "worst_recall").set_index("role")["y"])
    called = names.names(view.run)
    columns: dict[str, ColumnConfig | str | None] = {
        "name": st.column_config.TextColumn("Model", pinned=True),
        "role": "Role",
        "accuracy": number("Accuracy", share, help=view.meaning("Accuracy")),
        "interval": st.column_config.TextColumn(
            "95 % interval", help=view.meaning("95 % interval")
        ),
        "against": st.column_config.TextColumn(
            f"Against {called[view.reference]}, 95 %",
            help=f"{view.meaning('Reference')} {view.meaning('Simultaneous bounds')}",
        ),
        "headlines": number("On headlines alone", "%.0f %%", help=view.meaning(UNSEEN)),
        "size_mb": number("Size, MB", "localized", help=view.meaning("Size")),
        "front": st.column_config.TextColumn("Pareto-optimal", help=view.meaning("Pareto-optimal")),
        "p50_ms": number("p50, ms", "localized", help=view.meaning("Latency p50")),
        "p95_ms": number("p95, ms", "localized", help=view.meaning("Latency p95")),
        "headline_p50_ms": number(
            f"{with_article(known.short).capitalize()}'s p50, ms",
            "localized",
            help=view.meaning("Latency of {a_short}"),
        ),
        "rows_per_second": number("Rows/s", "localized", help=view.meaning("Throughput")),
        "peak_memory_mb": number("Peak memory, MB", "localized", help=view.meaning("Peak memory")),
        "parameters_m": number("Parameters, M", "localized", help=view.meaning("Parameters")),
        "cost": number(
            "Cost of a million", "localized", help=view.meaning("Cost of a million {nouns}")
        ),
        "macro_f1": number("Macro-F1", share, help=view.meaning("Macro-F1")),
        "worst_recall": number("Worst recall", share, help=view.meaning("Worst class's recall")),
        "ece": number("Calibration error", share, help=view.meaning("Calibration error")),
        "agreement": number(
            "Agrees with teacher", share, help=view.meaning("Agreement with the teacher")
        ),
        "state": st.column_config.TextColumn("State", help=view.meaning("Fingerprint")),
        "title": "What it is",
        "reported_accuracy": number("Reported accuracy", "%.1f %%"),
        "reported_size_mb": number("Reported MB", "localized"),
        "reported_note": "What is wrong with the report",
    }
    if view.is_imbalanced:
        leading = {name: columns[name] for name in ("name", "role", "macro_f1")}
        columns = leading | columns
    absent: tuple[str, ...] = () if known.reported else ("reported",)
    absent += () if known.has_unseen_examples else ("headlines",)
    columns = {name: c for name, c in columns.items() if not name.startswith(absent)}
    shares = (
        *("accuracy", "headlines", "macro_f1", "worst_recall", "ece", "agreement"),
        "reported_accuracy",
    )
    shown = table.assign(
        name=table["role"].map(called),
        interval=[f"{r.low:.{digits}%} – {r.high:.{digits}%}" for r in table.itertuples()],
        front=table["role"].map(front).map({True: "yes"}).fillna(""),
        state=table["role"].map(view.states),
        against=table["role"].map(against_reference(view)).fillna(""),
        **{c: 100 * pd.to_numeric(table[c]) for c in shares},
        **{c: two_digits(table[c]) for c in COSTS},
    )
    # A browser rounds 0.5 up, but Python's formats on the card and in sentences round to even.
    shown["headlines"] = shown["headlines"].round()
    st.dataframe(
        shown.reindex(columns=list(columns)),
        hide_index=True,
        column_config=columns,
        height="content",
        placeholder="",
    )
    download("Download the table as CSV", whole(view), f"{view.run.name}.csv")
    show_stale(view)


COSTS = (
    *("size_mb", "p50_ms", "p95_ms", "headline_p50_ms", "rows_per_second", "peak_memory_mb"),
    *("parameters_m", "cost", "reported_size_mb"),
)
"""Columns of figures that ``two_digits`` rounds."""


def two_digits(column: pd.Series) -> pd.Series:
    """Round numbers as ``round_sensibly`` does; they remain numbers, so that they can be sorted."""
    figures = pd.to_numeric(column)
    return figures.map(lambda x: float(round_sensibly(x).replace(",", "")), na_action="ignore")


def whole(view: View) -> pd.DataFrame:
    """``view.table`` with each deployable model's difference from the reference and its bounds."""
    names = {"difference": "difference", "low": "difference_low", "high": "difference_high"}
    differences = view.compared[["role", *names]].rename(columns=names)
    return view.table.merge(differences, on="role", how="left")


def against_reference(view: View) -> pd.Series:
    """By role, how accurate a deployable model is against the reference, in a few words."""
    said = {
        row["role"]: "the reference" if row["reference"] else in_words(row["low"], row["high"])
        for row in view.compared.to_dict("records")
    }
    return pd.Series(said)


def show_stale(view: View) -> None:
    """Warn about stale models, and show the command that makes them again."""
    stale = [role for role, state in view.states.items() if state == "stale"]
    if stale:
        st.warning(
            f"Stale: an older recipe made {len(stale)} of {len(view.states)} models (column "
            "State). To make them again:",
            icon=":material/history:",
        )
        family = FAMILIES.get(view.run.record.family)
        again = [role for role in stale if family and role in family.by_role()]
        if again:  # without a recipe for the role, no model can be made
            # The command that makes the first one; further roles extend its --only.
            one = run_command.make_command(view.run.record, again[0]).splitlines()[-1]
            st.code(" ".join([one, *again[1:]]), language=None, wrap_lines=True)
