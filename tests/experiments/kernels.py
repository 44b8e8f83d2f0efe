"""Time other settings, formats and accuracy levels of onnxruntime against what is deployed.

    python -m tests.experiments.kernels RUN

The run's ``minilm``, ``minilm-int8`` and ``minilm-int4`` must be installed. All variants are asked
the project's own headlines in turns, in one process whose threads sleep soon after a run. Prints a
Markdown table, in which *same labels* compares with ``minilm`` in float32. A second table shows the
share of time of each operator of ``minilm-int8`` on one thread. The trial ``spinning`` tests how
long threads should spin.
"""

import argparse
import json
import logging
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime import quantization
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

from pipeline.bench import timings
from pipeline.compression.quantization import WEIGHT_OPERATORS
from pipeline.compression.weight_files import split_weights
from pipeline.hardware import available_threads
from pipeline.inference import encoders
from pipeline.inference.graph import GRAPH, SPIN_US
from pipeline.results.storage import CACHE, read_run
from pipeline.runs import fingerprinting

TURNS, BLOCK = 12, 10
BATCH_SIZE = 32
LEAST = 0.02
"""Operators with a smaller share of the time are not printed."""
Feeds = dict[str, np.ndarray]
Answer = Callable[[Feeds], np.ndarray]


def options(**entries: str) -> ort.SessionOptions:
    """The Classifier's session options, with entries added or replaced; ``__`` stands for a dot."""
    made = ort.SessionOptions()
    made.log_severity_level = 3
    made.intra_op_num_threads = available_threads()
    for name, value in {"session.intra_op.spin_duration_us": str(SPIN_US), **entries}.items():
        made.add_session_config_entry(name.replace("__", "."), value)
    return made


def session(graph: Path, **entries: str) -> ort.InferenceSession:
    return ort.InferenceSession(graph, options(**entries), providers=["CPUExecutionProvider"])


def plain(opened: ort.InferenceSession) -> Answer:
    return lambda feeds: opened.run(["logits"], feeds)[0]


def bound(opened: ort.InferenceSession) -> Answer:
    """With I/O binding: inputs and output stay where they are."""
    binding = opened.io_binding()

    def answer(feeds: Feeds) -> np.ndarray:
        for name, array in feeds.items():
            binding.bind_cpu_input(name, array)
        binding.bind_output("logits")
        opened.run_with_iobinding(binding)
        return binding.copy_outputs_to_cpu()[0]

    return answer


def with_level(graph: Path, level: int, target: Path) -> Path:
    """Write a copy of a 4-bit graph with another accuracy level of its matrix products."""
    model = onnx.load(graph)
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "accuracy_level":
                attribute.i = level
    onnx.save(model, target)
    return target


def eight_bit_blocks(graph: Path, target: Path) -> Path:
    """Write a graph with 8-bit weights in blocks, like those of 4-bit graphs."""
    quantizer = MatMulNBitsQuantizer(
        onnx.load(graph),
        bits=8,
        block_size=fingerprinting.BLOCK_SIZE,
        is_symmetric=True,
        accuracy_level=4,
    )
    quantizer.process()
    onnx.save(quantizer.model.model, target)
    return target


