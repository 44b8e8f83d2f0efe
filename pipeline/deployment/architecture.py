"""Read a transformer's architecture from its graph, in the terms of transformers' config.json.

An artifact has no ``config.json``, and its pretrained checkpoint may not be on this machine. But
a graph keeps the names and shapes of its tensors, even if its weights are quantized.
"""

import re
from pathlib import Path
from typing import Any

_NAMES = {
    "bert": {
        "layers": "num_hidden_layers",
        "width": "hidden_size",
        "heads": "num_attention_heads",
        "inner": "intermediate_size",
        "epsilon": "layer_norm_eps",
    },
    "distilbert": {"layers": "n_layers", "width": "dim", "heads": "n_heads", "inner": "hidden_dim"},
}
_NAMES["mpnet"] = _NAMES["bert"]
"""The name of each size in ``config.json``, by architecture; sizes without one are left out."""

CLASSES = {
    "bert": "BertForSequenceClassification",
    "distilbert": "DistilBertForSequenceClassification",
    "mpnet": "MPNetForSequenceClassification",
}
"""transformers' class for a classifier, by architecture."""

_WEIGHT = r"\.weight(_quantized|_Q4)?"
_TABLES = {
    "vocab_size": rf"embeddings\.word_embeddings{_WEIGHT}",
    "max_position_embeddings": rf"embeddings\.position_embeddings{_WEIGHT}",
    "type_vocab_size": rf"embeddings\.token_type_embeddings{_WEIGHT}",
    "relative_attention_num_buckets": rf"encoder\.relative_attention_bias{_WEIGHT}",
}
"""Sizes that are the row count of a table, with a pattern of its name and quantizers' suffixes."""
_INNER = r".*\.layer\.\d+\.(intermediate\.dense|ffn\.lin1)\.bias(_quantized)?"
_NORMALIZATIONS = ("InstanceNormalization", "LayerNormalization")


def read_architecture(graph: Path) -> dict[str, Any] | None:
    """Return ``model_type``, ``architectures`` and all sizes, as ``config.json`` names them.

    Args:
        graph: an ONNX file; weights in files beside it are not read.

    Returns:
        None if the graph is not a transformer that this program exports.
    """
    import onnx  # slow to import, and few pages need it

    content = onnx.load(graph, load_external_data=False).graph
    shapes = {tensor.name: list(tensor.dims) for tensor in content.initializer}
    found = next((match for name in shapes if (match := _prefix(name))), None)
    if found is None:
        return None
    architecture = found["architecture"]
    own = {
        name.removeprefix(found.group()): shape
        for name, shape in shapes.items()
        if name.startswith(found.group())
    }
    words = _shape(own, _TABLES["vocab_size"])
    inner = _shape(own, _INNER)
    heads = _heads(content)
    if words is None or inner is None or heads is None:
        return None
    sizes = {
        # Count Softmax, which each layer has once. Do not count tensors: equal tensors of two
        # layers are stored once.
        "layers": sum(node.op_type == "Softmax" for node in content.node),
        "width": words[1],
        "heads": heads,
        "inner": inner[0],
        "epsilon": _epsilon(content),
    }
    tables = {name: _shape(own, pattern) for name, pattern in _TABLES.items()}
    return {
        "model_type": architecture,
        "architectures": [CLASSES[architecture]],
        **{name: sizes[size] for size, name in _NAMES[architecture].items()},
        **{name: shape[0] for name, shape in tables.items() if shape},
    }


def _prefix(name: str) -> re.Match[str] | None:
    return re.match(rf"model\.(?P<architecture>{'|'.join(_NAMES)})\.", name)


def _shape(shapes: dict[str, list[int]], pattern: str) -> list[int] | None:
    """The shape of the first tensor whose whole name matches; None if there is none."""
    return next((shape for name, shape in shapes.items() if re.fullmatch(pattern, name)), None)


def _heads(graph: Any) -> int | None:
    """The number of attention heads, from the first Reshape to [batch, token, heads, size]."""
    from onnx import numpy_helper

    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Reshape" and node.input[1] in constants:
            shape = numpy_helper.to_array(constants[node.input[1]])
            if len(shape) == 4 and min(shape[2:]) > 0:
                return int(shape[2])
    return None


def _epsilon(graph: Any) -> float:
    """The epsilon that a normalization adds to the variance; 1e-12 if the graph has none.

    The graph stores it in single precision, so it is rounded to six digits.
    """
    for node in graph.node:
        for attribute in node.attribute if node.op_type in _NORMALIZATIONS else ():
            if attribute.name == "epsilon":
                return float(f"{attribute.f:.6g}")
    return 1e-12
