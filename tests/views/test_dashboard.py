"""Every page through streamlit's AppTest, which runs the script without a browser."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from pipeline.results import run_writing, storage
from tests import synthetic
from views import run_command
from views.parts.common import plain

DASHBOARD = Path(__file__).resolve().parents[2] / "dashboard.py"


def texts(app) -> str:
    """Everything on the page that is rendered as markdown."""
    kinds = ("markdown", "header", "subheader", "caption", "warning", "error", "info", "title")
    return "\n".join(element.value for kind in kinds for element in getattr(app, kind))


def damage(folder):
    (folder / "predictions" / "minilm.parquet").write_bytes(b"")


# --- frontier -----------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["", "frontier", "compare"])
def test_frontier_has_a_row_a_model(open_page, address):
    app = open_page(address)
    table = app.dataframe[0].value
    assert table["role"].tolist() == ["teacher", "minilm", "tiny-int8"]
    row = table.set_index("role").loc["minilm"]
    low, high = (float(x.strip("%")) for x in row["interval"].split(" – "))
    assert low < row["accuracy"] < high
    assert row["size_mb"] == 91
    assert row["reported_accuracy"] == pytest.approx(93)
    assert "os.path.getsize" in texts(app)
    assert "fp16" in texts(app)
    assert "never saw the teacher" in texts(app)


def test_the_table_tells_where_a_difference_is_found(open_page):
    against = open_page("compare").dataframe[0].value.set_index("role")["against"]
    assert re.fullmatch(r"at most [\d.]+ points less accurate", against["minilm"])
    assert re.fullmatch(r"[\d.]+ to [\d.]+ points less accurate", against["tiny-int8"])


def test_toy_runs_are_marked_and_never_beside_the_notebooks_figures(open_page, cache_folder):
    synthetic.write_run(cache_folder, "a-toy", family="toy")
    app = open_page("compare")
    assert app.selectbox(key="run").value == "synthetic"  # though "a-toy" comes first by name
    app = open_page("compare", run="a-toy (toy)")
    assert "Toy run" in app.warning[0].value
    assert "reported_accuracy" not in app.dataframe[0].value
    assert not app.toggle


def test_the_run_with_most_training_rows_comes_first(open_page, cache_folder):
    synthetic.write_run(cache_folder, "larger", rows=1600)
    assert open_page("compare").selectbox(key="run").options == ["larger", "synthetic"]


# --- confusion ----------------------------------------------------------------------------------


def test_confusion_shows_the_chosen_models(open_page):
    app = open_page("confusion", models=["teacher", "minilm", "tiny-int8"], cells="Row shares")
    called = [plain(name) for name in ("Teacher", "MiniLM", "Tiny, 8-bit dynamic")]
    assert [e.value for e in app.subheader][:3] == called
    assert app.selectbox(key="cells").value == "Row shares"
    first = app.dataframe[0].value
    assert first["class"].tolist() == 3 * ["World", "Sports", "Business", "Sci/Tech"]
    assert first["recall"].between(90, 100).all()


def test_confusion_of_no_model_asks_for_one(open_page):
    app = open_page("confusion")
    app.multiselect(key="models").set_value([]).run()
    assert not app.exception
    assert "Choose at least one" in app.info[0].value


def test_a_link_to_models_that_are_not_there_says_so(open_page):
    app = open_page("confusion", models=["../../etc", "minilm", "*huge*"], cells="<b>")
    assert [e.value for e in app.subheader][:1] == ["MiniLM"]
    assert "asks for a model of this run that does not exist" in app.warning[0].value
    said = "../../etc, *huge*\nThere are: teacher, minilm, tiny-int8"
    assert said in [text.value for text in app.text]
    app.run()
    app = open_page("errors", model="huge")
    assert any("huge\nThere are" in text.value for text in app.text)
    assert not open_page("confusion", models=["minilm"]).warning


@pytest.mark.parametrize("address", ["compare", "confusion", "about", "present", "try"])
def test_a_link_to_a_run_that_is_not_there_shows_no_other_runs_figures(
    open_page, cache_folder, address
):
    synthetic.write_run(cache_folder, "larger", rows=1600)
    app = open_page(address, run="<b>gone</b>")
    assert [header.value for header in app.header] == ["This run does not exist"]
    assert app.text[0].value == "The address asks for run <b>gone</b>. There are:"
    assert [link.label for link in app.get("page_link")] == ["larger", "synthetic"]
    assert not app.dataframe
    assert not app.selectbox
    assert open_page("compare", run="synthetic").selectbox(key="run").value == "synthetic"


# --- empty caches and damaged runs --------------------------------------------------------------


def test_an_empty_cache_says_what_to_run(open_page, cache_folder):
    shutil.rmtree(cache_folder / "synthetic")
    for address in ("compare", "confusion", "about", "present", "try"):
        app = open_page(address)
        assert "no run" in app.header[0].value
        assert app.code[0].value == "python -m pipeline run --family toy"
    shutil.rmtree(cache_folder)
    assert "no run" in open_page("compare").header[0].value


@pytest.mark.parametrize("address", ["compare", "confusion", "about", "present", "try"])
def test_a_run_that_is_not_whole_is_named_beside_one_that_is(open_page, cache_folder, address):
    synthetic.write_run(cache_folder, "whole")
    damage(cache_folder / "synthetic")
    app = open_page(address)
    assert "Not every run" in app.warning[0].value
    assert "minilm.parquet has changed" in app.code[0].value
    assert app.selectbox(key="run").options == ["whole"]


def test_a_run_that_is_whole_but_odd_is_named(open_page, cache_folder):
    synthetic.write_run(cache_folder, "whole")
    run = storage.read_run(cache_folder / "synthetic")
    files = {role: run.folder / "predictions" / f"{role}.parquet" for role in run.by_role}
    no_test = {r: pd.read_parquet(f).assign(split="validation") for r, f in files.items()}
    run_writing.write_run(cache_folder, run.record, no_test, {})
    app = open_page("compare")
    assert app.code[0].value.endswith("synthetic is left out: it has no predictions on test rows")
    assert app.selectbox(key="run").options == ["whole"]


def test_damage_under_an_open_page_is_noticed(open_page, cache_folder):
    app = open_page("compare")
    assert not any("Not every run" in warning.value for warning in app.warning)
    damage(cache_folder / "synthetic")
    app.run()
    assert not app.exception
    assert "Not every run" in app.warning[0].value


def test_a_run_that_is_swapped_under_an_open_page_is_read_anew(open_page, cache_folder):
    app = open_page("confusion", models=["tiny-int8"])
    aside = cache_folder / ".old-synthetic"
    (cache_folder / "synthetic").rename(aside)
    app.run()
    assert not app.exception
    assert "no run" in app.header[0].value
    shutil.rmtree(aside)
    synthetic.write_run(cache_folder, roles=("teacher", "distil"))
    app.run()
    assert not app.exception
    assert set(app.multiselect(key="models").options) == {
        "Teacher",
        "Half the teacher · distil",
    }


def test_an_unknown_option_is_one_line(open_page, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["dashboard.py", "--cach", "x"])
    app = AppTest.from_file(str(DASHBOARD), default_timeout=20).run()
    assert not app.exception
    assert "`--cache DIR`" in app.error[0].value


# --- parts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "made"),
    [
        (
            "python -m pipeline run --family mpnet --data '../my data' --only tiny qat --run r",
            "python -m pipeline run --family mpnet --data '../my data' --run r --only minilm",
        ),
        (
            "python -m pipeline run --family mpnet --only tiny",
            "python -m pipeline run --family mpnet --run synthetic --only minilm",
        ),
        ("rm -rf /", "python -m pipeline run --family mpnet --run synthetic --only minilm"),
        ("", "python -m pipeline run --family mpnet --run synthetic --only minilm"),
    ],
)
def test_the_command_that_makes_a_model(cache_folder, command, made):
    path = cache_folder / "synthetic" / storage.RECORD
    path.write_text(json.dumps(json.loads(path.read_text()) | {"command": command, "checksum": ""}))
    record = storage.read_run(path.parent).record
    assert run_command.make_command(record, "minilm") == f"# minilm, 91 MB\n{made}"


@pytest.mark.slow
def test_the_dashboard_imports_neither_torch_nor_transformers_nor_datasets(
    cache_folder, data_folder
):
    synthetic.write_run(cache_folder, rows=40)  # no more rows than the data set has
    script = f"""
import sys
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash
sys.argv = ["dashboard.py", "--cache", {str(cache_folder)!r}, "--data", {str(data_folder)!r}]
for address in ("compare", "confusion", "errors", "calibration", "about", "present", "try"):
    app = AppTest.from_file({str(DASHBOARD)!r}, default_timeout=60)
    app._page_hash = calc_hash(address)
    app.run()
    assert not app.exception, app.exception
    assert app.header or app.title, address
    said = [text.value for text in app.text]
    assert address != "errors" or any("not the data set that the" in text for text in said), said
    if address == "compare":  # the first that people see is not to wait for these
        print(sorted({{"sklearn", "scipy.stats", "scipy.optimize"}} & set(sys.modules)))
assert app.dataframe, "no model answered"
print(sorted({{"torch", "transformers", "datasets"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=DASHBOARD.parent,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["[]", "[]"]
