"""Peers in turns: what is counted, and what their answers are checked against."""

from pipeline.bench import turns
from pipeline.bench.contestants import Contestant


def test_peers_are_asked_in_turns_and_checked_against_the_first(artifact):
    people = [
        Contestant("teacher", "teacher", kind, artifact)
        for kind in ("onnxruntime", "ours", "encoding")
    ]
    orders = [["coach"], ["shares election"], ["x"]]
    plain, own, encoding = turns.compare(people, 64, orders, 1, turns=4)
    assert plain["calls"] == own["calls"] == encoding["calls"] == 3
    assert min(row["ms"] for row in (plain, own, encoding)) > 0
    assert plain["same_labels"] == own["same_labels"] == 1
    assert own["greatest_difference"] < 1e-6
    assert "same_labels" not in encoding


def test_a_turn_is_a_block_of_calls(artifact):
    people = [Contestant("t", "t", "ours", artifact)]
    (row,) = turns.compare(people, 64, [["a"], ["b"]], 1, turns=3, block=5)
    assert row["calls"] == 10


def test_a_peer_that_answers_otherwise_is_seen(artifact, cache_folder):
    # tiny-int8, the last installed synthetic model, knows no word of Business.
    other = cache_folder / "synthetic" / "artifacts" / "tiny-int8"
    people = [Contestant("t", "t", "ours", folder) for folder in (artifact, other)]
    _, row = turns.compare(people, 64, [["shares"], ["coach"]], 1, turns=5)
    assert row["same_labels"] == 0.5
    assert row["greatest_difference"] > 0.5
