"""Predictions, size, latency and memory of one artifact."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import analysis, hardware
from pipeline.cache import PROBABILITIES, predictions_frame, write_json
from pipeline.data import Corpus
from pipeline.errors import PipelineError
from pipeline.inference import available_threads
from pipeline.measure import BATCH_SIZE

# Test first: its headlines are the ones that are timed.
SPLITS = ("test", "validation")
PREDICTIONS = "predictions.parquet"
COST = "cost.json"


def evaluate(artifact: Path, corpus: Corpus, folder: Path) -> None:
    """Write ``predictions.parquet`` of test and validation, and ``cost.json``, into ``folder``."""
    predictions, cost = predict(artifact, corpus)
    predictions.to_parquet(folder / PREDICTIONS, index=False)
    measured_on = {
        **hardware.describe(),
        "threads": available_threads(),
        "batch_size": BATCH_SIZE,
        "texts": "test rows in file order, one at a time and in batches",
    }
    write_json(folder / COST, {"cost": cost, "measured_on": measured_on})


def predict(artifact: Path, corpus: Corpus) -> tuple[pd.DataFrame, dict[str, float]]:
    """Predictions on test and validation, and the cost, from a process of the artifact's own.

    Raises:
        PipelineError: that process failed.
    """
    splits = {name: corpus.splits()[name] for name in SPLITS}
    texts = [text for split in splits.values() for text in split.texts]
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "probabilities.npy"
        process = subprocess.run(
            [sys.executable, "-m", "pipeline.measure", str(artifact.resolve()), str(out)],
            input=json.dumps(texts),
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parent.parent,
        )
        if process.returncode:
            raise PipelineError(
                f"measuring {artifact} failed with exit status {process.returncode}; "
                "its message stands above"
            )
        probabilities = np.load(out, allow_pickle=False)
    parts, start = [], 0
    for name, split in splits.items():
        part = probabilities[start : start + len(split)]
        parts.append(predictions_frame(name, split.rows, split.labels, part))
        start += len(split)
    return pd.concat(parts, ignore_index=True), json.loads(process.stdout)


def metrics(predictions: pd.DataFrame, teacher: pd.DataFrame | None, split: str) -> dict:
    """``analysis.classification_metrics`` of a predictions table's split."""
    rows = predictions[predictions["split"] == split]
    others = None if teacher is None else teacher[teacher["split"] == split]
    return analysis.classification_metrics(
        rows["label"].to_numpy(),
        rows[PROBABILITIES].to_numpy(),
        None if others is None else others[PROBABILITIES].to_numpy(),
    )
