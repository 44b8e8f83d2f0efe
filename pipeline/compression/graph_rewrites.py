"""Rewrites of an exported graph, in place, that onnxruntime does not do itself.

Both keep the logits, except for the order of sums. onnxruntime's main fusion for BERT, attention as
one operator, was tried and is not used: it changes times by less than 3 % in either direction.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

# Operators that compute each entry of an axis independently: _ELEMENTWISE on every axis, _ROWWISE
# on every axis except the last.
_ELEMENTWISE = {"Add", "Mul", "Div", "Gelu", "QuantizeLinear", "DequantizeLinear"}
_ROWWISE = {"LayerNormalization", "Softmax", "MatMul"}


def keep_first_token(model: ir.Model) -> None:
    """Compute the last layer only for the first token, if the classifier reads no other token.

    Keys and values still cover every token. The selection of the first token moves up through
    operators that compute each token independently, as long as nothing else reads their outputs. A
    graph that does not select the first token is not changed.
    """
    graph = model.graph
    nodes = list(graph)
    last = next((place for place, node in enumerate(nodes) if _selects_first(node)), 0)
    # By value, the readers that need only its first entry on an axis: node, input, axis.
    wanted: dict[ir.Value, list[tuple[ir.Node, int, int]]] = defaultdict(list)
    if last:
        wanted[_input(nodes[last], 0)].append((nodes[last], 0, 1))
    for node in reversed(nodes[:last]):
        for value in node.outputs:  # a Split has several
            readers = wanted.pop(value, [])
            axes = {axis for _, _, axis in readers}
            above = None
            if len(axes) == 1 and len(readers) == len(value.uses()) and len(node.outputs) == 1:
                above = _axes_above(node, *axes)
            if above is None:
                _select_after(node, value, readers)
                continue
            for index, axis in above.items():
                wanted[_input(node, index)].append((node, index, axis))
            if node.op_type == "Reshape":
                target = np.array([0, 0, *_shape(value)[2:]])
                node.replace_input_with(1, _constant(graph, f"{value.name}_shape", target))
                node.attributes.pop("allowzero", None)
            sizes = list(_shape(value))
            sizes[axes.pop()] = 1
            value.shape = ir.Shape(sizes)


def _select_after(
    node: ir.Node, value: ir.Value, readers: Sequence[tuple[ir.Node, int, int]]
) -> None:
    """Give the readers of an output (node, input, axis) only its first entry on their axis."""
    assert node.graph is not None, "the node stands in a graph"
    for axis in {axis for _, _, axis in readers}:
        first = _constant(node.graph, "first", np.array([0]))
        selected = _after(node, "Gather", [value, first], {"axis": axis})
        for reader, index, _ in (reader for reader in readers if reader[2] == axis):
            reader.replace_input_with(index, selected.outputs[0])


def vectorize_layer_norm(model: ir.Model) -> None:
    """Replace each LayerNormalization of [batch, tokens, width] by an InstanceNormalization.

    Each token becomes a channel, and the numbers of its row are normalized. Gain and shift become
    separate operators. onnxruntime's kernels for LayerNormalization, alone or fused with the sum
    before it, add up one float after another. Its kernel for InstanceNormalization is vectorized.
    With int8 products on one thread, this saves a seventh to a fifth of a whole model's time.
    """
    graph = model.graph
    # By number of tokens, a value of that many ones and a value of that many zeros.
    plain: dict[int | ir.SymbolicDim, tuple[ir.Value, ir.Value]] = {}
    for node in [node for node in graph if node.op_type == "LayerNormalization"]:
        x, gain, shift = (*node.inputs, None)[:3]
        if x is None or x.shape is None or len(x.shape) != 3 or _axis(node) not in (-1, 2):
            continue
        if shift is None:
            continue
        tokens = x.shape[1]
        if tokens not in plain:
            plain[tokens] = _ones_and_zeros(x)
        epsilon = {"epsilon": node.attributes["epsilon"].as_float()}
        normal = _after(node, "InstanceNormalization", [x, *plain[tokens]], epsilon)
        scaled = _after(normal, "Mul", [normal.outputs[0], gain], {})
        shifted = _after(scaled, "Add", [scaled.outputs[0], shift], {})
        assert x.dtype is not None, "torch's exporter writes the type of each value"
        for new in (normal, scaled, shifted):
            new.outputs[0].shape, new.outputs[0].dtype = x.shape, x.dtype
        ir.convenience.replace_all_uses_with(node.outputs[0], shifted.outputs[0])
    RemoveUnusedNodesPass()(model)


def _ones_and_zeros(x: ir.Value) -> tuple[ir.Value, ir.Value]:
    """Float32 ones and zeros, each of shape [tokens], for `x` [batch, tokens, width]."""
    producer = x.producer()
    assert producer is not None, "a graph's own inputs are integers, which nothing normalizes"
    count = _after(producer, "Shape", [x], {"start": 1, "end": 2})
    one = ir.tensor(np.ones(1, np.float32))
    ones = _after(count, "ConstantOfShape", count.outputs, {"value": one})
    zeros = _after(ones, "ConstantOfShape", count.outputs, {})
    return ones.outputs[0], zeros.outputs[0]


def _selects_first(node: ir.Node) -> bool:
    """Whether the node selects entry 0 of axis 1 of a value with three axes, dropping the axis."""
    if node.op_type != "Gather" or _axis(node) != 1:
        return False
    constant, source = _input(node, 1).const_value, _input(node, 0).shape
    if constant is None or source is None:
        return False
    index = constant.numpy()
    return index.ndim == 0 and int(index) == 0 and len(source) == 3


def _axes_above(node: ir.Node, axis: int) -> dict[int, int] | None:
    """For each input that has this axis of the output: the input's number, and its own axis.

    None if the operator is not known to compute the entries of the axis independently.
    """
    shape = _shape(node.outputs[0])
    rank = len(shape)
    if node.op_type in _ELEMENTWISE:
        above = {}
        for index in range(len(node.inputs)):
            source = _shape(_input(node, index))
            place = axis - rank + len(source)
            if place >= 0 and source[place] != 1:
                above[index] = place
        return above
    if node.op_type in _ROWWISE and axis < rank - 1 and _axis(node) in (-1, rank - 1):
        return {0: axis}
    if node.op_type == "Transpose":
        return {0: node.attributes["perm"].as_ints()[axis]}
    if node.op_type == "Reshape":
        # The axes after batch and token may be split or joined, if their sizes are known.
        known = all(isinstance(size, int) for size in shape[2:])
        if axis == 1 and known and _shape(_input(node, 0))[:2] == shape[:2]:
            return {0: 1}
    return None


def _input(node: ir.Node, index: int) -> ir.Value:
    """A required input of a node."""
    value = node.inputs[index]
    assert value is not None, f"{node.op_type} has an input {index}"
    return value


def _shape(value: ir.Value) -> ir.Shape:
    assert value.shape is not None, "torch's exporter writes the shape of each value"
    return value.shape


def _axis(node: ir.Node) -> int:
    return node.attributes["axis"].as_int() if "axis" in node.attributes else -1


def _after(
    node: ir.Node,
    operator: str,
    inputs: Sequence[ir.Value | None],
    attributes: Mapping[str, int | float | ir.TensorProtocol],
) -> ir.Node:
    """Insert a new node with one output right after `node`, and return it."""
    new = ir.node(operator, inputs, attributes)
    assert node.graph is not None, "the node stands in a graph"
    node.graph.insert_after(node, new)
    return new


def _constant(graph: ir.Graph, name: str, array: np.ndarray) -> ir.Value:
    """The int64 initializer with this name; it is added if the graph does not have it."""
    if name not in graph.initializers:
        tensor = ir.tensor(array.astype(np.int64), name=name)
        value = ir.Value(name=name, const_value=tensor, shape=ir.Shape(array.shape))
        value.dtype = tensor.dtype
        graph.register_initializer(value)
    return graph.initializers[name]
