"""Graphs with all their weights in memory, also if these lie in files beside the graph."""

import shutil
import tempfile
from pathlib import Path

import onnx


def read(graph: Path) -> onnx.ModelProto:
    """Read a graph and the weights in the files beside it.

    onnx refuses to read weights from files with several hard links, and the files of stages and
    runs have them. So it reads copies of a graph that has such files.
    """
    if not any(graph.parent.glob(f"{graph.name}.*")):
        return onnx.load(graph)
    with tempfile.TemporaryDirectory() as copies:
        for path in graph.parent.glob(f"{graph.name}*"):
            shutil.copyfile(path, Path(copies, path.name))
        return onnx.load(Path(copies, graph.name))
