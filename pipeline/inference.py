"""A deployed model: texts in, probabilities out, on onnxruntime and without torch."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

from pipeline.errors import PipelineError

GRAPH = "model.onnx"
TOKENIZER = "tokenizer.json"
SETTINGS = "classifier.json"

# Enough for far more than any model's 128 tokens, and it bounds the time a pasted book can take.
MAX_CHARACTERS = 10_000


def write_tokenizer(
    folder: Path, tokenizer: Tokenizer, *, labels: Sequence[str], max_length: int
) -> None:
    """Write what a graph needs beside it: the tokenizer, set to truncate and pad, and the labels.

    Padding and truncation are fixed here and never touched again, because reconfiguring
    a tokenizer while another thread uses it is an error.
    """
    pad_token = "<pad>" if tokenizer.token_to_id("[PAD]") is None else "[PAD]"
    tokenizer.enable_padding(pad_id=tokenizer.token_to_id(pad_token), pad_token=pad_token)
    tokenizer.enable_truncation(max_length)
    (folder / TOKENIZER).write_text(tokenizer.to_str(), encoding="utf-8")
    (folder / SETTINGS).write_text(
        json.dumps({"labels": list(labels), "max_length": max_length}) + "\n", encoding="utf-8"
    )


def graph_bytes(folder: Path) -> int:
    """Size of an artifact in bytes: its ONNX graph with its external data, if it has any."""
    return sum(path.stat().st_size for path in folder.glob(f"{GRAPH}*"))


def available_threads() -> int:
    """Number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Classifier:
    """The one way that anything gets a prediction: evaluation, dashboard, benchmark, CLI.

    Safe to call from several threads at once: neither the session nor the tokenizer changes
    after construction.
    """

    def __init__(self, folder: Path | str, threads: int | None = None) -> None:
        """Load an artifact's folder.

        Args:
            folder: holds ``model.onnx``, ``tokenizer.json`` and ``classifier.json``.
            threads: threads for one call; by default every core this process may use.

        Raises:
            PipelineError: the folder is incomplete or its files can't be read.
        """
        folder = Path(folder)
        self.threads = threads or available_threads()
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        # Spinning threads would slow every other model in the process between two runs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self.labels: list[str] = json.loads((folder / SETTINGS).read_text("utf-8"))["labels"]
            self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
            self._session = ort.InferenceSession(
                str(folder / GRAPH), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # tokenizers raises bare Exception, onnxruntime a dozen kinds
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise PipelineError(f"{folder} holds no model that can be loaded: {reason}") from error

    def predict_proba(
        self,
        texts: Sequence[str],
        batch_size: int = 32,
        progress: Callable[[int], None] | None = None,
    ) -> np.ndarray:
        """Class probabilities of each text.

        Texts are run in batches of similar length; the rows come back in the order given.

        Args:
            texts: any strings; of each, the first ``MAX_CHARACTERS`` characters are read and as
                many tokens as the model takes.
            batch_size: texts in one run of the graph.
            progress: called with the number of texts just done.

        Returns:
            float32 array ``(len(texts), number of labels)``; every row sums to one.
        """
        probabilities = np.empty((len(texts), len(self.labels)), dtype=np.float32)
        if not len(texts):
            return probabilities
        # A lone surrogate can't be encoded as UTF-8, which is what the tokenizer wants.
        clean = [t[:MAX_CHARACTERS].encode("utf-8", "replace").decode("utf-8") for t in texts]
        # A stable sort: the same texts always meet in the same batches.
        order = np.argsort([len(text) for text in clean], kind="stable")
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            encodings = self._tokenizer.encode_batch_fast([clean[row] for row in rows])
            logits = self._session.run(
                ["logits"],
                {
                    "input_ids": np.array([e.ids for e in encodings], dtype=np.int64),
                    "attention_mask": np.array(
                        [e.attention_mask for e in encodings], dtype=np.int64
                    ),
                },
            )[0]
            probabilities[rows] = softmax(logits)
            if progress:
                progress(len(rows))
        return probabilities


def softmax(logits: np.ndarray) -> np.ndarray:
    """Row-wise softmax of ``(n, k)`` logits, as float32."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
    return (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(np.float32)
