"""ONNX graphs that others made, changed to what every graph of an artifact is.

Inputs ``input_ids`` and ``attention_mask`` (int64, [batch, sequence], both sizes free), output
``logits`` (float32, [batch, labels]) in the order of the run's classes. Weights stay as they are.
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
    """The graph of a folder in Optimum's layout, or None where it has none.

    It is ``model.onnx``, in the folder or in ``onnx/``; else the only one that is there.

    Raises:
        PipelineError: there are several, and none is called ``model.onnx``.
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
    """Names of the files beside a graph that hold its weights, as the graph has them."""
    tensors = [tensor for tensor in model.graph.initializer if uses_external_data(tensor)]
    locations = (
        entry.value for t in tensors for entry in t.external_data if entry.key == "location"
    )
    return list(dict.fromkeys(locations))


def read(graph: Path) -> ModelProto:
    """A graph without the weights that lie beside it.

    Raises:
        PipelineError: it can't be read, or its weights are not beside it.
    """
    try:
        model = onnx.load(graph, load_external_data=False)
    except Exception as error:  # protobuf's own kinds
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
    """Write a graph of others as ``model.onnx``, with its weights beside it if they are apart.

    Args:
        graph: the file.
        order: by class of the run, the graph's own output.
        folder: of the artifact.

    Raises:
        PipelineError: the graph can't be read, or takes or gives something else than a classifier
            of texts.
    """
    model = read(graph)
    # Under names that a run's files may have.
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
    """Give a graph the inputs and the output of every artifact, in place.

    Token types become zeros, which they are for a text alone. The logits are put in another order
    and cast to float32 where they have to be.

    Args:
        graph: of a classifier.
        order: by class of the run, the graph's own output.
        source: of the graph, for messages.

    Raises:
        PipelineError: the graph takes or gives something else.
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
        """Let the graph do one thing more with its logits."""
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
    """The number of classes that a graph tells apart, as far as it says so itself."""
    shape = _output(model.graph, source).type.tensor_type.shape
    return shape.dim[-1].dim_value or None if len(shape.dim) else None


def _rename(graph: GraphProto, old: str, new: str) -> None:
    """Give a value of a graph another name, wherever it is made and read."""
    for node in _nodes(graph):
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == old:
                    names[place] = new
    for value in graph.value_info:
        if value.name == old:
            value.name = new


def _nodes(graph: GraphProto) -> Iterator[NodeProto]:
    """All nodes, those within loops and branches too."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)
