"""SmoothQuant: share the difficulty of quantization between activations and weights.

A few columns of a transformer's activations are up to a hundred times as large as the rest. One
range of 256 levels for all columns leaves the rest few levels. So each column is divided by a
factor before the product, and the matrix's row of that column is multiplied by the factor: the
product stays the same (Xiao et al., 2023, arXiv:2211.10438).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from pipeline.inference import whole_graphs


@dataclass(frozen=True)
class Smoothing:
    """How strongly inputs of products are evened out, and which inputs."""

    strength: float
    """0..1, the share of the difficulty that weights take over; alpha in the paper."""
    uneven: float
    """Smooth an input only if its largest column is at least this many times the median one."""


def smooth(
    source: Path, target: Path, batches: Iterable[dict[str, np.ndarray]], smoothing: Smoothing
) -> None:
    """Even out uneven inputs of products in the float32 graph ``source``; write it to ``target``.

    Args:
        source: a graph whose constants are folded.
        target: a graph with the same logits except for rounding. May be ``source``.
        batches: inputs by name, int64 (batch, sequence), to measure columns on.
        smoothing: how strongly, and which inputs.
    """
    model = whole_graphs.read(source)
    graph = model.graph
    uses = Counter(name for node in graph.node for name in node.input)
    matrices = {t.name: t for t in graph.initializer if len(t.dims) == 2 and uses[t.name] == 1}
    # Products by the activation that they read.
    products: dict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in matrices:
            products[node.input[0]].append(node)
    largest = _largest_of_columns(model, list(products), batches)
    ordered = []
    for node in graph.node:
        name = node.input[0] if node.input else ""
        readers = products.get(name, [])
        if readers and node.output == readers[0].output and _is_uneven(largest[name], smoothing):
            shares = [matrices[reader.input[1]] for reader in readers]
            graph.initializer.append(_even(name, largest[name], shares, smoothing))
            ordered.append(helper.make_node("Mul", [name, f"{name}_shrink"], [f"{name}_even"]))
            for reader in readers:
                reader.input[0] = f"{name}_even"
        ordered.append(node)
    del graph.node[:]
    graph.node.extend(ordered)
    onnx.save(model, target)


def _is_uneven(columns: np.ndarray, smoothing: Smoothing) -> bool:
    return columns.max() >= smoothing.uneven * np.median(columns)


def _even(
    name: str, columns: np.ndarray, matrices: list[TensorProto], smoothing: Smoothing
) -> TensorProto:
    """Multiply the rows of an activation's matrices by factors, in place.

    Returns:
        The factors to multiply the activation's columns with, float32 (columns,).
    """
    weights = [numpy_helper.to_array(matrix) for matrix in matrices]
    rows = np.max([np.abs(weight).max(axis=1) for weight in weights], axis=0)
    # A column of zeros, or one whose row is all zeros, gets the factor one.
    both = (columns > 0) & (rows > 0)
    strength = smoothing.strength
    ratio = np.where(both, columns, 1) ** strength / np.where(both, rows, 1) ** (1 - strength)
    factors = ratio.astype(np.float32)
    for matrix, weight in zip(matrices, weights, strict=True):
        matrix.CopyFrom(numpy_helper.from_array(weight * factors[:, None], matrix.name))
    return numpy_helper.from_array(1 / factors, f"{name}_shrink")


def _largest_of_columns(
    model: onnx.ModelProto, names: list[str], batches: Iterable[dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """By name, the greatest absolute value of each column of activations [..., columns]."""
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    graph = probe.graph
    graph.initializer.append(numpy_helper.from_array(np.array([0]), "first_axis"))
    outputs = [f"{name}_largest" for name in names]
    for name, output in zip(names, outputs, strict=True):
        graph.node.extend(
            [
                helper.make_node("Abs", [name], [f"{name}_abs"]),
                helper.make_node("Flatten", [f"{name}_abs"], [f"{name}_rows"], axis=-1),
                helper.make_node("ReduceMax", [f"{name}_rows", "first_axis"], [output], keepdims=0),
            ]
        )
        graph.output.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(
        probe.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    largest = [session.run(outputs, batch) for batch in batches]
    return {name: np.max(rows, axis=0) for name, *rows in zip(names, *largest, strict=True)}
