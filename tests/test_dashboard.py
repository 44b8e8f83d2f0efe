"""Every page through streamlit's AppTest, which runs the script without a browser."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from pipeline import answers, cache
from tests import synthetic

DASHBOARD = Path(__file__).resolve().parent.parent / "dashboard.py"
HOSTILE = [
    "<img src=x onerror=alert(1)> coach",
    "**bold** [link](javascript:alert(1)) :material/home: $x^2$",
    "=HYPERLINK(1)",
    "🎉 الكأس",
    "election " * 1_200,
]


@pytest.fixture
def open_page(cache_folder, monkeypatch):
    """Opens a page of the dashboard on the test's cache, by its address."""
    monkeypatch.setattr(sys, "argv", ["dashboard.py", "--cache", str(cache_folder)])
    st.cache_data.clear()
    st.cache_resource.clear()

    def open_page(address, **query):
        app = AppTest.from_file(str(DASHBOARD), default_timeout=20)
        app._page_hash = calc_hash(address)  # AppTest.switch_page knows pages of files only
        app.query_params.update(query)
        app.run()
        assert not app.exception
        return app

    return open_page


def texts(app) -> str:
    """Everything on the page that is rendered as markdown."""
    kinds = ("markdown", "header", "subheader", "caption", "warning", "error", "info", "title")
    return "\n".join(element.value for kind in kinds for element in getattr(app, kind))


def damage(folder):
    (folder / "predictions" / "minilm.parquet").write_bytes(b"")


# --- frontier -----------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["", "frontier"])
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


def test_ties_are_named(open_page):
    p = open_page("frontier").dataframe[0].value.set_index("role")["p_teacher"]
    assert p["tiny-int8"] < 0.05 <= p["minilm"]
    said = texts(open_page("frontier")).split("Not told apart")[1]
    assert "`minilm`" in said
    assert "tiny-int8" not in said


def test_toy_runs_are_marked_and_never_beside_the_notebooks_figures(open_page, cache_folder):
    synthetic.write_run(cache_folder, "a-toy", family="toy")
    app = open_page("frontier")
    assert app.selectbox(key="run").value == "synthetic"  # though "a-toy" comes first by name
    app = open_page("frontier", run="a-toy (toy)")
    assert "Toy run" in app.warning[0].value
    assert "reported_accuracy" not in app.dataframe[0].value
    assert not app.toggle


def test_the_run_with_most_training_rows_comes_first(open_page, cache_folder):
    synthetic.write_run(cache_folder, "larger", rows=1600)
    assert open_page("frontier").selectbox(key="run").options == ["larger", "synthetic"]


# --- confusion ----------------------------------------------------------------------------------


def test_confusion_shows_the_chosen_models(open_page):
    app = open_page("confusion", models=["teacher", "minilm", "tiny-int8"], cells="Shares")
    assert [e.value for e in app.subheader] == ["teacher", "minilm", "tiny-int8"]
    assert app.segmented_control(key="cells").value == "Shares"
    first = app.dataframe[0].value
    assert first["class"].tolist() == ["World", "Sports", "Business", "Sci/Tech"]
    assert first["recall"].between(90, 100).all()


def test_confusion_of_no_model_asks_for_one(open_page):
    app = open_page("confusion")
    app.multiselect(key="models").set_value([]).run()
    assert not app.exception
    assert "Choose at least one" in app.info[0].value


def test_a_link_with_nonsense_is_served(open_page):
    app = open_page("confusion", models=["../../etc", "minilm"], run="nothing", cells="<b>")
    assert [e.value for e in app.subheader] == ["minilm"]


# --- try it -------------------------------------------------------------------------------------


def ask(app, pasted):
    app.text_area(key="headlines").set_value(pasted)
    app.run()
    assert not app.exception
    return app


def test_models_answer_side_by_side_and_disagreement_shows(open_page):
    app = ask(open_page("try"), "coach wins the cup\n\nbank merger")
    wide, detail = (frame.value for frame in app.dataframe)
    assert wide["Headline"].tolist() == ["coach wins the cup", "bank merger"]
    assert wide["Agreement"].tolist() == ["both agree", "≠ 1 World, 1 Business"]
    assert wide["minilm"][1].startswith("Business")
    assert wide["tiny-int8"][1] == "World 25%"
    assert detail["Model"].tolist() == ["minilm", "tiny-int8"]
    assert (detail[["World", "Sports", "Business", "Sci/Tech"]].sum(axis=1) - 100).abs().max() < 0.1
    assert (detail["ms"] > 0).all()
    assert "Blank lines are left out: 1." in texts(app)


def test_it_starts_with_examples(open_page):
    app = open_page("try")
    known = set(pd.read_csv(DASHBOARD.parent / "pipeline" / "headlines.csv")["text"])
    assert set(app.text_area(key="headlines").value.splitlines()) <= known
    app.button[2].click().run()
    assert len(app.text_area(key="headlines").value.splitlines()) == 10
    assert set(app.dataframe[0].value["Headline"]) <= known


def test_hostile_headlines_are_data_and_never_markup(open_page):
    app = ask(open_page("try"), "\n".join(HOSTILE))
    assert app.dataframe[0].value["Headline"].tolist() == [text.strip() for text in HOSTILE]
    for text in HOSTILE:
        assert text[:10] not in texts(app)
    app = ask(app, HOSTILE[0])
    assert app.code[0].value == HOSTILE[0]
    assert HOSTILE[0][:10] not in texts(app)
    assert "Longer than 10,000" not in texts(app)


