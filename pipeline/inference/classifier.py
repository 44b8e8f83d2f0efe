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
    """A model's answers, one row for each text."""

    probabilities: np.ndarray
    """float32 (texts, classes); every row sums to one."""
    members: np.ndarray
    """int64 (texts,): which cascade member answered, counted from 0; 0 for any other model."""


class Classifier:
    """A deployed model or a cascade. Every part of the program gets its predictions from here.

    It is safe to call from several threads at the same time.
    """

    def __init__(self, folder: Path | str, threads: int | None = None) -> None:
        """Load an artifact's folder.

        Args:
            folder: contains ``model.onnx``, ``classifier.json`` and, if the graph reads tokens,
                ``tokenizer.json``. A cascade's folder contains ``cascade.json`` instead.
            threads: number of threads for one call; by default ``available_threads()``.

        Raises:
            PipelineError: the folder is incomplete, its files can't be read, or a member of a
                cascade is missing, has changed or has other class names.
        """
        folder = Path(folder)
        self.threads = threads or available_threads()
        self.roles, self._rules, folders = cascade.members(folder)
        """The roles of a cascade's members; empty for any other model."""
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
        """The class probabilities of each text: see ``answer``."""
        return self.answer(texts, batch_size, progress, workers).probabilities

    def answer(
        self,
        texts: Sequence[str],
        batch_size: int = BATCH_SIZE,
        progress: Callable[[int], object] | None = None,
        workers: int = 1,
    ) -> Answers:
        """The class probabilities of each text, and which member of a cascade returned them.

        Arguments, batches and the order of rows are those of ``Graph.predict_proba``. All texts
        that a member passes on go to the next member in one call.
        """
        if not self._rules:  # skip the code below, to answer a headline sooner
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
        """The lengths of texts, in what the last graph reads: tokens, n-grams or characters."""
        return self._graphs[-1].lengths(texts)


def graph_bytes(folder: Path) -> int:
    """Size of an artifact in bytes: its ONNX graph with its external data, if it has any.

    External data can have any name. So all files count except those that the encoder reads. The
    size of a cascade is the sum of its members' sizes.
    """
    _, _, folders = cascade.members(folder, check=False)
    return sum(map(_bytes_of_one, folders))


def _bytes_of_one(folder: Path) -> int:
    beside = (folder / encoders.TOKENIZER, folder / encoders.SETTINGS)
    files = (path for path in folder.rglob("*") if path not in beside and path.is_file())
    return sum(path.stat().st_size for path in files)
