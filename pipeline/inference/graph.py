"""An ONNX graph with its encoder, on onnxruntime and without torch."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

from pipeline.errors import PipelineError
from pipeline.hardware import available_threads
from pipeline.inference import encoders

GRAPH = "model.onnx"
LOGITS = "logits"
"""The output of every graph: float32 (texts, classes)."""

# Enough for far more than any model's 128 tokens, and it bounds the time a pasted book can take.
MAX_CHARACTERS = 10_000

BATCH_SIZE = 32
"""Texts in one run of a graph, where there are many."""

SPIN_US = 500
"""Microseconds that a thread waits for work before it sleeps."""

_alone = threading.Lock()
"""Of runs that take several cores: at once they slow each other more than in turn."""


def takes_ranges_from_the_batch(graph: Path) -> bool:
    """Whether a graph quantizes its activations by the range they have in each run."""
    model = onnx.load(str(graph), load_external_data=False)
    return "DynamicQuantizeLinear" in _operators(model.graph)


def _operators(graph: onnx.GraphProto) -> Iterator[str]:
    """The type of every operator, in the branches and loops of a graph, too."""
    for node in graph.node:
        yield node.op_type
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _operators(inner)


class Graph:
    """A graph in memory.

    Safe to call from several threads at once: neither the session nor the encoder changes
    after construction. Runs of a graph that take several cores take turns.
    """

    def __init__(self, folder: Path | str, threads: int | None = None) -> None:
        """Load an artifact's folder.

        Args:
            folder: holds ``model.onnx``, ``classifier.json`` and, where the graph takes tokens,
                ``tokenizer.json``.
            threads: threads for one call; by default as ``hardware.available_threads`` says.

        Raises:
            PipelineError: the folder is incomplete, its files can't be read, or the graph does not
                have as many outputs as there are class names.
        """
        folder = Path(folder)
        self.threads = threads or available_threads()
        self._turn = _alone if self.threads > 1 else nullcontext()
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        # By default threads spin for 40 ms after a run, and slow every other model in the process
        # by up to a half. This long is enough between the operators of a run, and for the next run
        # of the same model to find them awake (python -m tests.experiments.spinning).
        options.add_session_config_entry("session.intra_op.spin_duration_us", str(SPIN_US))
        options.log_severity_level = 3
        try:
            self._one_by_one = takes_ranges_from_the_batch(folder / GRAPH)
            self.labels, self._encoder = encoders.read(folder)
            self._session = ort.InferenceSession(
                str(folder / GRAPH), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # tokenizers raises bare Exception, onnxruntime a dozen kinds
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise PipelineError(f"{folder} holds no model that can be loaded: {reason}") from error
        shapes = {output.name: output.shape for output in self._session.get_outputs()}
        if LOGITS not in shapes:
            raise PipelineError(f"the graph in {folder} has no output {LOGITS!r}")
        self._folder = folder
        # A size that the graph leaves open is known once it has answered: see ``_run``.
        if shapes[LOGITS] and isinstance(shapes[LOGITS][-1], int):
            self._check_width(shapes[LOGITS][-1])

    def _check_width(self, width: int) -> None:
        """Raise unless the graph has an output for each class, and no more."""
        if width != len(self.labels):
            raise PipelineError(
                f"the graph in {self._folder} tells {width} classes apart, and {encoders.SETTINGS} "
                f"beside it names {len(self.labels)}: they are not of one model"
            )

    def predict_proba(
        self,
        texts: Sequence[str],
        batch_size: int = BATCH_SIZE,
        progress: Callable[[int], object] | None = None,
        workers: int = 1,
    ) -> np.ndarray:
        """Class probabilities of each text.

        Texts are run in batches of similar length, but each by itself where its neighbours would
        change its answer, as in dynamic int8. The rows come back in the order given, and are the
        same whatever the number of workers.

        Args:
            texts: any strings; of each, the first ``MAX_CHARACTERS`` characters are read and as
                many tokens as the model takes.
            batch_size: texts in one run of the graph, at most.
            progress: called with the number of texts just done.
            workers: batches run at once. For many texts, as many workers as cores with one thread
                each are faster than one worker with as many threads.

        Returns:
            float32 array ``(len(texts), number of labels)``; every row sums to one.
        """
        encoded = self._encoder.encode(_clean(texts))
        if len(encoded) == 1:  # without all that follows, a headline is answered 2 % sooner
            probabilities = self._run(encoded)
            if progress:
                progress(1)
            return probabilities
        probabilities = np.empty((len(texts), len(self.labels)), dtype=np.float32)
        # By what is padded, which a text's characters tell only roughly.
        lengths = [len(row) for row in encoded]
        batches = batches_by_length(lengths, 1 if self._one_by_one else batch_size)

        def run(rows: np.ndarray) -> np.ndarray:
            return self._run([encoded[row] for row in rows])

        # One worker needs no thread, and an interrupt finds it at once.
        with ThreadPoolExecutor(workers) if workers > 1 else nullcontext() as pool:
            found = pool.map(run, batches) if pool else map(run, batches)
            for rows, part in zip(batches, found, strict=True):
                probabilities[rows] = part
                if progress:
                    progress(len(rows))
        return probabilities

    def _run(self, rows: Sequence[Any]) -> np.ndarray:
        """Probabilities of what was encoded, in one run of the graph."""
        feeds = self._encoder.batch(rows)
        with self._turn:
            logits = self._session.run([LOGITS], feeds)[0]
        self._check_width(logits.shape[-1])
        return softmax(logits)

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """How long the graph takes each text to be: in tokens, n-grams or characters."""
        return [len(row) for row in self._encoder.encode(_clean(texts))]


def batches_by_length(lengths: Sequence[int], size: int) -> list[np.ndarray]:
    """Positions of texts of similar length, ``size`` at a time, the shortest first.

    The sort is stable: the same texts always meet in the same batches.
    """
    order = np.argsort(lengths, kind="stable")
    return [order[start : start + size] for start in range(0, len(order), size)]


def _clean(texts: Sequence[str]) -> list[str]:
    """What is read of each text, as valid UTF-8: a lone surrogate, say, can't be encoded."""
    return [t[:MAX_CHARACTERS].encode("utf-8", "replace").decode("utf-8") for t in texts]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Row-wise softmax of ``(n, k)`` logits, as float32."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
    return (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(np.float32)
