"""Export a model as a folder in Hugging Face's layout, or as a zip of it.

    config.json  tokenizer.json  tokenizer_config.json  special_tokens_map.json
    onnx/model.onnx              or model_quantized.onnx, model_q4.onnx: transformers.js's names
    model.safetensors            if the weights were given
    README.md                    the model card
    classify.py                  runs the model with only onnxruntime, tokenizers and numpy

A model without a tokenizer has no tokenizer files. The folder of a cascade holds each member's
export, the members' thresholds and temperatures, and a script that asks the members in turn:

    cascade.json  README.md  classify.py
    nano/…  minilm-int8/…

The folder is complete or absent.
"""

import io
import json
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import onnx

from pipeline.deployment import deployed_model, model_card, tokenizer_files
from pipeline.deployment.architecture import CLASSES, read_architecture
from pipeline.errors import PipelineError
from pipeline.files import sha256, sync
from pipeline.inference import cascade, encoders, sessions, whole_graphs
from pipeline.inference.graph import GRAPH
from pipeline.results.storage import Run

CONFIG = "config.json"
CARD = "README.md"
SCRIPT = "classify.py"
WEIGHTS = "model.safetensors"
ORIGIN = "exported_from"
"""Key in ``config.json``, or a cascade's ``cascade.json``, for run, role and fingerprint. It shows
whether a folder is an older export of the same model."""

_SCRIPTS = {
    "tokens": "classify_tokens.py",
    "ngrams": "classify_ngrams.py",
    "text": "classify_words.py",
}
"""By a graph's kind of input, the file in this package that becomes ``classify.py``."""
_CASCADE_SCRIPT = "classify_cascade.py"
_GRAPHS = ("onnx/model.onnx", "onnx/model_quantized.onnx", "onnx/model_q4.onnx")
_FILES = {
    CONFIG,
    CARD,
    SCRIPT,
    WEIGHTS,
    encoders.TOKENIZER,
    tokenizer_files.CONFIG,
    tokenizer_files.SPECIAL_TOKENS,
    *_GRAPHS,
}
"""All files that an export may hold, unless it is a cascade's."""


def export(run: Run, role: str, target: Path, weights: Path | None = None) -> Path:
    """Write a model of a run as a folder that others can load.

    The folder is written beside ``target`` and then renamed, so ``target`` is never half written.
    An older export of the same model is replaced.

    Args:
        run: the run as it was read.
        role: the role of an installed model.
        target: absent, empty, or an older export of the model.
        weights: folder with the ``model.safetensors`` and ``config.json`` that the graph was made
            from, if there is one. They are left out for a cascade, for a quantized model and for a
            model that transformers can't load.

    Raises:
        PipelineError: the artifact is missing or is not the one that the run recorded, or
            ``target`` holds something else.
    """
    target = target.resolve()
    _check_target(target, run, role)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as beside:
        draft = Path(beside, target.name)
        write(run, role, draft, weights)
        sync(draft)
        if target.exists():
            target.rename(Path(beside, "older"))
        draft.rename(target)
    return target


def archive(run: Run, role: str) -> bytes:
    """Return the export as a zip file. Its files are in a folder that is named after the role.

    Raises:
        PipelineError: the artifact is missing or is not the one that the run recorded.
    """
    buffer = io.BytesIO()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, role)
        write(run, role, folder)
        # Weights hardly compress, and trying takes seconds.
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    file.write(path, path.relative_to(temporary))
    return buffer.getvalue()


def write(run: Run, role: str, folder: Path, weights: Path | None = None) -> None:
    """Fill a new folder with an export. Arguments and errors are those of ``export``."""
    artifact, model = _checked_artifact(run, role), run.by_role[role]
    if model.cascade:
        _write_cascade(run, role, artifact, folder)
        return
    settings = json.loads((artifact / encoders.SETTINGS).read_text("utf-8"))
    kind = settings.get("input", "tokens")
    found = read_architecture(artifact / GRAPH) if kind == "tokens" else None
    # The float32 weights of a quantized graph are another model, even those that QAT trained.
    if found is None or deployed_model.dtype(model) != "fp32":
        weights = None
    (folder / "onnx").mkdir(parents=True)
    _write_graph(artifact, folder / deployed_model.graph_name(model))
    if weights is not None:
        shutil.copyfile(weights / WEIGHTS, folder / WEIGHTS)
        found = _config_of_weights(weights)
    config = {
        **(found or _own_architecture(kind, settings)),
        "id2label": {str(number): label for number, label in enumerate(run.labels)},
        "label2id": {label: number for number, label in enumerate(run.labels)},
        "problem_type": "single_label_classification",
        ORIGIN: _origin(run, role),
    }
    if found is not None:
        config["transformers.js_config"] = {"dtype": deployed_model.dtype(model)}
    if kind == "tokens":
        config |= _write_tokenizer(artifact, folder, settings["max_length"])
    _write_json(folder / CONFIG, config)
    shutil.copyfile(Path(__file__).with_name(_SCRIPTS[kind]), folder / SCRIPT)
    contents = model_card.Contents(
        max_length=settings["max_length"] if kind == "tokens" else None,
        in_transformers=found is not None,
        weights=weights is not None,
    )
    card = model_card.card(run, role, contents)
    (folder / CARD).write_text(str(card), encoding="utf-8")


