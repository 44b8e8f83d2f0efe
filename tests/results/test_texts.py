"""The texts that a run contains: written, kept, and read from files that nobody has checked."""

import dataclasses

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import files
from pipeline.data.declarations import AGNEWS, BANKING77
from pipeline.results import records, run_writing, storage
from pipeline.results.records import CacheError
from pipeline.results.texts import TEXTS, read_texts, texts_frame
from pipeline.runs.removal import remove
from tests import synthetic

SAID = ["who?", "Wie heißt das?", "", "two\nlines", "世界 👩‍🔬"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A run "with" texts, and one "without", because its texts may not be redistributed."""
    folder = tmp_path_factory.mktemp("texts") / "cache"
    synthetic.write_run(folder, "with", rows=40, labels=("a", "b"), data_set=BANKING77)
    synthetic.write_run(folder, "without", rows=40, data_set=AGNEWS)
    return folder


def test_texts_are_read_back(tmp_path):
    table = texts_frame(np.array([5, 1, 2, 9, 7]), SAID)
    table.to_parquet(tmp_path / TEXTS, index=False)
    found = read_texts(tmp_path / TEXTS, TEXTS)
    assert found["row"].tolist() == [5, 1, 2, 9, 7]
    assert found["text"].tolist() == SAID


def test_a_run_has_the_texts_of_its_test_rows_under_a_checksum(cache):
    run = storage.read_run(cache / "with")
    assert run.texts()["row"].tolist() == run.predictions("teacher")["row"].tolist()
    assert run.record.files[TEXTS] == files.sha256(run.folder / TEXTS)
    assert run.record.schema == records.SCHEMA
    assert storage.read_run(cache / "without").texts() is None
    assert not (cache / "without" / TEXTS).exists()


def test_texts_stay_as_the_run_is_written_anew(tmp_path):
    run = synthetic.write_run(tmp_path, rows=40, labels=("a", "b"), data_set=BANKING77)
    before = run.texts()
    again = run_writing.rewrite_run(run, dataclasses.replace(run.record, created="later"))
    pd.testing.assert_frame_equal(again.texts(), before)
    pd.testing.assert_frame_equal(remove(again, "minilm").texts(), before)


def test_texts_that_have_changed_are_refused(tmp_path):
    run = synthetic.write_run(tmp_path, rows=40, labels=("a", "b"), data_set=BANKING77)
    texts_frame(np.arange(40), ["other"] * 40).to_parquet(run.folder / TEXTS, index=False)
    with pytest.raises(CacheError, match=f"{TEXTS} has changed since it was written"):
        storage.read_run(run.folder)


BOMB = pa.array(["x" * 1_000_000]).dictionary_encode()
"""A text of a megabyte. A file can repeat it at almost no size."""
ODD = {
    "other columns": ({"row": [0], "texts": ["a"]}, "has other columns than row and text"),
    "numbers": ({"row": [0], "text": [1]}, "holds what is no row number or no text"),
    "rows that are no numbers": ({"row": ["a"], "text": ["a"]}, "no row number"),
    "nothing": ({"row": [0, 1], "text": ["a", None]}, "no row number or no text"),
    "a row twice": ({"row": [0, 0], "text": ["a", "b"]}, "names a row twice"),
    "a bomb": (
        {"row": range(300), "text": pa.DictionaryArray.from_arrays([0] * 300, BOMB.dictionary)},
        "holds more than 200 MB of text",
    ),
}


@pytest.mark.parametrize("case", ODD)
def test_what_can_not_be_texts_is_refused_in_a_line(tmp_path, case):
    columns, said = ODD[case]
    table = pa.table(
        {name: pa.array(list(v)) if name == "row" else v for name, v in columns.items()}
    )
    pq.write_table(table, tmp_path / TEXTS)
    assert (tmp_path / TEXTS).stat().st_size < 2_000_000
    with pytest.raises(CacheError, match=said) as refused:
        read_texts(tmp_path / TEXTS, TEXTS)
    assert "\n" not in str(refused.value)


def test_what_is_no_parquet_file_is_refused_in_a_line(tmp_path):
    (tmp_path / TEXTS).write_bytes(b"PAR1 and nothing else")
    with pytest.raises(CacheError, match="can't be read"):
        read_texts(tmp_path / TEXTS, TEXTS)
