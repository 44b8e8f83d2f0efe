"""Serve one artifact in a process of its own, and measure what that costs.

    python -m pipeline.measure ARTIFACT [OUT.npy] < texts.json > cost.json

A process apart, with nothing loaded that serving does not need, so that its memory is the
model's and no other session's threads are in the way.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pipeline.inference import Classifier, available_threads

BATCH_SIZE = 32
_WARM_UP = 10
_SINGLE = 200
_BATCHES = 10
_SECONDS = 15.0
"""At most this long for each of the two timings; a slow model is timed on fewer headlines."""


def measure(classifier: Classifier, texts: list[str]) -> dict[str, float]:
    """Time a model on the first few hundred of these texts.

    Returns:
        p50_ms and p95_ms of one headline; rows_per_second in batches of 32.
    """
    for text in texts[:_WARM_UP]:
        classifier.predict_proba([text])
    single = _times(classifier, [[text] for text in texts[:_SINGLE]])
    batches = [texts[start : start + BATCH_SIZE] for start in range(0, len(texts), BATCH_SIZE)]
    batched = _times(classifier, batches[:_BATCHES])
    done = sum(len(batch) for batch in batches[: len(batched)])
    return {
        "p50_ms": round(float(np.percentile(single, 50)) * 1e3, 3),
        "p95_ms": round(float(np.percentile(single, 95)) * 1e3, 3),
        "rows_per_second": round(done / sum(batched), 1),
    }


def _times(classifier: Classifier, batches: list[list[str]]) -> list[float]:
    """Seconds that each batch takes, for as many as fit the time limit."""
    seconds: list[float] = []
    for batch in batches:
        started = time.perf_counter()
        classifier.predict_proba(batch, BATCH_SIZE)
        seconds.append(time.perf_counter() - started)
        if sum(seconds) > _SECONDS:
            break
    return seconds


def predict_many(
    artifact: Path, texts: list[str], progress: Callable[[int], None] | None = None
) -> np.ndarray:
    """Probabilities (texts, k) of many headlines: a batch a core, the fastest way there is."""
    classifier = Classifier(artifact, threads=1)
    return classifier.predict_proba(texts, BATCH_SIZE, progress, available_threads())


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


def main(artifact: str, out: str | None = None) -> None:
    """Measure an artifact on the texts of standard input; with ``out``, write predictions too."""
    texts = json.load(sys.stdin)
    started = time.perf_counter()
    classifier = Classifier(artifact)
    classifier.predict_proba(texts[:1])
    cost = {"load_ms": round((time.perf_counter() - started) * 1e3, 1)}
    cost |= measure(classifier, texts)
    cost["peak_memory_mb"] = round(peak_memory_bytes() / 1e6, 1)
    if out:
        del classifier
        with tqdm(total=len(texts), unit="headline", leave=False, disable=None) as bar:
            probabilities = predict_many(Path(artifact), texts, bar.update)
        np.save(out, probabilities, allow_pickle=False)
    print(json.dumps(cost))


if __name__ == "__main__":
    main(*sys.argv[1:])