def _write_cascade(run: Run, role: str, artifact: Path, folder: Path) -> None:
    """Fill a new folder with a cascade: its members' exports and the script that asks them."""
    roles, rules, _ = cascade.members(artifact)
    folder.mkdir(parents=True)
    for member in roles:
        write(run, member, folder / member)
    members: list[dict[str, Any]] = [{"folder": member} for member in roles]
    for entry, rule in zip(members, rules, strict=False):  # the last member has no rule
        entry |= {"threshold": rule.threshold, "temperature": rule.temperature}
    _write_json(folder / cascade.FILE, {"members": members, ORIGIN: _origin(run, role)})
    shutil.copyfile(Path(__file__).with_name(_CASCADE_SCRIPT), folder / SCRIPT)
    contents = model_card.Contents(max_length=None, in_transformers=False, weights=False)
    (folder / CARD).write_text(str(model_card.card(run, role, contents)), encoding="utf-8")


def _origin(run: Run, role: str) -> dict[str, str]:
    return {"run": run.name, "role": role, "fingerprint": run.by_role[role].fingerprint}


def _checked_artifact(run: Run, role: str) -> Path:
    """The folder of an artifact, checked to hold the files that the run recorded."""
    if role not in run.by_role:
        raise PipelineError(f"{run.name} has no model {role!r}; it has {', '.join(run.by_role)}")
    folder = run.artifact(role)
    if folder is None:
        raise PipelineError(
            f"the artifact of {role} is not in {run.folder}; make it first: "
            f"python -m pipeline run … --only {role}"
        )
    for name, digest in run.by_role[role].artifact.items():
        if sha256(folder / name) != digest:
            raise PipelineError(
                f"{folder / name} is not the file that its run recorded; "
                "make it again with python -m pipeline run"
            )
    encoders.check_labels(folder, role, run.labels)
    return folder


def _check_target(target: Path, run: Run, role: str) -> None:
    """Raise unless the folder is absent, empty, or an older export of the same model."""
    if not target.exists():
        return
    if not target.is_dir():
        raise PipelineError(f"{target} is a file; name a folder that does not exist yet")
    # Python leaves compiled files beside a script that was imported.
    found = {
        path.relative_to(target).as_posix()
        for path in target.rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }
    if not found and not any(target.iterdir()):
        return
    try:
        settings = CONFIG if (target / CONFIG).exists() else cascade.FILE
        content = json.loads((target / settings).read_text("utf-8"))
        same = [content[ORIGIN][name] for name in ("run", "role")] == [run.name, role]
        known = _FILES if settings == CONFIG else _files_of_cascade(content["members"])
    except (OSError, ValueError, KeyError, TypeError):
        same, known = False, set()
    if not same or not found <= known:
        raise PipelineError(
            f"{target} holds something else than an export of {role} of {run.name}; "
            "name a folder that is empty or does not exist yet"
        )


def _files_of_cascade(members: list[dict[str, Any]]) -> set[str]:
    """All files that the export of a cascade with these members may hold."""
    of_members = {f"{member['folder']}/{name}" for member in members for name in _FILES}
    return {cascade.FILE, CARD, SCRIPT} | of_members


def _write_graph(artifact: Path, target: Path) -> None:
    """Write a graph as one file, which ``classify.py`` can open with ``sessions.EXACT_INT8``.

    transformers.js needs a setting for weights in separate files, and expects other file names.
    """
    model = whole_graphs.read(artifact / GRAPH)
    sessions.unshare_int8(model)
    onnx.save(model, target)


def _write_tokenizer(artifact: Path, folder: Path, max_length: int) -> dict[str, Any]:
    """Write a tokenizer's files; return its entries of ``config.json``."""
    shutil.copyfile(artifact / encoders.TOKENIZER, folder / encoders.TOKENIZER)
    tokenizer = json.loads((artifact / encoders.TOKENIZER).read_text("utf-8"))
    special = tokenizer_files.special_tokens(tokenizer)
    _write_json(folder / tokenizer_files.SPECIAL_TOKENS, special)
    content = tokenizer_files.tokenizer_config(special, max_length)
    _write_json(folder / tokenizer_files.CONFIG, content)
    return {"pad_token_id": tokenizer["padding"]["pad_id"]}


def _config_of_weights(weights: Path) -> dict[str, Any]:
    """The configuration that was saved with trained weights, with the class of a classifier."""
    config = json.loads((weights / CONFIG).read_text("utf-8"))
    return config | {"architectures": [CLASSES[config["model_type"]]]}


def _own_architecture(kind: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The entries of ``config.json`` for a model that transformers has no class for."""
    return {"ngrams": {"model_type": "ngrams", **settings.get("ngrams", {})}}.get(kind, {})


def _write_json(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
