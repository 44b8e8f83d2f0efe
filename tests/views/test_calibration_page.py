"""The calibration page."""

import pandas as pd
import pytest

from pipeline.analysis import metrics
from pipeline.class_names import probability_columns
from pipeline.results import run_writing
from pipeline.results.predictions import probabilities_of
from tests import synthetic
from tests.views.test_errors_page import run, said
from views.pages.calibration import say_what_it_mends

__all__ = ["run"]  # fixtures


def test_every_model_has_its_error_with_an_interval(open_page, run):
    app = open_page("calibration")
    table = app.dataframe[0].value.set_index("role")
    assert table.index.tolist() == ["Teacher", "MiniLM", "Tiny, 8-bit dynamic"]
    frame = run.predictions("minilm")
    ece = metrics.expected_calibration_error(frame["label"].to_numpy(), probabilities_of(frame))
    assert table.loc["MiniLM", "ece"].startswith(f"{100 * ece:.1f} % (")
    assert (table["temperature"] < 1).all()  # the synthetic models are right more often than sure
    assert table["ece_change"].str.startswith("−").all()
    assert "Accuracy is unchanged by it" in said(app)


def test_the_temperature_can_be_switched_on_by_address(open_page):
    app = open_page("calibration", models=["teacher"], scaled="true")
    assert app.toggle(key="scaled").value
    assert app.subheader[0].value == "Teacher"
    assert "at T = " in said(app)
    assert "as it is" not in said(app)


def test_without_validation_rows_the_page_says_so(open_page, run, cache_folder):
    tables = {role: run.predictions(role).assign(split="test") for role in run.by_role}
    columns = ["split", "row", "label", *probability_columns(4)]
    tables = {role: table[columns] for role, table in tables.items()}
    run_writing.write_run(cache_folder, run.record, tables, {})
    app = open_page("calibration")
    assert "no validation predictions" in said(app)
    assert not app.toggle
    assert "temperature" not in app.dataframe[0].value


def test_a_control_is_compared_only_if_asked_for(open_page, cache_folder):
    roles = ("teacher", "minilm", "tiny-baseline")  # the baseline is the smallest
    synthetic.write_run(cache_folder, roles=roles, at_hand=())
    app = open_page("calibration")
    assert app.multiselect(key="models").value == ["teacher", "minilm"]
    assert "Tiny, labels only · tiny-baseline" in app.multiselect(key="models").options


def test_no_model_chosen_leaves_the_table(open_page):
    app = open_page("calibration")
    app.multiselect(key="models").set_value([]).run()
    assert not app.exception
    assert "Choose at least one model" in said(app)
    assert len(app.dataframe[0].value) == 3


ROW = {
    "overconfidence": 0.021, "overconfidence_low": 0.015, "overconfidence_high": 0.027,
    "temperature": 1.4, "ece": 0.021, "ece_chance": 0.006,
    "ece_scaled": 0.006, "ece_change": -0.015, "ece_change_low": -0.02, "ece_change_high": -0.01,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {},
            "2.1 points overconfident on average. With T = 1.40, the ECE falls to 0.6 % (change",
        ),
        (
            {"overconfidence": -0.03, "overconfidence_low": -0.04, "overconfidence_high": -0.02},
            "3.0 points underconfident",
        ),
        (
            {"overconfidence": -0.0002, "overconfidence_low": -0.006},
            "neither overconfident nor underconfident on average",
        ),
        ({"ece": 0.005}, "no larger than chance gives"),
        ({"ece_change_high": 0.001}, "the ECE does not change for certain"),
        ({"ece_change_low": 0.001, "ece_change_high": 0.003}, "the ECE rises to 0.6 %"),
        ({"temperature": 0.05}, "settle no temperature"),
        ({"temperature": float("nan")}, "2.1 points overconfident on average."),
    ],
)
def test_the_sentence(changes, sentence):
    assert sentence in say_what_it_mends(pd.Series(ROW | changes))
