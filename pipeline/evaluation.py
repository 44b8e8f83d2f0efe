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
from pipeline.data import Corpus, Split
from pipeline.errors import PipelineError
from pipeline.inference import available_threads
from pipeline.measure import BATCH_SIZE, predict_many

# Test first: its headlines are the ones that are timed.
SPLITS = ("test", "validation")
HEADLINES = "headlines"
PREDICTIONS = "predictions.parquet"
COST = "cost.json"


def evaluate(artifact: Path, corpus: Corpus, folder: Path) -> None:
    """Write ``predictions.parquet`` of test and validation, and ``cost.json``, into ``folder``."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "probabilities.npy"
        cost = _in_a_process_apart(artifact, _texts(corpus), out)
        _table(corpus, np.load(out, allow_pickle=False)).to_parquet(
            folder / PREDICTIONS, index=False
        )
    _write_cost(folder, cost)


def measure_again(artifact: Path, corpus: Corpus, folder: Path) -> None:
    """Replace ``cost.json`` in ``folder``: the model is timed anew, its predictions stay."""
    _write_cost(folder, _in_a_process_apart(artifact, _texts(corpus)))


def predict(artifact: Path, corpus: Corpus) -> pd.DataFrame:
    """Predictions on test and validation, made as ``evaluate`` makes them."""
    return _table(corpus, predict_many(artifact, _texts(corpus)))


def predict_headlines(artifact: Path, headlines: Split) -> pd.DataFrame:
    """Predictions on headlines alone, without the description that AG News's rows have."""
    probabilities = predict_many(artifact, headlines.texts)
    return predictions_frame(HEADLINES, headlines.rows, headlines.labels, probabilities)


def headline_metrics(predictions: pd.DataFrame, teacher: pd.DataFrame | None) -> dict:
    """What a run stores of predictions on headlines alone."""
    return {"rows": len(predictions), **metrics(predictions, teacher, HEADLINES)}


def _texts(corpus: Corpus) -> list[str]:
    return [text for name in SPLITS for text in corpus.splits()[name].texts]


def _table(corpus: Corpus, probabilities: np.ndarray) -> pd.DataFrame:
    """Probabilities of ``_texts``, as a predictions table."""
    splits = [corpus.splits()[name] for name in SPLITS]
    parts = np.split(probabilities, np.cumsum([len(split) for split in splits])[:-1])
    frames = [
        predictions_frame(name, split.rows, split.labels, part)
        for name, split, part in zip(SPLITS, splits, parts, strict=True)
    ]
    return pd.concat(frames, ignore_index=True)


def _in_a_process_apart(
    artifact: Path, texts: list[str], out: Path | None = None
) -> dict[str, float]:
    """Run ``pipeline.measure``; gives the cost.

    Raises:
        PipelineError: that process failed.
    """
    command = [sys.executable, "-m", "pipeline.measure", str(artifact.resolve())]
    process = subprocess.run(
        [*command, str(out)] if out else command,
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
    return json.loads(process.stdout)


def _write_cost(folder: Path, cost: dict[str, float]) -> None:
    measured_on = {
        **hardware.describe(),
        "threads": available_threads(),
        "batch_size": BATCH_SIZE,
        "texts": "test rows in file order, one at a time and in batches",
    }
    write_json(folder / COST, {"cost": cost, "measured_on": measured_on})


def metrics(predictions: pd.DataFrame, teacher: pd.DataFrame | None, split: str) -> dict:
    """``analysis.classification_metrics`` of a predictions table's split."""
    rows = predictions[predictions["split"] == split]
    others = None if teacher is None else teacher[teacher["split"] == split]
    return analysis.classification_metrics(
        rows["label"].to_numpy(),
        rows[PROBABILITIES].to_numpy(),
        None if others is None else others[PROBABILITIES].to_numpy(),
    )
