"""Properties that hold for whatever files, texts and tables hypothesis thinks of."""

import copy
import csv
import functools
import io
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipeline.data import data_sets, uploads
from pipeline.errors import PipelineError
from pipeline.inference.classifier import Classifier
from pipeline.results import records, storage
from pipeline.results.predictions import probabilities_of, read_predictions
from pipeline.results.storage import CacheError, Run
from tests import synthetic
from views import downloads, pasted_texts

# The same examples in every run, so that no test fails only now and then.
settings.register_profile(
    "here",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("here")

# Lone surrogates and nulls included.
TEXTS = st.text(st.characters(exclude_categories=()))
WORDS = st.sampled_from([word for words in synthetic.WORDS.values() for word in words])
HEADLINES = st.lists(TEXTS | st.lists(WORDS | TEXTS, max_size=12).map(" ".join), max_size=70)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


# --- the cache ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """A run that tests damage and restore."""
    folder = tmp_path_factory.mktemp("properties") / "cache"
    return synthetic.write_run(folder, rows=80).folder


@pytest.fixture(scope="module")
def content(run_folder):
    """The content of its run.json."""
    return json.loads((run_folder / storage.RECORD).read_text("utf-8"))


NAMES = st.sampled_from(
    [storage.RECORD, "predictions/minilm.parquet", "predictions/teacher.parquet"]
)


def is_named_or_the_same(run_folder, name, damaged):
    """Check that a damaged file is reported or changes nothing; restore it afterwards."""
    path, whole = run_folder / name, storage.read_run(run_folder).record
    original = path.read_bytes()
    path.write_bytes(damaged)
    try:
        runs, problems = storage.list_runs(run_folder.parent)
    finally:
        path.write_bytes(original)
    if runs:  # only white space of the JSON has changed
        assert name == storage.RECORD
        assert [run.record for run in runs] == [whole]
    else:
        assert len(problems) == 1
        assert problems[0].startswith(f"{run_folder} is left out")
        assert "\n" not in problems[0]


@pytest.mark.slow
@settings(max_examples=60)
@given(name=NAMES, place=st.floats(0, 1, exclude_max=True), bits=st.integers(1, 255))
def test_a_byte_that_is_flipped_is_noticed(run_folder, name, place, bits):
    data = bytearray((run_folder / name).read_bytes())
    data[int(place * len(data))] ^= bits
    is_named_or_the_same(run_folder, name, bytes(data))


@settings(max_examples=30)
@given(name=NAMES, place=st.floats(0, 1, exclude_max=True))
def test_a_file_that_is_cut_short_is_noticed(run_folder, name, place):
    data = (run_folder / name).read_bytes()
    is_named_or_the_same(run_folder, name, data[: int(place * len(data))])


def places(value, path=()):
    """The path of every value within a JSON value."""
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))


@settings(max_examples=300)
@given(data=st.data(), value=JSON)
def test_a_record_that_says_anything_else_is_named_or_shown(content, run_folder, data, value):
    changed = copy.deepcopy(content) | {"checksum": ""}
    *path, last = data.draw(st.sampled_from([path for path in places(changed) if path]))
    inner = changed
    for key in path:
        inner = inner[key]
    inner[last] = value
    try:
        record = records.parse(json.dumps(changed).encode())
    except CacheError:
        return
    table = Run(run_folder, record).table()
    assert np.isfinite(table[["accuracy", "size_mb"]].astype(float)).all(axis=None)
    json.dumps(changed, ensure_ascii=False).encode()  # pages can be sent


