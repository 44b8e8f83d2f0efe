"""A deployed model: texts in, probabilities out, on onnxruntime and without torch."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.errors import PipelineError
from pipeline.hardware import available_threads
from pipeline.inference import cascade, encoders
from pipeline.inference.graph import BATCH_SIZE, Graph


class Answers(NamedTuple):
    """What a model answers, row by row."""

    probabilities: np.ndarray
    """float32 (texts, classes); every row sums to one."""
    members: np.ndarray
    """int64 (texts,): which member of a cascade answered; 0 of any other model."""


class Classifier:
    """The one way that anything gets a prediction: evaluation, dashboard, server, command line.

    A cascade is a classifier, too: its members lie beside it. Safe to call from several threads at
    once.
    """

    def __init__(self, folder: Path | str, threads: int | None = None) -> None:
        """Load an artifact's folder.

        Args:
            folder: holds ``model.onnx``, ``classifier.json`` and, where the graph takes tokens,
                ``tokenizer.json``; or, of a cascade, ``cascade.json``.
            threads: threads for one call; by default as ``hardware.available_threads`` says.

        Raises:
            PipelineError: the folder is incomplete or its files can't be read, or a member of a
                cascade is missing or has changed.
        """
        folder = Path(folder)
        self.threads = threads or available_threads()
        self.roles, self._rules, folders = cascade.members(folder)
        """Of a cascade, the roles of its members; of any other model, nothing."""
        self._graphs = [Graph(member, self.threads) for member in folders]
        self.labels = self._graphs[-1].labels
        if any(graph.labels != self.labels for graph in self._graphs):
            raise PipelineError(f"the members of {folder} do not tell the same classes apart")

    def predict_proba(
        self,
        texts: Sequence[str],
        batch_size: int = BATCH_SIZE,
        progress: Callable[[int], object] | None = None,
        workers: int = 1,
    ) -> np.ndarray:
        """Class probabilities of each text: see ``answer``."""
        return self.answer(texts, batch_size, progress, workers).probabilities

    def answer(
        self,
        texts: Sequence[str],
        batch_size: int = BATCH_SIZE,
        progress: Callable[[int], object] | None = None,
        workers: int = 1,
    ) -> Answers:
        """Class probabilities of each text, and which member of a cascade gave them.

        Arguments, batches and the order of rows are ``Graph.predict_proba``'s. What a member of a
        cascade passes on goes on together.
        """
        if not self._rules:  # without all that follows, a headline is answered sooner
            found = self._graphs[0].predict_proba(texts, batch_size, progress, workers)
            return Answers(found, np.zeros(len(texts), np.int64))
        probabilities = np.empty((len(texts), len(self.labels)), np.float32)
        members = np.full(len(texts), len(self._graphs) - 1)
        left = np.arange(len(texts))
        for member, (graph, rule) in enumerate(zip(self._graphs, self._rules, strict=False)):
            found = graph.predict_proba(
                [texts[i] for i in left.tolist()], batch_size, None, workers
            )
            sure = rule.is_sure(found)
            probabilities[left[sure]] = found[sure]
            members[left[sure]] = member
            left = left[~sure]
            if progress:
                progress(int(sure.sum()))
            if not len(left):
                return Answers(probabilities, members)
        rest = [texts[i] for i in left.tolist()]
        probabilities[left] = self._graphs[-1].predict_proba(rest, batch_size, progress, workers)
        return Answers(probabilities, members)

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """How long the (last) graph takes each text to be: in tokens, n-grams or characters."""
        return self._graphs[-1].lengths(texts)


def graph_bytes(folder: Path) -> int:
    """Size of an artifact in bytes: its ONNX graph with its external data, if it has any.

    A graph may name that data as it likes, so it is all that the encoder does not read. The size
    of a cascade is that of its members.
    """
    _, _, folders = cascade.members(folder, check=False)
    return sum(map(_bytes_of_one, folders))


def _bytes_of_one(folder: Path) -> int:
    beside = (folder / encoders.TOKENIZER, folder / encoders.SETTINGS)
    files = (path for path in folder.rglob("*") if path not in beside and path.is_file())
    return sum(path.stat().st_size for path in files)
