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
from pipeline.inference import encoders, sessions

GRAPH = "model.onnx"
LOGITS = "logits"
"""The output of every graph: float32 (texts, classes)."""

# Far more than any model reads of a text; it limits the time that a pasted book takes.
MAX_CHARACTERS = 10_000

BATCH_SIZE = 32
"""Number of texts in one run of a graph, at most."""

SPIN_US = 500
"""Microseconds that a thread waits for work before it sleeps."""

_alone = threading.Lock()
"""Held by a run that uses several cores: such runs are slower in parallel than in sequence."""


def takes_ranges_from_the_batch(graph: Path) -> bool:
    """Whether a graph quantizes its activations by their range in each run (dynamic int8)."""
    model = onnx.load(str(graph), load_external_data=False)
    return "DynamicQuantizeLinear" in _operators(model.graph)


def _operators(graph: onnx.GraphProto) -> Iterator[str]:
    """The type of every operator of a graph, including those in branches and loops."""
    for node in graph.node:
        yield node.op_type
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _operators(inner)


class Graph:
    """A graph and its encoder in memory.

    It is safe to call from several threads at the same time: neither the session nor the encoder
    changes after construction. Runs that use several cores wait for each other.
    """

    def __init__(self, folder: Path | str, threads: int | None = None) -> None:
        """Load an artifact's folder.

        Args:
            folder: contains ``model.onnx``, ``classifier.json`` and, if the graph reads tokens,
                ``tokenizer.json``.
            threads: number of threads for one call; by default ``available_threads()``.

        Raises:
            PipelineError: the folder is incomplete, its files can't be read, or the graph does not
                have one logit for each class name.
        """
        folder = Path(folder)
        self.threads = threads or available_threads()
        self._turn = _alone if self.threads > 1 else nullcontext()
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        # By default, threads spin for 40 ms after a run, which slows every other model in the
        # process by up to a half. SPIN_US is enough to keep threads awake between the operators of
        # a run, and until the next run of the same model (python -m tests.experiments.spinning).
        options.add_session_config_entry("session.intra_op.spin_duration_us", str(SPIN_US))
        options.log_severity_level = 3
        try:
            self._one_by_one = takes_ranges_from_the_batch(folder / GRAPH)
            self.labels, self._encoder = encoders.read(folder)
            self._session = sessions.open_session(folder / GRAPH, options)
        except Exception as error:  # tokenizers raises bare Exception, onnxruntime a dozen types
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise PipelineError(f"{folder} holds no model that can be loaded: {reason}") from error
        shapes = {output.name: output.shape for output in self._session.get_outputs()}
        if LOGITS not in shapes:
            raise PipelineError(f"the graph in {folder} has no output {LOGITS!r}")
        self._folder = folder
        # If the graph leaves this size open, ``_run`` checks it.
        if shapes[LOGITS] and isinstance(shapes[LOGITS][-1], int):
            self._check_width(shapes[LOGITS][-1])

    def _check_width(self, width: int) -> None:
        """Raise a PipelineError unless the graph has exactly one logit for each class."""
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
        """The class probabilities of each text.

        Texts run in batches of similar length. In a dynamic int8 graph, each text runs alone,
        because the other texts of a batch would change its answer. Rows are in the order of
        ``texts``, and do not depend on the number of workers.

        Args:
            texts: any strings. Only the first ``MAX_CHARACTERS`` characters of each are read, and
                of these only as many tokens as the model accepts.
            batch_size: number of texts in one run of the graph, at most.
            progress: called with the number of texts that were just classified.
            workers: number of batches that run in parallel. For many texts, one worker per core
                with one thread each is faster than one worker with one thread per core.

        Returns:
            float32 array ``(len(texts), number of labels)``; every row sums to one.
        """
        encoded = self._encoder.encode(_clean(texts))
        if len(encoded) == 1:  # skip the code below, to answer a headline 2 % sooner
            probabilities = self._run(encoded)
            if progress:
                progress(1)
            return probabilities
        probabilities = np.empty((len(texts), len(self.labels)), dtype=np.float32)
        # Encoded lengths, because they decide the padding; numbers of characters are too rough.
        lengths = [len(row) for row in encoded]
        batches = batches_by_length(lengths, 1 if self._one_by_one else batch_size)

        def run(rows: np.ndarray) -> np.ndarray:
            return self._run([encoded[row] for row in rows])

        # One worker runs in this thread, so that ctrl-C stops it immediately.
        with ThreadPoolExecutor(workers) if workers > 1 else nullcontext() as pool:
            found = pool.map(run, batches) if pool else map(run, batches)
            for rows, part in zip(batches, found, strict=True):
                probabilities[rows] = part
                if progress:
                    progress(len(rows))
        return probabilities

    def _run(self, rows: Sequence[Any]) -> np.ndarray:
        """The probabilities of encoded rows, from one run of the graph."""
        feeds = self._encoder.batch(rows)
        with self._turn:
            logits = self._session.run([LOGITS], feeds)[0]
        self._check_width(logits.shape[-1])
        return softmax(logits)

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """The lengths of texts, in what the graph reads: tokens, n-grams or characters."""
        return [len(row) for row in self._encoder.encode(_clean(texts))]


def batches_by_length(lengths: Sequence[int], size: int) -> list[np.ndarray]:
    """Batches of up to ``size`` positions of texts of similar length, the shortest first.

    The sort is stable, so the same texts always form the same batches.
    """
    order = np.argsort(lengths, kind="stable")
    return [order[start : start + size] for start in range(0, len(order), size)]


def _clean(texts: Sequence[str]) -> list[str]:
    """The part of each text that is read, with a ? for what UTF-8 can't encode: lone surrogates."""
    return [t[:MAX_CHARACTERS].encode("utf-8", "replace").decode("utf-8") for t in texts]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Row-wise softmax of ``(n, k)`` logits, as float32."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
    return (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(np.float32)
