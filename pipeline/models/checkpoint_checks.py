"""Checks that training can start from a pretrained checkpoint, with one-line error messages."""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from pipeline.errors import PipelineError
from pipeline.models.inspection import word_embeddings

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
VOCABULARIES = ("vocab.txt", "tokenizer.json", "tokenizer_config.json")
_SHARDS = "model.safetensors.index.json"
_OTHER_WEIGHTS = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack", "adapter_model*")
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_PADDED_TO = 128
"""Checkpoints may round up the rows of their embeddings to a multiple of this number."""
_OF_THE_ENCODER = re.compile(r"(^|\.)(embeddings|encoder|transformer)\.(?!position_ids$)")


def files_of(folder: Path) -> dict[str, Path]:
    """The files, by name, that a model is loaded from in a local checkpoint.

    They are the configuration, the vocabulary, and the weights in one file or in several with an
    index.

    Raises:
        PipelineError: weights or vocabulary are missing, or a file is only a git-lfs pointer.
    """
    names = [CONFIG, *(name for name in VOCABULARIES if (folder / name).is_file())]
    names += weight_files(folder)
    _refuse_pointers(folder, names)
    if not {"vocab.txt", "tokenizer.json"} & set(names):
        raise PipelineError(
            f"{folder} has no vocabulary: neither vocab.txt nor tokenizer.json; copy the files of "
            "its tokenizer there"
        )
    return {name: folder / name for name in names}


def weight_files(folder: Path) -> list[str]:
    """The names of a local checkpoint's weight files, and of their index if there are several.

    Raises:
        PipelineError: a file is missing or only a git-lfs pointer, or the weights are in another
            format.
    """
    if (folder / WEIGHTS).is_file():
        names = [WEIGHTS]
    elif (folder / _SHARDS).is_file():
        _refuse_pointers(folder, [_SHARDS])
        names = [_SHARDS, *_shards(folder)]
    else:
        others = sorted(path.name for kind in _OTHER_WEIGHTS for path in folder.glob(kind))
        has = f", and it has {', '.join(others)}" if others else ""
        raise PipelineError(
            f"{folder} has no {WEIGHTS}; only safetensors are read{has}; save the model again with "
            "transformers' save_pretrained"
        )
    _refuse_pointers(folder, names)
    return names


def _shards(folder: Path) -> list[str]:
    """The names of the weight files that the index of sharded weights lists."""
    try:
        index = json.loads((folder / _SHARDS).read_text("utf-8"))
        shards = sorted(set(index["weight_map"].values()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise PipelineError(f"{folder / _SHARDS} is no index of sharded weights") from error
    missing = [name for name in shards if Path(name).name != name or not (folder / name).is_file()]
    if missing:
        raise PipelineError(
            f"{folder} lacks {', '.join(missing)}, which {_SHARDS} lists: download it again"
        )
    return shards


def _refuse_pointers(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        with (folder / name).open("rb") as file:
            if file.read(len(_LFS_POINTER)) == _LFS_POINTER:
                raise PipelineError(
                    f"{folder / name} is a git-lfs pointer, not the file itself: run git lfs pull "
                    "there"
                )


def check_architecture(config: Mapping[str, Any], architecture: str, source: str) -> None:
    """Raise a PipelineError if a checkpoint's configuration is of another architecture."""
    found = config.get("model_type", architecture)
    if found != architecture:
        raise PipelineError(
            f"the checkpoint {source} is of architecture {found}; {architecture} is expected"
        )


def check_weights(
    model: PreTrainedModel, loaded: Mapping[str, Collection[Any]], source: str
) -> None:
    """Raise a PipelineError unless the checkpoint has all weights except the head's, and they fit.

    A pooler counts as part of the head: checkpoints of masked language models have none.

    Args:
        model: the model, with a new head.
        loaded: what ``from_pretrained`` reports with ``output_loading_info``.
        source: name or folder of the checkpoint, for the message.
    """
    missing = sorted(name for name in loaded["missing_keys"] if not is_of_head(name, model))
    other_shape = sorted(
        name for name, *_ in loaded["mismatched_keys"] if not is_of_head(name, model)
    )
    unexpected = sorted(name for name in loaded["unexpected_keys"] if _OF_THE_ENCODER.search(name))
    problems = [
        f"{what} {_some(names)}"
        for what, names in (
            ("it lacks", missing),
            ("of another shape than its configuration says are", other_shape),
            ("it has, and its configuration does not,", unexpected),
        )
        if names
    ]
    if problems:
        raise PipelineError(
            f"the weights of {source} do not fit a {model.config.model_type} model: "
            f"{'; '.join(problems)}"
        )


def is_of_head(name: str, model: PreTrainedModel) -> bool:
    """Whether a weight belongs to the classification head or the pooler, not to the encoder."""
    return not name.startswith(f"{model.base_model_prefix}.") or ".pooler." in name


def check_vocabulary(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, source: str
) -> None:
    """Raise a PipelineError unless a vocabulary is as large as the table of embeddings.

    The table may have up to 127 more rows: some checkpoints round it up to a multiple of 128.
    """
    rows, pieces = word_embeddings(model).num_embeddings, len(tokenizer)
    if not rows - _PADDED_TO < pieces <= rows:
        raise PipelineError(
            f"the vocabulary of {source} has {pieces:,} pieces, its embeddings have {rows:,}: "
            "they are not of one model; copy the files of its own tokenizer there"
        )


def check_length(model: PreTrainedModel, max_length: int, source: str) -> None:
    """Raise a PipelineError if a checkpoint has fewer than ``max_length`` positions for tokens."""
    positions = model.config.max_position_embeddings
    if model.config.model_type == "mpnet":  # the first positions are reserved for padding
        positions -= model.config.pad_token_id + 1
    if positions < max_length:
        raise PipelineError(
            f"{source} has {positions} positions, and the family reads {max_length} tokens of a "
            "text; take a checkpoint with more"
        )


def _some(names: list[str], most: int = 2) -> str:
    """The first names of a list, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
