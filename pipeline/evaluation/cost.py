"""Serve one artifact in a process of its own, and measure time and memory.

    python -m pipeline.evaluation.cost latency ARTIFACT < texts.json > cost.json
    python -m pipeline.evaluation.cost throughput ARTIFACT [OUT.npy] < texts.json > cost.json

Each of the two commands runs in its own process and loads only what serving needs. So its memory is
the model's, and no threads of another session disturb it.
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
"""Rows in one timing of many texts."""
_WARM_UP = 10
_PASSES = 5
_ONE_AT_A_TIME = 8.0
_MANY = 15.0
"""As ``_ONE_AT_A_TIME``, most seconds of a timing; a slow model is timed on fewer texts."""


def latency(artifact: Path, rows: Sequence[str], headlines: Sequence[str]) -> dict[str, float]:
    """Time one text at a time, on all threads.

    Returns:
        load_ms, the time until the first answer; mean_ms, p50_ms and p95_ms of the rows;
        headline_mean_ms, headline_p50_ms and headline_p95_ms of the headlines; ``rows`` and
        ``headlines``, how many of each were timed.
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
    """Seconds for each text, one at a time, until the time limit."""
    seconds: list[float] = []
    for text in texts:
        started = time.perf_counter()
        classifier.predict_proba([text])
        seconds.append(time.perf_counter() - started)
        if sum(seconds) > _ONE_AT_A_TIME:
            break
    return seconds


def throughput(artifact: Path, texts: Sequence[str]) -> dict[str, float]:
    """Time many texts, predicted in the same way as by ``predict_many`` and ``classify``.

    The texts are sorted by length and split into batches, of which some at even distances are
    timed. So a slow model, too, is timed on texts of all lengths, with the padding of a large file.

    Returns:
        rows_per_second; peak_memory_mb of this process up to now; ``rows``, how many were timed.
    """
    classifier, workers = _for_many(artifact)
    batches = batches_by_length(classifier.lengths(texts), BATCH_SIZE)

    def rate(count: int) -> tuple[int, float]:
        """Number of rows in ``count`` batches, and how many are predicted per second."""
        places = ((np.arange(count) + 0.5) * len(batches) / count).astype(int)
        some = [texts[row] for place in places for row in batches[place]]
        started = time.perf_counter()
        classifier.predict_proba(some, BATCH_SIZE, workers=workers)
        return len(some), len(some) / (time.perf_counter() - started)

    _, expected = rate(min(workers, len(batches)))  # this also warms up
    count = int(min(ROWS, expected * _MANY) / BATCH_SIZE)
    # A multiple of the workers, so that none waits while others do one batch more.
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
    """A Classifier with one thread, and how many workers use it on many texts: one per core."""
    return Classifier(artifact, threads=1), available_threads()


def predict_many(
    artifact: Path, texts: Sequence[str], progress: Callable[[int], object] | None = None
) -> np.ndarray:
    """Probabilities (texts, classes) of many texts, with one batch per core: the fastest way."""
    classifier, workers = _for_many(artifact)
    return classifier.predict_proba(texts, BATCH_SIZE, progress, workers)


def peak_memory_bytes() -> int:
    """The largest resident memory of this process so far, in bytes."""
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
    """Measure in this process what an artifact costs.

    Args:
        kind: "latency" or "throughput".
        artifact: its folder.
        texts: for latency, ``rows`` and ``headlines``; for throughput, ``timed`` and ``more``,
            which are predicted but not timed.
        out: file for the probabilities of ``timed`` and ``more``; None: it is not written.
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
    """Run ``measure`` on the texts, JSON on standard input, and print the cost as JSON."""
    found = measure(kind, Path(artifact), json.load(sys.stdin), Path(out) if out else None)
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