def test_only_blank_lines(open_page):
    app = ask(open_page("try"), " \n\n\t")
    assert not app.dataframe
    assert "Blank lines are left out: 3." in texts(app)


def test_too_many_headlines_are_cut_with_a_word(open_page):
    app = ask(open_page("try"), "\n".join(["coach"] * 1_001))
    assert len(app.dataframe[0].value) == 1_000
    assert "first 1,000 of 1,001" in texts(app)


def test_a_model_that_is_not_here_is_listed_with_its_command(open_page):
    code = open_page("try").code[-1].value
    assert "# teacher, 438 MB" in code
    assert "--train-rows 800 --run synthetic --only teacher" in code
    assert "--only minilm" not in code


def test_without_any_artifact_commands_are_all_there_is(open_page, cache_folder):
    shutil.rmtree(cache_folder / "synthetic" / "artifacts")
    app = open_page("try")
    assert not app.text_area
    assert app.code[-1].value.count("--only") == 3


def test_a_damaged_artifact_is_named_and_the_others_answer(open_page, cache_folder):
    graph = cache_folder / "synthetic" / "artifacts" / "minilm" / "model.onnx"
    content = graph.read_bytes()
    graph.unlink()  # it may be linked elsewhere
    graph.write_bytes(content[:-10] + b"0123456789")
    app = ask(open_page("try"), "coach\nbank")
    assert "minilm can't be asked" in app.warning[0].value
    assert "is not the file that its run recorded" in app.code[0].value
    assert list(app.dataframe[0].value)[2:] == ["tiny-int8"]


def test_a_replaced_artifact_is_loaded_anew(open_page, cache_folder):
    app = ask(open_page("try"), "coach\nbank")
    before = app.dataframe[0].value["minilm"][0]
    drafts = cache_folder.parent / "cache-drafts"
    shutil.rmtree(drafts)
    synthetic.write_run(cache_folder, roles=("teacher", "tiny", "minilm"), at_hand=["minilm"])
    app.run()
    assert not app.exception
    assert app.dataframe[0].value["minilm"][0] != before


# --- what is not whole --------------------------------------------------------------------------


def test_an_empty_cache_says_what_to_run(open_page, cache_folder):
    shutil.rmtree(cache_folder / "synthetic")
    for address in ("frontier", "confusion", "try"):
        app = open_page(address)
        assert "no run" in app.header[0].value
        assert app.code[0].value == "python -m pipeline run --family toy"
    cache_folder.rmdir()
    assert "no run" in open_page("frontier").header[0].value


@pytest.mark.parametrize("address", ["frontier", "confusion", "try"])
def test_a_run_that_is_not_whole_is_named_beside_one_that_is(open_page, cache_folder, address):
    synthetic.write_run(cache_folder, "whole")
    damage(cache_folder / "synthetic")
    app = open_page(address)
    assert "Not every run" in app.warning[0].value
    assert "minilm.parquet has changed" in app.code[0].value
    assert app.selectbox(key="run").options == ["whole"]


def test_a_run_that_is_whole_but_odd_is_named(open_page, cache_folder):
    synthetic.write_run(cache_folder, "whole")
    run = cache.read_run(cache_folder / "synthetic")
    files = {role: run.folder / "predictions" / f"{role}.parquet" for role in run.by_role}
    no_test = {r: pd.read_parquet(f).assign(split="validation") for r, f in files.items()}
    cache.write_run(cache_folder, run.record, no_test, {})
    app = open_page("frontier")
    assert app.code[0].value.endswith("synthetic is left out: it has no predictions on test rows")
    assert app.selectbox(key="run").options == ["whole"]


def test_damage_under_an_open_page_is_noticed(open_page, cache_folder):
    app = open_page("frontier")
    assert not app.warning
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
    assert set(app.multiselect(key="models").options) == {"teacher", "distil"}


def test_an_unknown_option_is_one_line(open_page, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["dashboard.py", "--cach", "x"])
    app = AppTest.from_file(str(DASHBOARD), default_timeout=20).run()
    assert not app.exception
    assert "`--cache DIR`" in app.error[0].value


# --- parts --------------------------------------------------------------------------------------


def test_csv_holds_no_formula():
    table = pd.DataFrame({"text": ["=1+1", "+1", "-1", "@x", "\tx", "fine"], "number": [-1.0] * 6})
    lines = answers.to_csv(table).decode().splitlines()
    assert lines[1:] == ["'=1+1,-1.0", "'+1,-1.0", "'-1,-1.0", "'@x,-1.0", "'\tx,-1.0", "fine,-1.0"]


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
    path = cache_folder / "synthetic" / cache.RECORD
    path.write_text(json.dumps(json.loads(path.read_text()) | {"command": command}))
    record = cache.read_run(path.parent).record
    assert answers.make_command(record, "minilm") == f"# minilm, 91 MB\n{made}"


def test_the_dashboard_imports_neither_torch_nor_transformers_nor_datasets(cache_folder):
    script = f"""
import sys
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash
sys.argv = ["dashboard.py", "--cache", {str(cache_folder)!r}]
for address in ("frontier", "confusion", "try"):
    app = AppTest.from_file({str(DASHBOARD)!r}, default_timeout=60)
    app._page_hash = calc_hash(address)
    app.run()
    assert not app.exception, app.exception
    assert app.header, address
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
    assert done.stdout.strip() == "[]"
