"""The benchmark's turns, checks and tables, on tiny models; not its figures."""

import json

import numpy as np
import pytest
import torch

from pipeline import bench, models
from pipeline.bench import Contestant, peers
from pipeline.errors import PipelineError
from pipeline.inference import Classifier
from tests import pipelines


def test_headlines_are_joined_in_turn_and_of_one_class():
    texts = bench.headlines((1, 3), 8)
    assert [text.count(". ") for text in texts] == [0, 2] * 4
    assert len(set(texts)) == 8
    assert texts == bench.headlines((1, 3), 8)


def test_peers_are_asked_in_turns_and_checked_against_the_first(artifact):
    people = [
        Contestant("teacher", "teacher", kind, artifact)
        for kind in ("onnxruntime", "ours", "encoding")
    ]
    orders = [["coach"], ["shares election"], ["x"]]
    plain, own, encoding = bench.compare(people, 64, orders, 1, turns=4)
    assert plain["calls"] == own["calls"] == encoding["calls"] == 3
    assert min(row["ms"] for row in (plain, own, encoding)) > 0
    assert plain["same_labels"] == own["same_labels"] == 1
    assert own["greatest_difference"] < 1e-6
    assert "same_labels" not in encoding


def test_a_peer_that_answers_otherwise_is_seen(artifact, cache_folder):
    # The last of the synthetic models at hand knows no word of Business.
    other = cache_folder / "synthetic" / "artifacts" / "tiny-int8"
    people = [Contestant("t", "t", "ours", folder) for folder in (artifact, other)]
    _, row = bench.compare(people, 64, [["shares"], ["coach"]], 1, turns=5)
    assert row["same_labels"] == 0.5
    assert row["greatest_difference"] > 0.5


def test_many_texts_come_back_in_order(artifact):
    texts = ["coach", "election", "shares and more words", "coach x x"] * 20
    expected = Classifier(artifact).predict_proba(texts)
    for kind in ("ours", "onnxruntime"):
        np.testing.assert_allclose(peers.KINDS[kind](artifact, 64)(texts, 32), expected, atol=1e-6)


@pytest.mark.parametrize("kind", ["transformers", "torch.ao"])
def test_transformers_answers_in_the_labels_order(kind, checkpoints, tmp_path):
    name = "google-bert/bert-base-uncased"
    network, tokenizer = models.load_checkpoint(name, "bert", checkpoints)
    models.save(network, tokenizer, tmp_path)
    texts = ["Shares fell", "Coach resigns after a long season"]
    found = peers.KINDS[kind](tmp_path, 64)(texts, 2)
    with torch.no_grad():
        batch = tokenizer(texts, padding=True, return_tensors="pt")
        expected = network.eval()(**batch).logits.softmax(-1).numpy()
    np.testing.assert_allclose(found, expected, atol=0.05 if kind == "torch.ao" else 1e-5)


def test_a_peer_that_fails_is_one_line(tmp_path):
    with (
        peers.Peer("ours", tmp_path / "nothing", 64) as peer,
        pytest.raises(PipelineError, match="ended with its message above"),
    ):
        peer.ask(["x"])


def test_the_command_writes_tables_and_figures(cache_folder, tmp_path):
    out = tmp_path / "bench.json"
    process = pipelines.run(
        *("bench", "synthetic", "--cache", cache_folder, "--turns", "3"),
        *("--rows", "20", "40", "--out", out),
    )
    assert process.returncode == 0, process.stderr
    assert "note: no weights of minilm at hand" in process.stderr
    result = json.loads(out.read_text())
    assert {row["role"] for row in result["one"]} == {"minilm"}
    assert [row["rows"] for row in result["growth"]["rows"]] == [20, 40]
    assert min(row["memory_mb"] for row in result["growth"]["rows"]) > 10
    assert process.stdout.rstrip("\n") == bench.markdown(result)


def test_ratios_are_against_transformers_on_the_same_weights_and_on_the_teacher():
    row = {"same_labels": 1.0, "greatest_difference": 0.0, "title": "x", "calls": 1, "role": "r"}
    rows = [
        row | {"group": "teacher", "peer": "transformers", "ms": 80.0},
        row | {"group": "minilm", "peer": "transformers", "ms": 10.0},
        row | {"group": "minilm", "peer": "ours", "ms": 2.0},
    ]
    lines = bench.markdown({"one": rows, "many": rows}).split("\n\n")[0].splitlines()
    assert lines[-1] == "| x | 2.00 | 5.0 | 40.0 | 100.0 % | 0.000 |"


def test_a_run_with_nothing_at_hand_is_one_line(cache_folder):
    for arguments, message in [
        (("nowhere",), "no run nowhere"),
        (("synthetic", "--turns", "1"), "--turns takes 2 or more"),
    ]:
        process = pipelines.run("bench", *arguments, "--cache", cache_folder)
        assert process.returncode == 1
        assert message in process.stderr
        assert "Traceback" not in process.stderr
