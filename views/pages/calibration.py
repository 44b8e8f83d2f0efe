"""The Calibration page: is a model right as often as it says, and what does a temperature mend?"""

import numpy as np
import pandas as pd
import streamlit as st

from pipeline.analysis import calibration, temperature
from views.charts import confusion, reliability
from views.parts.common import PLAIN_CHART, View, chart_key, download, number, plain
from views.parts.models_box import ask_models
from views.parts.names import names

ECE, NLL, TEMPERATURE = "Calibration error", "Negative log-likelihood", "Temperature"
CHANCE = (
    "95 of 100 perfectly calibrated models of the same confidences stay below this on as many "
    "rows. An error below it is no sign of miscalibration."
)


@st.cache_data(max_entries=8, show_spinner="Resampling the test rows …")
def temperatures(_view: View, key: tuple) -> pd.DataFrame:
    """``temperature.temperature_table`` of a run; ``key`` must change when the run's files do."""
    return temperature.temperature_table(
        _view.labels, _view.probabilities, _view.validation_labels, _view.validation
    )


def show(view: View) -> None:
    st.header("Can the confidence be believed?", anchor=False)
    chosen = ask_models(view)
    table = temperatures(view, (view.run.name, tuple(view.run.record.files.items())))
    table = table.set_index("role").loc[view.table["role"]].reset_index()
    fitted, scaled = bool(table["temperature"].notna().all()), False
    if fitted:
        scaled = st.toggle(
            "With the temperature",
            key="scaled",
            bind="query-params",
            help=view.meaning(TEMPERATURE),
        )
    else:
        st.info("This run holds no validation predictions, so no temperature can be fitted.")
    if chosen:
        for role, column in zip(chosen, st.columns(len(chosen)), strict=True):
            with column:
                show_model(view, role, table[table["role"] == role].iloc[0], scaled)
        st.markdown(
            "A bar that ends at the dashed line is correct as often as it says; below the line the "
            "model is overconfident, above it underconfident. Thin bars are 95 % intervals; few "
            "rows in a bin make them long. Grey: how many rows each bar stands for.",
            help=f"{view.meaning('95 % interval')} Method: Wilson's.",
        )
    show_table(view, table, fitted)
    download("Download the table as CSV", table, f"{view.run.name}-calibration.csv")


def show_model(view: View, role: str, row: pd.Series, scaled: bool) -> None:
    """Show one model's reliability diagram and its ECE, and say in sentences what they mean."""
    given = view.probabilities[role]
    if scaled:
        given = temperature.scale(given, row["temperature"])
    st.subheader(plain(names(view.run)[role]), anchor=False)
    name = "ece_scaled" if scaled else "ece"
    at = f"at T = {row['temperature']:.2f}" if scaled else "as it is"
    st.markdown(
        f"ECE **{percent(row, name)}** {at}",
        help=f"{view.meaning(ECE)} T: {view.meaning(TEMPERATURE)}",
    )
    st.plotly_chart(
        reliability.figure(calibration.reliability(view.labels, given), view.data_set.nouns),
        key=chart_key(f"reliability-{role}"),
        config=PLAIN_CHART,
        alt=f"Reliability diagram of {role}: share of right answers by confidence.",
    )
    st.write(say_what_it_mends(row))


def say_what_it_mends(row: pd.Series) -> str:
    """How over- or underconfident a model is, and what its temperature mends, in sentences.

    Args:
        row: a row of ``temperature.temperature_table``.
    """
    gap = 100 * row["overconfidence"]
    kind = "overconfident" if gap > 0 else "underconfident"
    sureness = f"It is {abs(gap):.1f} points {kind} on average."
    if row["ece"] <= row["ece_chance"]:
        sureness = "Its error is no larger than chance gives a perfectly calibrated model."
    elif row["overconfidence_low"] <= 0 <= row["overconfidence_high"]:
        sureness = (
            "It is neither overconfident nor underconfident on average, only at some confidences."
        )
    if not np.isfinite(row["temperature"]):
        return sureness
    if temperature.is_at_bound(row["temperature"]):
        return sureness + " The validation rows settle no temperature: it ran to its bound."
    low, high = row["ece_change_low"], row["ece_change_high"]
    change = f"(change {points(row, 'ece_change')})"
    if high < 0:
        mends = f"the ECE falls to {100 * row['ece_scaled']:.1f} % {change}"
    elif low > 0:
        mends = f"the ECE rises to {100 * row['ece_scaled']:.1f} % {change}"
    else:
        mends = f"the ECE does not change for certain {change}"
    return f"{sureness} With T = {row['temperature']:.2f}, {mends}."


def show_table(view: View, table: pd.DataFrame, fitted: bool) -> None:
    """Show the figures of every model, with intervals; if ``fitted``, also after scaling."""
    st.subheader("What one temperature mends", anchor=False)
    st.markdown(
        "Fitted on validation, judged on test. Accuracy is unchanged by it: a model gets more or "
        "less confident, and gives the same answers. Brackets: 95 % intervals.",
        help=f"{view.meaning('95 % interval')} Method: for ECE an inverted test, for its change a "
        "basic bootstrap over test rows, both with a fixed seed; for NLL a normal distribution.",
    )
    shown = pd.DataFrame(
        {
            "role": table["role"].map(names(view.run)),
            "temperature": table["temperature"],
            "ece": [percent(row, "ece") for _, row in table.iterrows()],
            "chance": 100 * table["ece_chance"],
            "nll": [nats(row, "nll") for _, row in table.iterrows()],
        }
    )
    if fitted:
        shown["ece_scaled"] = [percent(row, "ece_scaled") for _, row in table.iterrows()]
        shown["ece_change"] = [points(row, "ece_change") for _, row in table.iterrows()]
        shown["nll_scaled"] = [nats(row, "nll_scaled") for _, row in table.iterrows()]
        shown["nll_change"] = [nats(row, "nll_change", "+") for _, row in table.iterrows()]
    columns = {
        "role": st.column_config.TextColumn("Model", pinned=True),
        "ece": st.column_config.TextColumn("ECE", help=view.meaning(ECE)),
        "chance": number("By chance below", "%.1f %%", help=CHANCE),
        "temperature": number("T", "%.2f", help=view.meaning(TEMPERATURE)),
        "ece_scaled": st.column_config.TextColumn("ECE with T", help=view.meaning(ECE)),
        "ece_change": st.column_config.TextColumn(
            "Change, points", help="Paired: both errors on the same resampled rows."
        ),
        "nll": st.column_config.TextColumn("NLL", help=view.meaning(NLL)),
        "nll_scaled": st.column_config.TextColumn("NLL with T", help=view.meaning(NLL)),
        "nll_change": st.column_config.TextColumn(
            "Change, nats", help="Row by row on the same rows."
        ),
    }
    columns = {name: column for name, column in columns.items() if name in shown}
    if not fitted:
        del columns["temperature"]
    st.dataframe(shown[list(columns)], hide_index=True, height="content", column_config=columns)


def percent(row: pd.Series, name: str) -> str:
    low, high = 100 * row[f"{name}_low"], 100 * row[f"{name}_high"]
    return f"{100 * row[name]:.1f} % ({low:.1f} – {high:.1f})"


def points(row: pd.Series, name: str) -> str:
    value, low, high = (confusion.signed(100 * row[name + end], 1) for end in ("", "_low", "_high"))
    return f"{value} ({low} to {high})"


def nats(row: pd.Series, name: str, sign: str = "") -> str:
    value, low, high = (f"{row[name + end]:{sign}.3f}" for end in ("", "_low", "_high"))
    return f"{value} ({low} to {high})".replace("-", "−")
