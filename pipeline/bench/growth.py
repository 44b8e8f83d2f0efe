"""Classify one file and print the time and memory. A process of its own measures only this memory.

python -m pipeline.bench.growth IN ARTIFACT
"""

import json
import sys
import time
from pathlib import Path

from pipeline.evaluation.cost import peak_memory_bytes
from pipeline.hardware import available_threads
from pipeline.inference import large_files


def main(source: str, artifact: str) -> None:
    """Write the answers beside ``source``; print seconds and peak memory as JSON."""
    target = Path(source).with_suffix(".parquet")
    started = time.perf_counter()
    large_files.classify(Path(source), target, Path(artifact), workers=available_threads())
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "memory_mb": peak_memory_bytes() / 1e6}))


if __name__ == "__main__":
    main(*sys.argv[1:])
