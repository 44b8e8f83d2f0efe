"""Compare strengths of smoothing before int8. ``SMOOTHING`` was chosen by these figures.

    python -m tests.experiments.smoothing RUN --data DIR

Prints a Markdown table. For each strength, it has the noise that int8 adds to the teacher's logits
on validation rows, as a share of their spread, and the size of the graph.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime

from pipeline import hardware
from pipeline.compression.quantization import quantize_dynamic
from pipeline.compression.smoothquant import Smoothing
from pipeline.data import data_sets
from pipeline.inference import encoders
from pipeline.inference.graph import GRAPH
from pipeline.results.storage import CACHE, read_run
from pipeline.runs import fingerprinting

STRENGTHS = (0.5, 0.65, 0.75, 0.85)
ROWS = 256
BATCH_SIZE = 32


def logits(graph: Path, batches: list[dict[str, np.ndarray]]) -> np.ndarray:
    """The logits of a graph on all batches: float32 (rows, labels)."""
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(["logits"], batch)[0] for batch in batches])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", metavar="RUN", help="a run whose teacher is installed")
    parser.add_argument("--data", type=Path, metavar="DIR", help="as python -m pipeline run has it")
    options = parser.parse_args()
    corpus = data_sets.load(options.data)
    teacher = read_run(CACHE / options.run).artifact("teacher")
    if not teacher:
        parser.error(f"{options.run} has no installed teacher")
    _, encoder = encoders.read(teacher)

    def batches(texts: list[str], rows: int) -> list[dict[str, np.ndarray]]:
        drawn = np.random.default_rng(data_sets.SEED).permutation(len(texts))[:rows]
        some = [texts[row] for row in drawn]
        return [
            encoder.feeds(some[start : start + BATCH_SIZE]) for start in range(0, rows, BATCH_SIZE)
        ]

    measured_on = batches(corpus.train.texts, fingerprinting.CALIBRATION_ROWS)
    judged_on = batches(corpus.validation.texts, ROWS)
    exact = logits(teacher / GRAPH, judged_on)
    print("| strength | noise in the logits | MB |\n|--:|--:|--:|")
    for strength in (None, *STRENGTHS):
        with tempfile.TemporaryDirectory() as folder:
            graph = Path(folder, GRAPH)
            smoothing = strength and Smoothing(strength, fingerprinting.UNEVEN)
            quantize_dynamic(teacher / GRAPH, graph, measured_on, hardware.int8_bits(), smoothing)
            noise = (logits(graph, judged_on) - exact).std() / exact.std()
            size = graph.stat().st_size / 1e6
        print(f"| {strength or 'none'} | {noise:.3f} | {size:.2f} |", flush=True)


if __name__ == "__main__":
    main()
