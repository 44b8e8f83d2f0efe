"""Parts of files and folders: together they are the whole, apart they are about equal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.inference import shards
from pipeline.inference.shards import Shard

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


@given(st.integers(0, 50), COUNTS)
def test_every_line_is_in_one_shard(total, count):
    parts = [range(total)[shards.lines(shard)] for shard in all_shards(count)]
    assert sorted(row for part in parts for row in part) == list(range(total))


@given(st.lists(st.integers(0, 20), max_size=8), COUNTS)
def test_the_groups_hold_the_rows_and_no_group_is_read_for_nothing(sizes, count):
    groups = [
        list(range(sum(sizes[:number]), sum(sizes[: number + 1]))) for number in range(len(sizes))
    ]
    for shard in all_shards(count):
        wanted = shards.rows(sum(sizes), shard)
        own, before = shards.row_groups(sizes, wanted)
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
