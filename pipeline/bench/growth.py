"""Classify one file, and print what that took: its own process, so that the memory is its own.

python -m pipeline.bench.growth IN ARTIFACT
"""

import json
import sys
import time
from pathlib import Path

from pipeline import bulk
from pipeline.inference import available_threads
from pipeline.measure import peak_memory_bytes


def main(source: str, artifact: str) -> None:
    """Write the answers beside ``source``; print seconds and peak memory as JSON."""
    target = Path(source).with_suffix(".parquet")
    started = time.perf_counter()
    bulk.classify(Path(source), target, Path(artifact), workers=available_threads())
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "memory_mb": peak_memory_bytes() / 1e6}))


if __name__ == "__main__":
    main(*sys.argv[1:])
