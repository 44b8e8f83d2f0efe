"""ONNX graphs made by others, changed to have the inputs and the output of every artifact's graph.

These are the inputs ``input_ids`` and ``attention_mask`` (int64, [batch, sequence], both sizes
free), and the output ``logits`` (float32, [batch, labels]) in the order of the run's classes.
Weights are not changed.
"""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper
from onnx.external_data_helper import uses_external_data

from pipeline.errors import PipelineError, one_line
from pipeline.inference.graph import GRAPH, LOGITS

_IDS, _MASK, _TYPES = "input_ids", "attention_mask", "token_type_ids"
_WEIGHTS = (
    TensorProto.FLOAT,
    TensorProto.FLOAT16,
    TensorProto.BFLOAT16,
    TensorProto.DOUBLE,
    TensorProto.INT8,
    TensorProto.UINT8,
)


def find_graph(folder: Path) -> Path | None:
    """The graph of a folder in Optimum's layout, or None if the folder has no graph.

    It is ``model.onnx`` in the folder or in ``onnx/``, else the only ``.onnx`` file there.

    Raises:
        PipelineError: there are several graphs, and none is called ``model.onnx``.
    """
    for place in (folder, folder / "onnx"):
        if (place / GRAPH).is_file():
            return place / GRAPH
    found = sorted([*folder.glob("*.onnx"), *folder.glob("onnx/*.onnx")])
    if len(found) > 1:
        names = ", ".join(str(path.relative_to(folder)) for path in found)
        raise PipelineError(f"{folder} has several graphs: give --model the one of {names}")
    return found[0] if found else None


def data_files(model: ModelProto) -> list[str]:
    """The names of the files with a graph's external weights, as the graph states them."""
    tensors = [tensor for tensor in model.graph.initializer if uses_external_data(tensor)]
    locations = (
        entry.value for t in tensors for entry in t.external_data if entry.key == "location"
    )
    return list(dict.fromkeys(locations))


def read(graph: Path) -> ModelProto:
    """Read a graph without its external weights.

    Raises:
        PipelineError: the graph can't be read, or its external weights are not beside it.
    """
    try:
        model = onnx.load(graph, load_external_data=False)
    except Exception as error:  # protobuf raises its own types
        raise PipelineError(f"{graph} is no ONNX graph: {one_line(error)}") from error
    for name in data_files(model):
        if Path(name).name != name:
            raise PipelineError(f"{graph} has weights at {name!r}; they have to lie beside it")
        if not (graph.parent / name).is_file():
            raise PipelineError(f"{graph} needs {name}, which is not beside it")
    return model


def parameter_count(model: ModelProto) -> int:
    """Number of weights, quantized or not."""
    return sum(
        int(np.prod(tensor.dims))
        for tensor in model.graph.initializer
        if tensor.data_type in _WEIGHTS
    )


def write(graph: Path, order: Sequence[int], folder: Path) -> None:
    """Write a graph made by others as ``model.onnx``, with its external weights (if any) beside it.

    Args:
        graph: the graph's file.
        order: for each class of the run, the position of its logit in the graph's output.
        folder: the artifact's folder.

    Raises:
        PipelineError: the graph can't be read, or does not have the inputs and the output of a
            text classifier.
    """
    model = read(graph)
    # Use names that are allowed for a run's files.
    new = {name: f"{GRAPH}.data-{i:04d}" for i, name in enumerate(data_files(model), start=1)}
    for name, to in new.items():
        shutil.copyfile(graph.parent / name, folder / to)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = new[entry.value]
    conform(model.graph, order, str(graph))
    onnx.save(model, folder / GRAPH)


def conform(graph: GraphProto, order: Sequence[int], source: str) -> None:
    """Give a graph, in place, the inputs and the output that every artifact's graph has.

    Token types become zeros, as they are for single texts. If necessary, the logits are reordered
    and cast to float32.

    Args:
        graph: the graph of a classifier.
        order: for each class of the run, the position of its logit in the graph's output.
        source: the graph's file, for messages.

    Raises:
        PipelineError: the graph does not have the inputs and the output of a text classifier.
    """
    _conform_inputs(graph, source)
    _conform_output(graph, order, source)


