"""Shards of files and folders: together they are the whole, and they are about equal."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.__main__ import main
from pipeline.data import parquet_files
from pipeline.errors import PipelineError
from pipeline.inference import folders, large_files, shards
from pipeline.inference.shards import Shard
from tests import synthetic

COUNTS = st.integers(1, 9)


def all_shards(count):
    return [Shard(index, count) for index in range(1, count + 1)]


@given(st.dictionaries(st.text(min_size=1), st.integers(0, 10**9), max_size=20), COUNTS)
def test_every_file_is_in_one_shard_and_the_shards_are_about_equal(sizes, count):
    parts = [shards.files(sizes, shard) for shard in all_shards(count)]
    assert sorted(name for part in parts for name in part) == sorted(sizes)
    assert all(part == sorted(part) for part in parts)
    loads = [sum(sizes[name] for name in part) for part in parts]
    assert max(loads) - min(loads) <= max(sizes.values(), default=0)


def test_files_are_shared_the_same_in_any_order_of_the_listing():
    sizes = {"b": 5, "a": 5, "c": 9, "d": 1}
    reversed_ = dict(reversed(sizes.items()))
    for shard in all_shards(3):
        assert shards.files(sizes, shard) == shards.files(reversed_, shard)


@given(st.integers(0, 10**6), COUNTS)
def test_every_row_is_in_one_shard_of_neighbours(total, count):
    parts = [shards.rows(total, shard) for shard in all_shards(count)]
    assert [parts[0].start, *(part.stop for part in parts)] == [
        *(part.start for part in parts),
        total,
    ]
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


@given(st.lists(st.integers(0, 20), max_size=8), COUNTS)
def test_the_groups_hold_the_rows_and_no_group_is_read_for_nothing(sizes, count):
    groups = [
        list(range(sum(sizes[:number]), sum(sizes[: number + 1]))) for number in range(len(sizes))
    ]
    for shard in all_shards(count):
        wanted = shards.rows(sum(sizes), shard)
        own, before = parquet_files.groups_of(sizes, wanted)
        read = [row for group in own for row in groups[group]]
        assert read[before : before + len(wanted)] == list(wanted)
        assert all(set(groups[group]) & set(wanted) for group in own)


@pytest.mark.parametrize(("said", "shard"), [("1/1", Shard(1, 1)), ("02/5", Shard(2, 5))])
def test_a_shard_is_named_by_two_numbers(said, shard):
    assert shards.parse(said) == shard


@pytest.mark.parametrize("said", ["", "1", "0/2", "3/2", "1/0", "-1/2", "1/2/3", "a/b", "١/٢"])
def test_what_names_no_shard_is_one_line(said):
    with pytest.raises(PipelineError, match="shard") as caught:
        shards.parse(said)
    assert "\n" not in str(caught.value)


# --- a file's shards ---------------------------------------------------------------------------

WORDS = [word for words in synthetic.WORDS.values() for word in words]
TEXTS = [f"{WORDS[n % 20]} {'x ' * (n % 7)}".strip() for n in range(50)]


def write(path, texts=TEXTS):
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"text": texts}), path, row_group_size=8)
    else:
        header = "text\n" if path.suffix == ".csv" else ""
        path.write_text(header + "".join(f"{text}\n" for text in texts))
    return path


@pytest.mark.parametrize("kind", [".csv", ".txt", ".parquet"])
@pytest.mark.parametrize("count", [1, 3, 60])
def test_the_shards_of_a_file_are_the_whole(kind, count, artifact, tmp_path):
    source = write(tmp_path / f"in{kind}")
    large_files.classify(source, tmp_path / "whole.parquet", artifact)
    parts, said = [], []
    for shard in all_shards(count):
        target = tmp_path / "part.parquet"
        done = large_files.classify(source, target, artifact, shard=shard, say=said.append)
        parts.append(pd.read_parquet(target))
        assert done.rows == len(parts[-1])
    if count == 3:
        assert said[1].endswith("shard 2/3: rows 16 to 32")
    if count == 60:
        assert said[0].endswith("shard 1/60: no row")
    whole = pd.read_parquet(tmp_path / "whole.parquet")
    together = pd.concat(parts, ignore_index=True)
    together["label"] = together["label"].astype(whole["label"].dtype)
    pd.testing.assert_frame_equal(together, whole, check_exact=False, atol=1e-6)


def test_row_groups_of_other_shards_are_not_read(artifact, tmp_path):
    source = write(tmp_path / "in.parquet")
    groups = pq.ParquetFile(source).metadata
    column = groups.row_group(0).column(0)
    content = bytearray(source.read_bytes())
    start = column.dictionary_page_offset or column.data_page_offset
    content[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    source.write_bytes(content)
    target = tmp_path / "out.parquet"
    with pytest.raises(PipelineError, match="can't be read"):
        large_files.classify(source, target, artifact, shard=Shard(1, 4))
    assert large_files.classify(source, target, artifact, shard=Shard(4, 4)) == (13, 0)
    assert pd.read_parquet(target)["row"].tolist() == list(range(37, 50))


def test_another_shards_parts_are_not_gone_on_with(artifact, tmp_path, monkeypatch):
    source, target = write(tmp_path / "in.txt"), tmp_path / "out.parquet"
    with monkeypatch.context() as broken:
        broken.setattr(large_files, "_join", lambda *_: 1 / 0)  # killed before the last step
        with pytest.raises(ZeroDivisionError):
            large_files.classify(source, target, artifact, shard=Shard(1, 2))
    large_files.classify(source, target, artifact, shard=Shard(2, 2))
    assert pd.read_parquet(target)["row"].tolist() == list(range(25, 50))


# --- a folder's shards -------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """A folder with five input files of different lengths, and with files that are no input."""
    here = tmp_path / "in"
    (here / "deeper").mkdir(parents=True)
    for number, kind in enumerate([".csv", ".txt", ".parquet", ".txt", ".csv"]):
        write(here / f"part{number}{kind}", TEXTS[: 10 * (number + 1)])
    write(here / "deeper" / "more.txt")
    for name in ("_SUCCESS", "README.md", ".part9.txt"):
        (here / name).write_text("no input")
    return here


def test_every_file_of_a_folder_is_classified_once(folder, artifact, tmp_path, monkeypatch):
    target = tmp_path / "out"
    names = [set(folders.classify(folder, target, artifact, shard=s)) for s in all_shards(2)]
    assert all(names)
    assert not names[0] & names[1]
    inputs = {"part0.csv", "part1.txt", "part2.parquet", "part3.txt", "part4.csv"}
    assert names[0] | names[1] == inputs
    assert {path.name for path in target.iterdir()} == {f"{name}.parquet" for name in inputs}
    for name in inputs:
        large_files.classify(folder / name, tmp_path / "one.parquet", artifact)
        pd.testing.assert_frame_equal(
            pd.read_parquet(target / f"{name}.parquet"), pd.read_parquet(tmp_path / "one.parquet")
        )
    # Only a file that has changed is classified again.
    said = []
    write(folder / "part1.txt", TEXTS[::-1])
    assert set(folders.classify(folder, target, artifact, say=said.append)) == {"part1.txt"}
    assert sum(line.endswith("done before") for line in said) == 4


def test_a_folder_that_can_not_be_classified_is_one_line(folder, artifact, tmp_path):
    (tmp_path / "empty").mkdir()
    for source, target, message in [
        (tmp_path / "empty", tmp_path / "out", "has no file to classify; there may be .csv"),
        (folder, folder, "is the input"),
        (folder, folder / "part0.csv", "part0.csv is a file; for a folder, name a folder"),
    ]:
        with pytest.raises(PipelineError, match=message):
            folders.classify(source, target, artifact)


def test_the_command_takes_a_shard(cache_folder, folder, tmp_path, capsys):
    def command(*arguments):
        options = ["--model", "minilm", "--cache", cache_folder, *arguments]
        status = main(["classify", *map(str, options)])
        return status, capsys.readouterr()

    source, target = folder / "part4.csv", tmp_path / "out.parquet"
    status, told = command(source, target, "--shard", "2/3")
    third = tmp_path / "out-00002-of-00003.parquet"
    assert (status, told.out) == (0, f"{third} holds the answers to 17 texts\n")
    assert "shard 2/3: rows 16 to 32" in told.err
    assert len(pd.read_parquet(third)) == 17
    status, told = command(folder, tmp_path / "out", "--shard", "1/1")
    assert (status, told.out) == (0, f"{tmp_path / 'out'} holds the answers to 150 texts\n")
    status, told = command(source, target, "--shard", "4/3")
    assert (status, told.err) == (
        1,
        "error: there is no shard 4 of 3; they are numbered from 1 on\n",
    )