def static(graph: Path, batches: list[Feeds], format: quantization.QuantFormat, target: Path):
    """Write a static int8 graph in one of the two formats; operators' outputs are int8, too."""

    class Reader(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self.batches = iter(batches)

        def get_next(self) -> Feeds | None:
            return next(self.batches, None)

    quantization.quantize_static(
        graph,
        target,
        Reader(),
        quant_format=format,
        per_channel=True,
        op_types_to_quantize=WEIGHT_OPERATORS,
    )
    return target


def optimized(graph: Path, target: Path) -> Path:
    """Save the graph as onnxruntime rewrites it on loading."""
    settings = options()
    settings.optimized_model_filepath = str(target)
    ort.InferenceSession(graph, settings, providers=["CPUExecutionProvider"])
    return target


def in_files(graph: Path, folder: Path) -> Path:
    """Write the same graph with its weights in several files."""
    folder.mkdir()
    shutil.copyfile(graph, folder / GRAPH)
    split_weights(folder / GRAPH)
    return folder / GRAPH


def variants(folders: dict[str, Path], batches: list[Feeds], scratch: Path) -> Iterator[tuple]:
    """Yield each variant's name and graph, and functions that open a session on it and ask it."""
    whole, int8, int4 = (folders[role] / GRAPH for role in ("minilm", "minilm-int8", "minilm-int4"))
    yield "float32, as deployed", whole, session, plain
    yield "float32, weights in files beside it", in_files(whole, scratch / "files"), session, plain
    yield "dynamic int8, as deployed", int8, session, plain
    yield "its optimized graph, saved", optimized(int8, scratch / "saved.onnx"), session, plain
    yield "with I/O binding", int8, session, bound
    yield (
        "without spinning",
        int8,
        lambda graph: session(graph, session__intra_op__allow_spinning="0"),
        plain,
    )
    formats = {"operators": quantization.QuantFormat.QOperator, "QDQ": quantization.QuantFormat.QDQ}
    for name, format in formats.items():
        graph = static(whole, batches, format, scratch / f"{name}.onnx")
        yield f"static int8 of inputs and outputs, {name}", graph, session, plain
    yield "8 bits in blocks", eight_bit_blocks(whole, scratch / "blocks.onnx"), session, plain
    yield "4 bits, as deployed", int4, session, plain
    for level in (0, 1):
        graph = with_level(int4, level, scratch / f"level{level}.onnx")
        yield f"4 bits, accuracy level {level}", graph, session, plain


def shares(graph: Path, feeds: Feeds, scratch: Path) -> dict[str, float]:
    """Share of the time that each kind of operator takes, by onnxruntime's own profile."""
    settings = options()
    settings.intra_op_num_threads = 1
    settings.enable_profiling, settings.profile_file_prefix = True, str(scratch / "profile")
    opened = ort.InferenceSession(graph, settings, providers=["CPUExecutionProvider"])
    for _ in range(TURNS):
        opened.run(["logits"], feeds)
    taken = Counter()
    for event in json.loads(Path(opened.end_profiling()).read_text()):
        if event["cat"] == "Node" and event["name"].endswith("_kernel_time"):
            taken[event["args"]["op_name"]] += event["dur"]
    return {operator: time / taken.total() for operator, time in taken.most_common()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", metavar="RUN")
    run = read_run(CACHE / parser.parse_args().run)
    folders = {role: run.artifact(role) for role in ("minilm", "minilm-int8", "minilm-int4")}
    if None in folders.values():
        parser.error(f"of {run.name}, {', '.join(folders)} have to be installed")
    logging.disable(logging.WARNING)  # the quantizers log every operator
    _, encoder = encoders.read(folders["minilm"])
    texts = timings.headlines(timings.LENGTHS, TURNS * BLOCK)
    singles = [encoder.feeds([text]) for text in texts]
    batches = [
        encoder.feeds(texts[start : start + BATCH_SIZE])
        for start in range(0, len(texts) - BATCH_SIZE + 1, BATCH_SIZE)
    ]
    with tempfile.TemporaryDirectory() as scratch:
        rows = []
        for name, graph, opened, asked in variants(folders, batches, Path(scratch)):
            started = time.perf_counter()
            answer = asked(opened(graph))
            load = time.perf_counter() - started
            size = sum(path.stat().st_size for path in graph.parent.glob(f"{graph.name}*"))
            rows.append((name, size / 1e6, load * 1e3, answer, [], [], []))
        for turn in range(TURNS):
            for _, _, _, answer, one, many, labels in rows:
                for feeds in singles[turn * BLOCK : (turn + 1) * BLOCK]:
                    started = time.perf_counter()
                    found = answer(feeds)
                    one.append(time.perf_counter() - started)
                    labels.append(found.argmax())
                started = time.perf_counter()
                answer(batches[turn % len(batches)])
                many.append(time.perf_counter() - started)
        int8 = folders["minilm-int8"] / GRAPH
        alone, many_at_once = (
            shares(int8, feeds, Path(scratch)) for feeds in (singles[0], batches[0])
        )
    print(f"| variant | MB | load, ms | one, ms | {BATCH_SIZE}, ms | same labels |")
    print("|---|--:|--:|--:|--:|--:|")
    expected = np.array(rows[0][-1])
    for name, size, load, _, one, many, labels in rows:
        same = 100 * (np.array(labels) == expected).mean()
        figures = (f"{size:.1f}", f"{load:.0f}", f"{median(one) * 1e3:.2f}")
        print(f"| {name} | {' | '.join(figures)} | {median(many) * 1e3:.0f} | {same:.0f} % |")
    print(f"\n| operator | one, % | {BATCH_SIZE}, % |\n|---|--:|--:|")
    for operator, share in many_at_once.items():
        if max(share, alone[operator]) >= LEAST:
            print(f"| {operator} | {100 * alone[operator]:.0f} | {100 * share:.0f} |")


if __name__ == "__main__":
    main()
