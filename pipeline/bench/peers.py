"""A peer: one way to classify texts, in a process of its own that waits for orders.

An order is a line of JSON on standard input: ``{"texts": […], "batch_size": 1}``. The answer is a
line on standard output: ``{"seconds": …, "probabilities": [[…], …]}``, or ``{"error": …}``.

Peers are timed in turns. Outside its turn, a peer's process is stopped. Otherwise onnxruntime's
threads would go on spinning during the next peer's turn.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np

from pipeline.errors import PipelineError, one_line

Answer = Callable[[Sequence[str], int], np.ndarray]
"""Maps texts and a batch size to probabilities (texts, k)."""


def transformers_pipeline(
    weights: Path, max_length: int, change: Callable[[Any], Any] = lambda network: network
) -> Answer:
    """What a user would write: ``pipeline("text-classification")`` in PyTorch, in float32.

    Args:
        weights: folder of the network and its tokenizer.
        max_length: most tokens that are read of a text.
        change: is applied to the network first.
    """
    import warnings

    import transformers
    from transformers import PreTrainedTokenizerFast

    from pipeline.models import networks

    warnings.simplefilter("ignore")
    network, tokenizer = networks.read(weights)
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise PipelineError(f"{weights} has no tokenizer that transformers' pipeline takes")
    classify = transformers.pipeline(
        "text-classification", model=change(network), tokenizer=tokenizer, top_k=None, device="cpu"
    )
    order = [name for _, name in sorted((network.config.id2label or {}).items())]

    def answer(texts: Sequence[str], batch_size: int) -> np.ndarray:
        # With top_k=None the answer to a text is a list of every class's score.
        found = cast(
            list[list[dict[str, Any]]],
            classify(list(texts), batch_size=batch_size, truncation=True, max_length=max_length),
        )
        by_label = [{entry["label"]: entry["score"] for entry in entries} for entries in found]
        return np.array([[scores[label] for label in order] for scores in by_label])

    return answer


def _int8(network: Any) -> Any:
    import torch

    return torch.ao.quantization.quantize_dynamic(network, {torch.nn.Linear}, torch.qint8)


def _bf16(network: Any) -> Any:
    import torch

    return network.to(torch.bfloat16)


def _compiled(network: Any) -> Any:
    """Compile as transformers' documentation shows, once for texts of all lengths."""
    import torch

    network.forward = torch.compile(network.forward, dynamic=True)
    return network


def plain_onnxruntime(artifact: Path) -> Answer:
    """onnxruntime with default settings. Batches are in the texts' order."""
    import onnxruntime

    from pipeline.inference import encoders
    from pipeline.inference.graph import GRAPH, softmax

    _, encoder = encoders.read(artifact)
    session = onnxruntime.InferenceSession(artifact / GRAPH, providers=["CPUExecutionProvider"])

    def answer(texts: Sequence[str], batch_size: int) -> np.ndarray:
        batches = [texts[start : start + batch_size] for start in range(0, len(texts), batch_size)]
        logits = [session.run(["logits"], encoder.feeds(batch))[0] for batch in batches]
        return softmax(np.concatenate(logits))

    return answer


def ours(artifact: Path) -> Answer:
    """The Classifier. One text runs on all cores; for many texts, each core runs a batch."""
    from pipeline.hardware import available_threads
    from pipeline.inference.classifier import Classifier

    single = Classifier(artifact)
    many = Classifier(artifact, threads=1)

    def answer(texts: Sequence[str], batch_size: int) -> np.ndarray:
        if len(texts) == 1:
            return single.predict_proba(texts)
        return many.predict_proba(texts, batch_size, workers=available_threads())

    return answer


def encoding(artifact: Path) -> Answer:
    """Only tokenization. Its probabilities are all 0."""
    from pipeline.inference import encoders

    _, encoder = encoders.read(artifact)

    def answer(texts: Sequence[str], batch_size: int) -> np.ndarray:
        encoder.feeds(texts)
        return np.zeros((len(texts), 2))

    return answer


KINDS: dict[str, Callable[[Path, int], Answer]] = {
    "transformers": transformers_pipeline,
    "bf16": lambda weights, length: transformers_pipeline(weights, length, _bf16),
    "torch.compile": lambda weights, length: transformers_pipeline(weights, length, _compiled),
    "torch.ao": lambda weights, length: transformers_pipeline(weights, length, _int8),
    "onnxruntime": lambda artifact, _: plain_onnxruntime(artifact),
    "ours": lambda artifact, _: ours(artifact),
    "encoding": lambda artifact, _: encoding(artifact),
}
"""By kind, a function from a folder and the most tokens of a text to an ``Answer``.

Kinds that run an artifact ignore the number, since the artifact's tokenizer has its own."""


# With -m Python would warn that the package has imported this module already.
_START = "import sys; from pipeline.bench import peers; peers.main(*sys.argv[1:])"


class Peer:
    """Controls the process of a peer. A context manager, which kills the process at its end."""

    def __init__(self, kind: str, folder: Path, max_length: int) -> None:
        self.name = f"{kind} on {folder}"
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, kind, folder.resolve(), str(max_length)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parent.parent.parent,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._orders, self._answers = self._process.stdin, self._process.stdout

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()
        self._orders.close()
        self._answers.close()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Let the process run in this context. Then stop it with all its spinning threads."""
        self._process.send_signal(signal.SIGCONT)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGSTOP)

    def ask(self, texts: Sequence[str], batch_size: int = 1) -> tuple[float, np.ndarray]:
        """Seconds that the texts took, and their probabilities (texts, k).

        Raises:
            PipelineError: the peer fails, or its process has ended, with its message on standard
                error.
        """
        try:
            self._orders.write(json.dumps({"texts": texts, "batch_size": batch_size}) + "\n")
            self._orders.flush()
            line = self._answers.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise PipelineError(f"{self.name} ended with its message above")
        answer = json.loads(line)
        if "error" in answer:
            raise PipelineError(f"{self.name} fails: {answer['error']}")
        return answer["seconds"], np.array(answer["probabilities"])


def main(kind: str, folder: str, max_length: str) -> None:
    """Answer orders until standard input ends."""
    # Standard output is only for answers: what libraries print goes to standard error.
    orders = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    answer: Answer | None = None
    for line in sys.stdin:
        order = json.loads(line)
        reply: dict[str, Any]
        try:
            answer = answer or KINDS[kind](Path(folder), int(max_length))
            started = time.perf_counter()
            probabilities = answer(order["texts"], order["batch_size"])
            reply = {"seconds": time.perf_counter() - started}
            reply |= {"probabilities": probabilities.tolist()}
        except Exception as error:  # after any error, the peer is left out
            reply = {"error": one_line(error)}
        print(json.dumps(reply), file=orders, flush=True)