def _conform_inputs(graph: GraphProto, source: str) -> None:
    own = {tensor.name for tensor in graph.initializer}
    inputs = {value.name: value for value in graph.input if value.name not in own}
    unknown = sorted(set(inputs) - {_IDS, _MASK, _TYPES})
    lacking = [name for name in (_IDS, _MASK) if name not in inputs]
    if unknown or lacking:
        raise PipelineError(
            f"{source} takes {', '.join(inputs)}; a classifier of texts takes {_IDS}, {_MASK} and, "
            f"if it has them, {_TYPES}"
        )
    first = []
    for name, value in inputs.items():
        tensor = value.type.tensor_type
        if any(dimension.dim_value for dimension in tensor.shape.dim):
            raise PipelineError(
                f"{source} has a fixed size of {name}; export it with free sizes of batch and "
                "sequence"
            )
        kind = tensor.elem_type
        if name == _TYPES:
            first += [
                helper.make_node("Sub", [_IDS, _IDS], ["zeros_for_types"]),
                helper.make_node("Cast", ["zeros_for_types"], [_TYPES], to=kind),
            ]
        elif kind != TensorProto.INT64:
            _rename(graph, name, f"{name}_cast")
            first.append(helper.make_node("Cast", [name], [f"{name}_cast"], to=kind))
    for place, node in enumerate(first):
        graph.node.insert(place, node)
    del graph.input[:]
    shape: list[str | int | None] = ["batch", "sequence"]
    graph.input.extend(
        helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in (_IDS, _MASK)
    )


def _conform_output(graph: GraphProto, order: Sequence[int], source: str) -> None:
    output = _output(graph, source)
    kind, name = output.type.tensor_type.elem_type, output.name
    tail: list[NodeProto] = []

    def then(operator: str, *more: str, **attributes: int) -> None:
        """Append one more operator to the logits."""
        read = tail[-1].output[0] if tail else name
        made = f"own_{LOGITS}_{len(tail)}"
        node = helper.make_node(operator, [read, *more], [made])
        node.attribute.extend(helper.make_attribute(*item) for item in attributes.items())
        tail.append(node)

    if list(order) != list(range(len(order))):
        indices = helper.make_tensor("order_of_classes", TensorProto.INT64, [len(order)], order)
        graph.initializer.append(indices)
        then("Gather", "order_of_classes", axis=-1)
    if kind != TensorProto.FLOAT:
        then("Cast", to=TensorProto.FLOAT)
    if not tail and name != LOGITS:
        then("Identity")
    if tail:
        _rename(graph, LOGITS, f"own_{LOGITS}")
        if name == LOGITS:
            tail[0].input[0] = f"own_{LOGITS}"
        tail[-1].output[0] = LOGITS
        graph.node.extend(tail)
    del graph.output[:]
    shape: list[str | int | None] = ["batch", len(order)]
    graph.output.append(helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, shape))


def _output(graph: GraphProto, source: str) -> ValueInfoProto:
    """The logits: the output of that name, or the only one."""
    named = [value for value in graph.output if value.name == LOGITS] or list(graph.output)
    if len(named) != 1:
        names = ", ".join(value.name for value in graph.output)
        raise PipelineError(f"{source} gives {names}; which are the {LOGITS} is not known")
    return named[0]


def width(model: ModelProto, source: str) -> int | None:
    """The number of classes of a graph, or None if the graph does not state it."""
    shape = _output(model.graph, source).type.tensor_type.shape
    return shape.dim[-1].dim_value or None if len(shape.dim) else None


def _rename(graph: GraphProto, old: str, new: str) -> None:
    """Rename a value of a graph wherever it is written or read."""
    for node in _nodes(graph):
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == old:
                    names[place] = new
    for value in graph.value_info:
        if value.name == old:
            value.name = new


def _nodes(graph: GraphProto) -> Iterator[NodeProto]:
    """All nodes of a graph, including those in loops and branches."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)
