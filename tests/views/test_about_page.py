"""About the run: what the figures rest on, and what they mean."""

from pipeline.results.conditions import KINDS
from tests import synthetic
from tests.views.test_compare_page import change_model, texts
from views.glossary import GLOSSARY


def test_it_tells_data_recipe_hardware_and_command(open_page):
    app = open_page("about")
    codes = "\n".join(code.value for code in app.code)
    facts = next(text.value for text in app.text if text.value.startswith("Run synthetic"))
    assert "MPNet and its students · 3 models, of which 1 distilled" in facts
    assert "3 stale" in facts
    assert "Fingerprint: " + " ".join(["0000"] * 16) in codes  # in parts, so that it can wrap
    assert "Seed of the split: 42" in codes
    assert "threads: 2" in codes
    assert "python -m pipeline run --family mpnet --train-rows 800 --run synthetic" in codes
    assert "python -m pipeline verify synthetic" in codes
    recipes = app.dataframe[0].value
    assert recipes["role"].tolist() == ["teacher", "minilm", "tiny-int8"]
    assert recipes["parent"].tolist() == ["", "teacher", "tiny"]
    assert "not made yet: distil" in texts(app)


def test_sections_open_by_address(open_page):
    opened = {e.label: e.proto.expanded for e in open_page("about", show_data="true").expander}
    assert [name for name, is_open in opened.items() if is_open] == ["The data"]
    assert len(opened) == 6


def test_every_word_is_explained_and_can_be_sought(open_page):
    said = texts(open_page("about"))
    assert all(f"**{term}**" in said for term in GLOSSARY)
    said = texts(open_page("about", term="bonferroni"))
    assert "**Simultaneous bounds**" in said
    assert "**Peak memory**" not in said
    assert "No word of that kind" in texts(open_page("about", term="zzz"))


def test_the_notebooks_mistakes_are_told_except_of_a_toy(open_page, cache_folder):
    assert "os.path.getsize" in texts(open_page("about"))
    synthetic.write_run(cache_folder, "a-toy", family="toy")
    assert "os.path.getsize" not in texts(open_page("about", run="a-toy (toy)"))


def test_measured_in_two_places_is_told_apart(open_page, cache_folder):
    change_model(
        cache_folder / "synthetic", "minilm", measured_on={kind: {"threads": 8} for kind in KINDS}
    )
    app = open_page("about")
    assert "Not all were measured under the same conditions" in texts(app)
    said = [text.value for text in app.text]
    assert "Predictions, latency, throughput of minilm" in said
    assert "Predictions of teacher, tiny-int8" in said
    assert "Latency, throughput of teacher, tiny-int8" in said
    assert any(code.value == "threads: 8" for code in app.code)


def test_a_record_with_odd_fields_is_shown(open_page, cache_folder):
    change_model(
        cache_folder / "synthetic",
        "minilm",
        settings={"weights": 4, "epochs": None},
        training={"rate": None, "rows": 0},
        measured_on={kind: {} for kind in KINDS},
    )
    assert len(open_page("about").dataframe[0].value) == 3


def test_the_recipe_says_on_how_many_rows_a_model_was_trained(open_page, cache_folder):
    change_model(cache_folder / "synthetic", "minilm", training={"rows": 900})
    table = open_page("about").dataframe[0].value.set_index("role")
    assert table["rows"]["minilm"] == 900


def test_ngrams_are_said_to_be_stored_in_4_bits(open_page, cache_folder):
    change_model(cache_folder / "synthetic", "minilm", settings={"architecture": "ngrams"})
    table = open_page("about").dataframe[0].value.set_index("role")
    assert table["bits"]["minilm"] == "4 bits, symmetric"
    assert table["bits"]["teacher"] == "32-bit fractions"
