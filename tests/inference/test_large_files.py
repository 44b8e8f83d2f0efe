"""Classifying a file into a parquet file: kinds of input, kill and resume, one-line errors."""

import gzip
import signal
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.class_names import probability_columns
from pipeline.data.data_sets import LABELS
from pipeline.data.reader import Form
from pipeline.errors import PipelineError
from pipeline.inference import large_files
from pipeline.inference.classifier import Classifier
from tests import pipelines, synthetic

WORDS = [word for words in synthetic.WORDS.values() for word in words]
TEXTS = [f"{WORDS[i % len(WORDS)]} {'x ' * (7 * i % 11)}".strip() for i in range(50)]


@pytest.fixture
def folder(artifact):
    return artifact


def write(path, texts=TEXTS):
    if path.suffix == ".csv":
        pd.DataFrame({"id": range(len(texts)), "Headline": texts}).to_csv(path, index=False)
    elif path.suffix == ".parquet":
        pq.write_table(pa.table({"text": texts}), path)
    else:
        path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", [".csv", ".txt", ".parquet"])
@pytest.mark.parametrize("workers", [1, 3])
def test_rows_are_the_classifiers_in_the_inputs_order(kind, workers, folder, tmp_path):
    done = []
    source, target = write(tmp_path / f"in{kind}"), tmp_path / "out.parquet"
    rows, without_text = large_files.classify(
        source, target, folder, workers=workers, window=16, progress=done.append
    )
    assert rows == sum(done) == len(TEXTS)
    assert without_text == 0
    table = pd.read_parquet(target)
    assert list(table) == ["row", "label", *probability_columns(4)]
    assert table["row"].tolist() == list(range(50))
    expected = np.concatenate([Classifier(folder).predict_proba([text]) for text in TEXTS])
    np.testing.assert_allclose(table[probability_columns(4)], expected, atol=1e-6)
    assert table["label"].tolist() == [LABELS[i] for i in expected.argmax(axis=1)]
    assert sorted(path.name for path in tmp_path.iterdir()) == [source.name, target.name]


