"""Sessions of onnxruntime whose int8 products are exact on every processor."""

from functools import cache
from itertools import count
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from pipeline.inference import whole_graphs

EXACT_INT8 = "session.x64quantprecision"
"""onnxruntime's setting for int8 products on x86 processors without VNNI.

By default these processors add two products of uint8 and int8 in 16 bits, which saturates if the
weights have all eight bits. With "1" onnxruntime makes the weights uint8 and adds in 32 bits. It
does so on every processor, and that takes longer, so it is set only where sums saturate.
"""


def open_session(graph: Path, options: ort.SessionOptions) -> ort.InferenceSession:
    """Open a session on the CPU whose int8 products do not saturate.

    Args:
        graph: an ONNX file; its weights may be in files beside it.
        options: settings of the session. ``EXACT_INT8`` is added to them if it is needed.

    Raises:
        Exception: whatever onnx and onnxruntime raise for a graph that they can't read.
    """
    source: str | bytes = str(graph)
    if int8_saturates():
        model = whole_graphs.read(graph)
        if uses_eight_bits(model):
            options.add_session_config_entry(EXACT_INT8, "1")
            unshare_int8(model)
            source = model.SerializeToString()
    return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])


@cache
def int8_saturates() -> bool:
    """Whether onnxruntime gives a wrong product of the greatest integers on this processor."""
    inputs, outputs = 64, 16
    weights = np.full((inputs, outputs), 127, np.int8)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["inputs", "weights"], ["product"])],
        "probe",
        [helper.make_tensor_value_info("inputs", TensorProto.UINT8, [1, inputs])],
        [helper.make_tensor_value_info("product", TensorProto.INT32, [1, outputs])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    [product] = session.run(None, {"inputs": np.full((1, inputs), 255, np.uint8)})
    return bool((product != inputs * 255 * 127).any())


def uses_eight_bits(model: onnx.ModelProto) -> bool:
    """Whether int8 tensors have values that seven bits can't hold.

    Args:
        model: a graph with its weights in memory.
    """
    return any(
        # In wider integers, because int8 can't hold the magnitude of -128.
        np.abs(numpy_helper.to_array(tensor).astype(np.int16)).max(initial=0) > 64
        for tensor in _int8(model).values()
    )


def unshare_int8(model: onnx.ModelProto) -> None:
    """Give each operator int8 tensors of its own, in place.

    With ``EXACT_INT8`` onnxruntime makes int8 tensors uint8 one operator at a time, and fails at
    the second operator that reads the same tensor. torch's exporter writes zero points that are
    equal once for all operators.
    """
    tensors, read = _int8(model), set[str]()
    names = {tensor.name for tensor in model.graph.initializer}
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name in tensors and name in read:
                own = model.graph.initializer.add()
                own.CopyFrom(tensors[name])
                own.name = next(free for n in count(2) if (free := f"{name}_{n}") not in names)
                names.add(own.name)
                node.input[place] = own.name
            read.add(name)


def _int8(model: onnx.ModelProto) -> dict[str, onnx.TensorProto]:
    """The int8 initializers of a graph, by name."""
    return {t.name: t for t in model.graph.initializer if t.data_type == TensorProto.INT8}
