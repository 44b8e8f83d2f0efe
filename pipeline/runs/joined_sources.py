"""Where a joined model comes from: a folder, an ONNX file in a folder, or a name on the Hub."""

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline import files
from pipeline.compression import joined_graphs
from pipeline.data import hub
from pipeline.errors import PipelineError
from pipeline.files import sha256
from pipeline.models import checkpoint_checks
from pipeline.models.checkpoint_checks import CONFIG
from pipeline.models.joined_checkpoints import TOKENIZER_FILES

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_GRAPHS = ("model.onnx", "model.onnx_data", "onnx/model.onnx", "onnx/model.onnx_data")
_WEIGHTS = ("model*.safetensors", "model.safetensors.index.json")


@dataclass(frozen=True)
class Source:
    """A model that somebody else trained, on this machine."""

    name: str
    """Its name on the Hub, or the folder's name."""
    kind: str
    """"hub" or "folder"."""
    folder: Path
    """The folder of its ``config.json`` and its tokenizer."""
    graph: Path | None
    """Its ONNX graph; None if it has to be exported."""

    def identity(self) -> str:
        """A hash of all the files that the model is made of.

        Raises:
            PipelineError: its weights are missing, or in a format that is not supported.
        """
        names = [CONFIG, *(name for name in TOKENIZER_FILES if (self.folder / name).is_file())]
        paths = {name: self.folder / name for name in names}
        if self.graph:
            beside = joined_graphs.data_files(joined_graphs.read(self.graph))
            paths |= {name: self.graph.parent / name for name in (self.graph.name, *beside)}
        else:
            weights = checkpoint_checks.weight_files(self.folder)
            paths |= {name: self.folder / name for name in weights}
        return files.fingerprint(**{name: sha256(path) for name, path in paths.items()})


def find(model: str) -> Source:
    """Find the model that ``--model`` names; fetch it from the Hub if it is a name there.

    If there is an ONNX graph, it is used. Otherwise the checkpoint will be exported.

    Raises:
        PipelineError: there is no such model on this machine, and it can't be fetched.
    """
    path = Path(model)
    if path.suffix == ".onnx" and path.is_file():
        return _source(path.resolve().parent, path.resolve())
    if path.is_dir():
        return _source(path.resolve(), joined_graphs.find_graph(path.resolve()))
    if path.exists():
        raise PipelineError(f"{model} is a file; --model takes a folder, a .onnx, or a Hub name")
    if not _HUB_NAME.fullmatch(model):
        raise PipelineError(f"no folder at {model}, and it is no name on the Hub (owner/name)")
    folder = _fetch(model)
    return Source(model, "hub", folder, joined_graphs.find_graph(folder))


def _source(folder: Path, graph: Path | None) -> Source:
    """A local source. The configuration may be beside the graph or one folder above it."""
    if graph and not (folder / CONFIG).is_file():
        inner, outer = graph.parent, graph.parent.parent
        folder = next((place for place in (inner, outer) if (place / CONFIG).is_file()), folder)
    named = folder.parent if folder.name == "onnx" else folder
    return Source(named.name, "folder", folder, graph)


def _fetch(name: str) -> Path:
    """Fetch a model from the Hub, its weights only if it has no graph; return its folder."""
    with hub.reachable(name, "--model with a folder that has its files"):
        from huggingface_hub import snapshot_download

        described = [CONFIG, *TOKENIZER_FILES]
        folder = Path(snapshot_download(name, allow_patterns=[*described, *_GRAPHS]))
        if joined_graphs.find_graph(folder) is None:
            folder = Path(snapshot_download(name, allow_patterns=[*described, *_WEIGHTS]))
    return folder
