"""Predictions, size, latency and memory of one artifact."""

import json
import subprocess
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import hardware, strict
from pipeline.analysis import metrics
from pipeline.data import data_sets
from pipeline.data.data_sets import Corpus, Split
from pipeline.errors import PipelineError
from pipeline.evaluation.cost import SINGLE, predict_many
from pipeline.files import write_json
from pipeline.hardware import available_threads
from pipeline.results.figures import Cost, HeadlineMetrics, MeasuredOn, Metrics
from pipeline.results.predictions import HEADLINES, predictions_frame, probabilities_of

SPLITS = ("test", "validation")
PREDICTIONS = "predictions.parquet"
CONDITIONS = "predictions.json"
COST = "cost.json"
HEADLINE_WORDS = range(8, 21)
"""Length in words of the headlines that latency is measured on."""


def evaluate(artifact: Path, corpus: Corpus, folder: Path) -> None:
    """Write a model's predictions and its cost to ``folder``.

    ``predictions.parquet`` holds test and validation rows. ``predictions.json`` holds their
    conditions: hardware, versions, taken. For ``cost.json`` see ``_write_cost``.
    """
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "probabilities.npy"
        predicted_on = hardware.conditions()
        _write_cost(artifact, corpus, folder, out)
        _table(corpus, np.load(out, allow_pickle=False)).to_parquet(
            folder / PREDICTIONS, index=False
        )
    write_json(folder / CONDITIONS, predicted_on)


def measure_again(artifact: Path, corpus: Corpus, folder: Path) -> None:
    """Time a model again and replace ``cost.json`` in ``folder``; its predictions stay."""
    _write_cost(artifact, corpus, folder)


def predict(artifact: Path, corpus: Corpus) -> pd.DataFrame:
    """Predictions on test and validation, made as ``evaluate`` makes them."""
    return _table(corpus, predict_many(artifact, _texts(corpus)))


def predict_headlines(artifact: Path, headlines: Split) -> pd.DataFrame:
    """Predictions on headlines alone, without the description that AG News's rows have."""
    probabilities = predict_many(artifact, headlines.texts)
    return predictions_frame(HEADLINES, headlines.rows, headlines.labels, probabilities)


def headline_metrics(
    predictions: pd.DataFrame, teacher: pd.DataFrame | None
) -> HeadlineMetrics | None:
    """The metrics of predictions on headlines alone; None if the table has none."""
    rows = int((predictions["split"] == HEADLINES).sum())
    if not rows:
        return None
    return HeadlineMetrics(rows=rows, **vars(split_metrics(predictions, teacher, HEADLINES)))


def _texts(corpus: Corpus) -> list[str]:
    return [text for name in SPLITS for text in corpus.splits()[name].texts]


def _table(corpus: Corpus, probabilities: np.ndarray) -> pd.DataFrame:
    """The predictions table of the probabilities of ``_texts``."""
    splits = [corpus.splits()[name] for name in SPLITS]
    parts = np.split(probabilities, np.cumsum([len(split) for split in splits])[:-1])
    frames = [
        predictions_frame(name, split.rows, split.labels, part)
        for name, split, part in zip(SPLITS, splits, parts, strict=True)
    ]
    return pd.concat(frames, ignore_index=True)


def short_headlines(count: int) -> list[str]:
    """The project's own headlines of ``HEADLINE_WORDS`` words, repeated until there are enough."""
    texts = data_sets.invented_headlines().texts
    return list(islice(cycle(t for t in texts if len(t.split()) in HEADLINE_WORDS), count))


def _write_cost(artifact: Path, corpus: Corpus, folder: Path, out: Path | None = None) -> None:
    """Measure a model and write ``cost.json``; with ``out``, write its probabilities there, too.

    The file holds ``cost`` and ``measured_on``. ``measured_on`` has hardware, versions, taken,
    threads and texts, once for latency and once for throughput, which also has rows, how many.
    """
    headlines = short_headlines(SINGLE)
    single = _in_a_process_apart(
        "latency", artifact, {"rows": corpus.test.texts[:SINGLE], "headlines": headlines}
    )
    rows, short = int(single.pop("rows")), int(single.pop("headlines"))
    latency = {
        **hardware.conditions(),
        "threads": available_threads(),
        "texts": texts_of_latency(rows, short, "test rows"),
    }
    timed = {"timed": corpus.test.texts, "more": corpus.validation.texts if out else []}
    many = _in_a_process_apart("throughput", artifact, timed, out)
    throughput = {
        **hardware.conditions(),
        "threads": available_threads(),
        "rows": many.pop("rows"),
        "texts": "test rows of all lengths, sorted by tokens, a worker of one thread a core",
    }
    measured_on = {"latency": latency, "throughput": throughput}
    write_json(folder / COST, {"cost": single | many, "measured_on": measured_on})


def measured(folder: Path) -> tuple[Cost, MeasuredOn]:
    """The cost and conditions that ``evaluate`` wrote to a folder, for the model's record."""
    content = json.loads((folder / COST).read_text("utf-8"))
    predicted_on = json.loads((folder / CONDITIONS).read_text("utf-8"))
    places = content["measured_on"] | {"predictions": predicted_on}
    return strict.read(Cost, content["cost"]), strict.read(MeasuredOn, places)


def load_ms(artifact: Path, text: str) -> float:
    """Milliseconds to load a model and answer ``text`` in a new process."""
    once = {"rows": [text], "headlines": [text]}
    return _in_a_process_apart("latency", artifact, once)["load_ms"]


def texts_of_latency(rows: int, headlines: int, kind: str) -> str:
    """Which texts latency was measured on, in words."""
    least, most = HEADLINE_WORDS[0], HEADLINE_WORDS[-1]
    different = len(set(short_headlines(headlines)))
    said = f" ({different} different ones)" if different < headlines else ""
    return (
        f"{rows} {kind}; {headlines} headlines{said} of {least} to {most} words, invented for this "
        "project; one at a time"
    )


def _in_a_process_apart(
    kind: str, artifact: Path, texts: dict[str, list[str]], out: Path | None = None
) -> dict[str, float]:
    """Run ``pipeline.evaluation.cost`` in a process of its own and return the cost.

    Raises:
        PipelineError: the process failed.
    """
    command = [sys.executable, "-m", "pipeline.evaluation.cost", kind, str(artifact.resolve())]
    process = subprocess.run(
        [*command, str(out)] if out else command,
        input=json.dumps(texts),
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    if process.returncode:
        raise PipelineError(
            f"measuring {artifact} failed with exit status {process.returncode}; "
            "its message stands above"
        )
    return json.loads(process.stdout)


def split_metrics(predictions: pd.DataFrame, teacher: pd.DataFrame | None, split: str) -> Metrics:
    """``classification_metrics`` of one split of a predictions table."""
    rows = predictions[predictions["split"] == split]
    others = None if teacher is None else teacher[teacher["split"] == split]
    found = metrics.classification_metrics(
        rows["label"].to_numpy(),
        probabilities_of(rows),
        None if others is None else probabilities_of(others),
    )
    return strict.read(Metrics, found)