def test_an_interrupted_call_goes_on_and_ends_the_same(folder, tmp_path, monkeypatch):
    source, target = write(tmp_path / "in.txt"), tmp_path / "out.parquet"
    large_files.classify(source, tmp_path / "whole.parquet", folder, window=16)
    predict, calls = Classifier.predict_proba, []

    def fail_at_the_third(self, texts, *rest):
        calls.append(len(texts))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return predict(self, texts, *rest)

    monkeypatch.setattr(Classifier, "predict_proba", fail_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        large_files.classify(source, target, folder, window=16)
    assert not target.exists()
    large_files.classify(source, target, folder, window=16)
    assert calls == [16, 16, 16, 16, 2]  # the third window twice, the others once
    pd.testing.assert_frame_equal(
        pd.read_parquet(target), pd.read_parquet(tmp_path / "whole.parquet")
    )
    # If the texts have changed since an interruption, it starts again.
    calls[:] = []
    with pytest.raises(KeyboardInterrupt):
        large_files.classify(source, target, folder, window=16)
    write(source, TEXTS[::-1])
    calls.append(0)
    large_files.classify(source, target, folder, window=16)
    assert (
        pd.read_parquet(target)["label"].tolist()
        == (pd.read_parquet(tmp_path / "whole.parquet")["label"].tolist()[::-1])
    )


@pytest.mark.slow
def test_a_killed_process_goes_on(cache_folder, tmp_path):
    source, target = write(tmp_path / "in.txt", TEXTS * 1200), tmp_path / "out.parquet"
    command = ("classify", source, target, "--model", "minilm", "--cache", cache_folder)
    process = pipelines.start(*command)
    parts = tmp_path / ".out.parquet.parts"
    while process.poll() is None and len(list(parts.glob("*.parquet"))) < 2:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not target.exists()
    first, _ = sorted(parts.glob("*.parquet"))[:2]
    # Mark a complete part, to see that it is not made again.
    marked = pq.read_table(first)
    place = marked.column_names.index("p0")
    marked = marked.set_column(place, "p0", pa.array(np.full(len(marked), 7, np.float32)))
    pq.write_table(marked, first)
    process = pipelines.run(*command)
    assert process.returncode == 0, process.stderr
    assert process.stdout == f"{target} holds the answers to 60,000 texts\n"
    table = pd.read_parquet(target)
    assert table["row"].tolist() == list(range(60_000))
    assert (table["p0"] == 7).sum() == len(marked)
    assert not parts.exists()


def test_a_window_is_all_that_is_held(folder, tmp_path, monkeypatch):
    source = write(tmp_path / "in.txt", TEXTS * 100)
    predict, sizes = Classifier.predict_proba, []

    def watch(self, texts, *rest):
        sizes.append(len(texts))
        return predict(self, texts, *rest)

    monkeypatch.setattr(Classifier, "predict_proba", watch)
    large_files.classify(source, tmp_path / "out.parquet", folder, window=64)
    assert sizes == [64] * 78 + [8]
    assert pq.ParquetFile(tmp_path / "out.parquet").num_row_groups == len(sizes)


@pytest.mark.parametrize(
    ("name", "content", "column", "message"),
    [
        ("in.csv", "id,text\n1,a\n", "title", "no column 'title'; it has id, text"),
        ("in.csv", "id,text\n1,a\n2,b,c\n", None, "line 3: 3 fields where the first has 2"),
        ("in.csv", 'id,text\n1,"a\n', None, "can't be read"),
        ("in.csv", "", None, "is empty"),
        ("in.csv", "id,text\n1,a\n" * 9 + "2\n", None, "line 19: 1 fields"),
        ("in.csv", "text\n", None, "holds no text"),
        ("in.txt", "", None, "holds no text"),
        ("in.txt", "a\n", "text", "has no columns"),
        ("in.txt", b"caf\xe9\n\x81\n", None, "Windows-1252: byte 0x81 in line 2"),
        ("in.parquet", b"PAR1 and no more", None, "can't be read"),
        ("in.xlsx", b"PK\x03\x04", None, "save the sheet as CSV"),
        ("in.csv", b"PK\x03\x04", None, "a zip archive or an Excel file"),
        ("in.zip", b"PK\x03\x04", None, "an archive; unpack it"),
        ("in.doc", b"", None, "not a .csv, .tsv, .txt, .jsonl, .json or .parquet file"),
        ("in.csv.gz", gzip.compress(b"text\na\n", mtime=0)[:-9], None, "a damaged gzip file"),
        ("in.txt", None, None, "no file at"),
    ],
)
def test_what_can_not_be_read_is_one_line(name, content, column, message, folder, tmp_path):
    source = tmp_path / name
    if content is not None:
        source.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(PipelineError, match=message) as caught:
        large_files.classify(
            source, tmp_path / "out.parquet", folder, form=Form((column,) if column else ())
        )
    assert "\n" not in str(caught.value)
    assert {path.name for path in tmp_path.iterdir()} <= {name}


def test_rows_without_text_keep_their_place_and_get_no_label(folder, tmp_path):
    source, target = tmp_path / "in.csv", tmp_path / "out.parquet"
    source.write_text("id,text\n1,coach\n2,\n3,NaN\n4,  \n5,bank\n6,\n7,\n")
    done, said = [], []
    counted = large_files.classify(
        source, target, folder, window=3, progress=done.append, say=said.append
    )
    assert counted == (7, 5)
    assert sum(done) == 7
    assert said == ["read column 'text' of 2, 7 rows, with a header, 5 without text"]
    table = pd.read_parquet(target)
    assert table["row"].tolist() == list(range(7))
    assert table["label"].notna().tolist() == [True, False, False, False, True, False, False]
    names = probability_columns(4)
    expected = Classifier(folder).predict_proba(["coach", "bank"])
    np.testing.assert_allclose(table.loc[[0, 4], names], expected, atol=1e-6)
    assert table.loc[[1, 2, 3, 5, 6], names].isna().all(axis=None)


def test_numbers_are_no_texts(folder, tmp_path):
    pq.write_table(pa.table({"text": [1, 2]}), tmp_path / "in.parquet")
    with pytest.raises(PipelineError, match="holds int64, not texts"):
        large_files.classify(tmp_path / "in.parquet", tmp_path / "out.parquet", folder)


def test_the_output_must_be_another_parquet_file(folder, tmp_path):
    source = write(tmp_path / "in.parquet")
    for target, message in [
        (source, "is the input"),
        (tmp_path / "out.csv", r"should end in \.parquet"),
        (tmp_path / "nowhere" / "out.parquet", "no folder"),
    ]:
        with pytest.raises(PipelineError, match=message):
            large_files.classify(source, target, folder)


def test_of_several_runs_the_command_asks_ag_news_largest_and_says_so(cache_folder, tmp_path):
    synthetic.write_run(cache_folder, "a-toy", family="toy", rows=4000)
    synthetic.write_run(cache_folder, "larger", rows=1600)
    source, target = write(tmp_path / "in.csv"), tmp_path / "out.parquet"
    done = pipelines.call("classify", source, target, "--model", "minilm", "--cache", cache_folder)
    assert done.returncode == 0, done.stderr
    assert "minilm of larger; --run takes another run's: synthetic, a-toy\n" in done.stderr
    assert target.is_file()


@pytest.mark.slow
def test_the_command_names_its_model(cache_folder, tmp_path):
    source, target = write(tmp_path / "in.csv"), tmp_path / "out.parquet"
    for more, message in [
        (("--model", "nobody"), "no model 'nobody' is installed"),
        (("--model", "minilm", "--run", "nowhere"), "no run nowhere"),
    ]:
        process = pipelines.run("classify", source, target, *more, "--cache", cache_folder)
        assert process.returncode == 1
        assert message in process.stderr
        assert "Traceback" not in process.stderr
