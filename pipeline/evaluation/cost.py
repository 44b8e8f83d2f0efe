"""Serve one artifact in a process of its own, and measure what that costs.

    python -m pipeline.evaluation.cost latency ARTIFACT < texts.json > cost.json
    python -m pipeline.evaluation.cost throughput ARTIFACT [OUT.npy] < texts.json > cost.json

A process for each of the two, with nothing loaded that serving does not need: its memory is the
model's, and no other session's threads are in the way.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

import numpy as np
from tqdm import tqdm

from pipeline.hardware import available_threads
from pipeline.inference.classifier import Classifier
from pipeline.inference.graph import BATCH_SIZE, batches_by_length

SINGLE = 200
"""Texts of each kind that are timed one at a time."""
ROWS = 2_000
"""Rows of one timing of many."""
_WARM_UP = 10
_PASSES = 5
_ONE_AT_A_TIME = 8.0
_MANY = 15.0
"""Seconds that a timing takes at most; a slow model is timed on fewer texts."""


def latency(artifact: Path, rows: Sequence[str], headlines: Sequence[str]) -> dict[str, float]:
    """Time one text at a time, on all threads.

    Returns:
        load_ms, up to the first answer; mean_ms, p50_ms and p95_ms of the rows, headline_mean_ms,
        headline_p50_ms and headline_p95_ms of the headlines; and as ``rows`` and ``headlines`` how
        many were timed.
    """
    started = time.perf_counter()
    classifier = Classifier(artifact)
    classifier.predict_proba(rows[:1])
    found: dict[str, float] = {"load_ms": round((time.perf_counter() - started) * 1e3, 1)}
    for kind, prefix, texts in (("rows", "", rows), ("headlines", "headline_", headlines)):
        for text in texts[:_WARM_UP]:
            classifier.predict_proba([text])
        seconds = _times(classifier, texts[:SINGLE])
        found[f"{prefix}mean_ms"] = round(float(np.mean(seconds)) * 1e3, 3)
        for percentile in (50, 95):
            figure = float(np.percentile(seconds, percentile)) * 1e3
            found[f"{prefix}p{percentile}_ms"] = round(figure, 3)
        found[kind] = len(seconds)
    return found


def _times(classifier: Classifier, texts: Sequence[str]) -> list[float]:
    """Seconds that each text takes, for as many as fit the time limit."""
    seconds: list[float] = []
    for text in texts:
        started = time.perf_counter()
        classifier.predict_proba([text])
        seconds.append(time.perf_counter() - started)
        if sum(seconds) > _ONE_AT_A_TIME:
            break
    return seconds


def throughput(artifact: Path, texts: Sequence[str]) -> dict[str, float]:
    """Time many texts, run as ``predict_many`` and ``classify`` run them.

    Timed are batches of the sorted texts at even distances, so that a slow model, too, is timed on
    texts of all lengths, padded as they are among many.

    Returns:
        rows_per_second; peak_memory_mb of this process up to now; and as ``rows`` how many were
        timed.
    """
    classifier, workers = _for_many(artifact)
    batches = batches_by_length(classifier.lengths(texts), BATCH_SIZE)

    def rate(count: int) -> tuple[int, float]:
        """Rows in so many batches, and how many of them are done in a second."""
        places = ((np.arange(count) + 0.5) * len(batches) / count).astype(int)
        some = [texts[row] for place in places for row in batches[place]]
        started = time.perf_counter()
        classifier.predict_proba(some, BATCH_SIZE, workers=workers)
        return len(some), len(some) / (time.perf_counter() - started)

    _, expected = rate(min(workers, len(batches)))  # which warms up
    count = int(min(ROWS, expected * _MANY) / BATCH_SIZE)
    # No worker waits for the last one while that has one batch more to do.
    count = min(max(count // workers, 1) * workers, len(batches))
    rows, first = rate(count)
    rates = [first]
    while len(rates) < _PASSES and rows * sum(1 / each for each in [*rates, first]) < _MANY:
        rates.append(rate(count)[1])
    return {
        "rows_per_second": round(median(rates), 1),
        "peak_memory_mb": round(peak_memory_bytes() / 1e6, 1),
        "rows": rows,
    }


def _for_many(artifact: Path) -> tuple[Classifier, int]:
    """A Classifier for many texts, with one thread, and how many workers ask it: one a core."""
    return Classifier(artifact, threads=1), available_threads()


def predict_many(
    artifact: Path, texts: Sequence[str], progress: Callable[[int], object] | None = None
) -> np.ndarray:
    """Probabilities (texts, classes) of many texts: a batch a core, the fastest way there is."""
    classifier, workers = _for_many(artifact)
    return classifier.predict_proba(texts, BATCH_SIZE, progress, workers)


def peak_memory_bytes() -> int:
    """The most resident memory that this process ever had."""
    status = Path("/proc/self/status")
    if status.is_file():
        # Not getrusage: its maximum is inherited from the process that started this one.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def measure(
    kind: str, artifact: Path, texts: Mapping[str, list[str]], out: Path | None = None
) -> dict[str, float]:
    """What an artifact costs, measured in this process.

    Args:
        kind: "latency" or "throughput".
        artifact: its folder.
        texts: for latency ``rows`` and ``headlines``; for throughput ``timed``, and ``more`` that
            are only predicted.
        out: file that gets the probabilities of ``timed`` and ``more``.
    """
    if kind == "latency":
        return latency(artifact, texts["rows"], texts["headlines"])
    cost = throughput(artifact, texts["timed"])
    if out:
        everything = texts["timed"] + texts["more"]
        with tqdm(total=len(everything), unit="row", leave=False, disable=None) as bar:
            probabilities = predict_many(artifact, everything, bar.update)
        np.save(out, probabilities, allow_pickle=False)
    return cost


def main(kind: str, artifact: str, out: str | None = None) -> None:
    """``measure`` with the texts as JSON on standard input; prints the cost as JSON."""
    found = measure(kind, Path(artifact), json.load(sys.stdin), Path(out) if out else None)
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