@settings(max_examples=200)
@given(data=st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
@example(b"\xff" * 10)
@example(b"[" * 100_000)
@example(b'{"schema": 1, "models": [], "checksum": 7}')
def test_bytes_that_are_no_record_are_said_to_be_none(data):
    with pytest.raises(CacheError):
        records.parse(data)


@settings(max_examples=60)
@given(place=st.floats(0, 1, exclude_max=True), bits=st.integers(1, 255))
def test_a_table_under_a_false_checksum_is_named_or_holds_probabilities(
    run_folder, tmp_path, place, bits
):
    data = bytearray((run_folder / "predictions" / "minilm.parquet").read_bytes())
    data[int(place * len(data))] ^= bits
    (tmp_path / "damaged.parquet").write_bytes(data)
    try:
        frame = read_predictions(tmp_path / "damaged.parquet", "it", 4)
    except CacheError:
        return
    assert np.allclose(probabilities_of(frame).sum(axis=1), 1, atol=1e-3)
    assert frame["label"].between(0, 3).all()


# --- the classifier -----------------------------------------------------------------------------

# More padding in a batch changes the order of float32 sums.
SAME = 1e-6


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return Classifier(synthetic.write_artifact(tmp_path_factory.mktemp("artifact")), threads=1)


@settings(max_examples=100)
@given(texts=HEADLINES, batch_size=st.integers(1, 40))
@example(texts=["\ud800", "\x00", "\u202e", ""], batch_size=2)
@example(texts=["coach " * 5_000, "coach"], batch_size=32)
def test_any_texts_give_probabilities_in_their_order_whatever_the_batch(
    classifier, texts, batch_size
):
    found = classifier.predict_proba(texts, batch_size=batch_size)
    assert found.shape == (len(texts), 4)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    for text, row in zip(texts, found, strict=True):
        np.testing.assert_allclose(classifier.predict_proba([text])[0], row, atol=SAME)


EXAMPLES = pd.read_csv(data_sets.TOY)["text"].tolist()


@pytest.fixture(scope="module")
def int8():
    """A shipped model, and a function that returns its cached answer to a single text."""
    folder = storage.read_run(storage.CACHE / "mpnet").artifact("tiny-int8")
    assert folder, "it is in every clone"
    classifier = Classifier(folder, threads=1)
    return classifier, functools.cache(lambda text: classifier.predict_proba([text])[0])


@settings(max_examples=40)
@given(texts=st.lists(st.sampled_from(EXAMPLES) | TEXTS, min_size=2, max_size=16))
@example(texts=[EXAMPLES[0], "\ud800", "\x00", "coach " * 200, "ﷺ" * 500, "x" * 5000])
def test_dynamic_int8_does_not_depend_on_the_batch(int8, texts):
    classifier, alone = int8
    found = classifier.predict_proba(texts, batch_size=len(texts))
    np.testing.assert_array_equal(found, np.stack([alone(text) for text in texts]))


# --- uploads and downloads ----------------------------------------------------------------------


@settings(max_examples=200)
@given(
    name=st.sampled_from(uploads.sources.KINDS).map("a{}".format),
    content=st.binary(max_size=400)
    | TEXTS.map(lambda t: t.encode("utf-16", "surrogatepass"))
    | TEXTS.map(lambda t: f'[{{"text": "{t}"}}, '.encode("utf-8", "surrogatepass")),
)
def test_any_upload_is_headlines_or_one_line(name, content):
    said = ""
    try:
        file = uploads.open_upload(name, content)
        texts, _ = pasted_texts.keep_headlines(file.texts(), "Rows without text")
        "\n".join([*texts, file.summary()]).encode()  # it can be sent to a browser
    except PipelineError as error:
        said = str(error)
    assert len(said.splitlines()) <= 1


FORMULAS = tuple("=+-@\t\r\n＝＋－＠")
CELLS = st.text(max_size=6) | st.tuples(st.sampled_from(FORMULAS), st.text(max_size=4)).map("".join)


def cells(data: bytes, separator: str) -> list[str]:
    """All cells of a CSV file, as a spreadsheet reads them."""
    rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=separator)
    return [cell for row in rows for cell in row]


@settings(max_examples=200)
@given(texts=st.lists(CELLS, min_size=1, max_size=4), name=CELLS)
@example(texts=["oil;=HYPERLINK(1)", 'say "x";=1+1'], name="@SUM(1)")
def test_no_cell_of_a_download_is_a_formula(texts, name):
    table = pd.DataFrame({name: texts, "share": -0.5})
    data = downloads.to_csv(table)
    found = cells(data, ",")
    assert len(found) == 2 * (len(texts) + 1)
    assert not any(cell.startswith(FORMULAS) for cell in found if cell != "-0.5")
    assert [cell.removeprefix("'") for cell in found[2::2]] == [
        text.removeprefix("'") for text in texts
    ]
