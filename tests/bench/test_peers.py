"""The peers that are timed: each returns probabilities from its own process."""

import os
import signal
from functools import partial

import numpy as np
import pytest
import torch

from pipeline.bench import peers
from pipeline.data import data_sets
from pipeline.errors import PipelineError
from pipeline.inference.classifier import Classifier
from pipeline.models import networks

pytestmark = pytest.mark.slow


def test_many_texts_come_back_in_order(artifact):
    texts = ["coach", "election", "shares and more words", "coach x x"] * 20
    expected = Classifier(artifact).predict_proba(texts)
    for kind in ("ours", "onnxruntime"):
        np.testing.assert_allclose(peers.KINDS[kind](artifact, 64)(texts, 32), expected, atol=1e-6)


@pytest.mark.parametrize("kind", ["transformers", "bf16", "torch.compile", "torch.ao"])
def test_transformers_answers_in_the_labels_order(kind, checkpoints, tmp_path, monkeypatch):
    # The default backend compiles for a minute; "eager" runs the same graph without compiling.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    name = "google-bert/bert-base-uncased"
    network, tokenizer = networks.load_checkpoint(name, "bert", checkpoints, data_sets.LABELS)
    networks.save(network, tokenizer, tmp_path)
    texts = ["Shares fell", "Coach resigns after a long season"]
    found = peers.KINDS[kind](tmp_path, 64)(texts, 2)
    with torch.no_grad():
        batch = tokenizer(texts, padding=True, return_tensors="pt")
        expected = network.eval()(**batch).logits.softmax(-1).numpy()
    np.testing.assert_allclose(found, expected, atol=0.05 if kind in ("bf16", "torch.ao") else 1e-5)


def test_a_peer_is_stopped_outside_its_turn(artifact):
    with peers.Peer("onnxruntime", artifact, 64) as peer:
        for _ in range(2):
            with peer.turn():
                peer.ask(["coach"])
            found = os.waitid(os.P_PID, peer._process.pid, os.WSTOPPED | os.WNOWAIT)
            assert found.si_status == signal.SIGSTOP


def test_a_peer_that_fails_is_one_line(tmp_path):
    with (
        peers.Peer("ours", tmp_path / "nothing", 64) as peer,
        pytest.raises(PipelineError, match=r"^ours on \S+ fails: .* holds no model"),
    ):
        peer.ask(["x"])
