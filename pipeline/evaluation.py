"""Predictions, size, latency and memory of one artifact."""

import json
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import analysis, hardware
from pipeline.cache import predictions_frame, write_json
from pipeline.data import Corpus, Split
from pipeline.errors import PipelineError
from pipeline.inference import available_threads
from pipeline.measure import BATCH_SIZE, predict_many
from pipeline.predictions import HEADLINES, probabilities_of

# Test first: its headlines are the ones that are timed.
SPLITS = ("test", "validation")
PREDICTIONS = "predictions.parquet"
CONDITIONS = "predictions.json"
COST = "cost.json"


def evaluate(artifact: Path, corpus: Corpus, folder: Path) -> None:
    """Write ``predictions.parquet`` of test and validation, what it was taken on, and the cost."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "probabilities.npy"
        cost = _in_a_process_apart(artifact, _texts(corpus), out)
        _table(corpus, np.load(out, allow_pickle=False)).to_parquet(
            folder / PREDICTIONS, index=False
        )
    write_json(folder / CONDITIONS, {**hardware.describe(), "taken": _now()})
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
    """What a run stores of predictions on headlines alone; of a table without any, nothing."""
    rows = int((predictions["split"] == HEADLINES).sum())
    return {"rows": rows, **metrics(predictions, teacher, HEADLINES)} if rows else {}


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
    machine = {**hardware.describe(), "threads": available_threads(), "taken": _now()}
    measured_on = {
        "latency": machine | {"texts": "test rows in file order, one at a time"},
        "throughput": machine | {"texts": f"test rows in batches of {BATCH_SIZE}"},
    }
    write_json(folder / COST, {"cost": cost, "measured_on": measured_on})


def _now() -> str:
    """Date and time, ISO, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def metrics(predictions: pd.DataFrame, teacher: pd.DataFrame | None, split: str) -> dict:
    """``analysis.classification_metrics`` of a predictions table's split."""
    rows = predictions[predictions["split"] == split]
    others = None if teacher is None else teacher[teacher["split"] == split]
    return analysis.classification_metrics(
        rows["label"].to_numpy(),
        probabilities_of(rows),
        None if others is None else probabilities_of(others),
    )
