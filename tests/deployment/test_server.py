"""``serve`` in a process of its own: Hugging Face's client, a signal to stop, a taken port."""

import json
import signal
import socket
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError

from pipeline.__main__ import main
from pipeline.deployment import served_models, server
from pipeline.errors import PipelineError
from pipeline.inference.classifier import Classifier
from tests import serving, synthetic

TEXT = "the coach scored a goal for shares"


def post(url, inputs):
    """The server's answer to texts, by plain HTTP."""
    request = urllib.request.Request(
        url, json.dumps({"inputs": inputs}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def waiting(url):
    """How many texts wait in the server's queue."""
    with urllib.request.urlopen(f"{url}/health", timeout=60) as answer:
        return json.load(answer)["waiting"]


@pytest.fixture
def online(monkeypatch):
    """Unsets HF_HUB_OFFLINE, under which huggingface_hub refuses even this machine's addresses."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)


@pytest.mark.slow
def test_hugging_faces_client_gets_the_models_answers(tmp_path, online):
    run = synthetic.write_run(tmp_path / "cache")
    with serving.serve(tmp_path / "cache") as served:
        for role in ("minilm", "tiny-int8"):
            client = InferenceClient(f"{served.url}/models/{role}")
            (row,) = Classifier(run.artifact(role)).predict_proba([TEXT])
            order = np.argsort(-row, kind="stable")
            for top_k in (None, 1, 3):
                found = client.text_classification(TEXT, top_k=top_k)
                assert [one.label for one in found] == [run.labels[c] for c in order[:top_k]]
                np.testing.assert_allclose([one.score for one in found], row[order[:top_k]], 1e-5)
        recommended = served_models.choose([run]).recommended
        client = InferenceClient(f"{served.url}/models/{recommended}")
        assert InferenceClient(served.url).text_classification(TEXT) == (
            client.text_classification(TEXT)
        )
        for url, text, sentence in [
            (f"{served.url}/models/nobody", TEXT, "there is no model 'nobody' here"),
            (served.url, " ", "inputs is blank"),
        ]:
            with pytest.raises(HfHubHTTPError, match=sentence):
                InferenceClient(url).text_classification(text)


@pytest.mark.slow
def test_sigterm_lets_what_is_under_way_end(tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic, "slow_nodes", partial(synthetic.slow_nodes, products=2))
    synthetic.write_run(tmp_path / "cache", slow=["minilm"])
    with serving.serve(tmp_path / "cache", "--model", "minilm") as served:
        with ThreadPoolExecutor(8) as pool:
            # Their lengths differ so much that each is a batch by itself, and most have to wait.
            asked = [pool.submit(post, served.url, f"{TEXT} " * 2**n) for n in range(8)]
            until = time.monotonic() + 30
            while waiting(served.url) < 4:
                assert time.monotonic() < until
            served.process.send_signal(signal.SIGTERM)
            assert {one.result(60)[0][0]["label"] for one in asked} == {"Sports"}
        assert served.wait() == (0, "")
        with pytest.raises(urllib.error.URLError, match="refused"):
            post(served.url, TEXT)


def test_an_address_that_is_not_free_is_one_line():
    with server.listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert server.url_of(taken) == f"http://127.0.0.1:{port}"
        for host, asked, message in [
            ("127.0.0.1", port, rf"can't listen on 127.0.0.1 port {port}: .*in use.*--port"),
            ("127.0.0.1", 70_000, "can't listen on 127.0.0.1 port 70000"),
            ("nowhere.invalid", 0, "can't listen on nowhere.invalid"),
        ]:
            with pytest.raises(PipelineError, match=message) as caught:
                server.listen(host, asked)
            assert "\n" not in str(caught.value)


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_an_ipv6_address_stands_in_brackets():
    try:
        listening = server.listen("::1", 0)
    except PipelineError:
        pytest.skip("this machine has no IPv6")
    with listening:
        assert server.url_of(listening).startswith("http://[::1]:")


def test_a_queue_holds_a_whole_request(tmp_path):
    run = synthetic.write_run(tmp_path / "cache")
    with pytest.raises(PipelineError, match="a queue of 999 texts is too short"):
        server.serve(served_models.choose([run]), "127.0.0.1", 0, queue_bound=999)


def test_the_command_says_what_is_wrong(cache_folder, capsys):
    assert main(["serve", "--model", "nobody", "--cache", str(cache_folder)]) == 1
    assert capsys.readouterr().err.startswith("error: no run has all of nobody installed")
