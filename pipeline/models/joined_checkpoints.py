"""Classifiers trained by others: transformers checkpoints with a sequence classification head.

Only safetensors and JSON are read, and no code that comes with a checkpoint is ever run.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import (
    CONFIG_MAPPING,
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
)

from pipeline.errors import PipelineError, one_line, reading
from pipeline.inference import encoders
from pipeline.models import checkpoint_checks
from pipeline.models.checkpoint_checks import CONFIG

MOST_TOKENS = 512
"""At most this many tokens of a text are read, even if the model could read more."""
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spiece.model",
    "spm.model",
    "sentencepiece.bpe.model",
    "tokenizer.model",
)
_AFTER_PADDING = {
    "camembert",
    "data2vec-text",
    "ibert",
    "longformer",
    "mpnet",
    "roberta",
    "roberta-prelayernorm",
    "xlm-roberta",
    "xlm-roberta-xl",
    "xmod",
}
"""Architectures whose position ids start after the padding id."""


@dataclass(frozen=True)
class Description:
    """What the JSON files of a checkpoint or an ONNX folder say about a model."""

    config: dict[str, Any]
    """The content of ``config.json``."""
    architecture: str
    """Its ``model_type``, or "unknown"."""
    max_length: int
    """At most this many tokens of a text are read."""
    pad_token: str
    """The padding token."""


def read_config(folder: Path) -> dict[str, Any]:
    """The content of ``config.json``.

    Raises:
        PipelineError: the file is missing or is no JSON object, or the model needs its own code.
    """
    if not (folder / CONFIG).is_file():
        raise PipelineError(
            f"{folder} has no {CONFIG}: it is neither a checkpoint of transformers nor an ONNX "
            "folder in Optimum's layout"
        )
    config = _json(folder / CONFIG)
    kind = config.get("model_type")
    if config.get("auto_map") and kind not in CONFIG_MAPPING:
        raise PipelineError(
            f"{folder} brings code of its own for {kind or 'its architecture'}, and code of others "
            "is never run; export it to ONNX where you trust it, and add that"
        )
    return config


def read_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer in ``tokenizer.json``, else one that transformers builds from the vocabulary.

    Raises:
        PipelineError: there is no tokenizer, or it can't be read.
    """
    with reading(f"the tokenizer of {folder}"):
        if (folder / encoders.TOKENIZER).is_file():
            return Tokenizer.from_file(str(folder / encoders.TOKENIZER))
        if not any((folder / name).is_file() for name in TOKENIZER_FILES[4:]):
            raise PipelineError(
                f"{folder} has no {encoders.TOKENIZER} and no vocabulary; copy the files of its "
                "tokenizer there"
            )
        found = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        backend = getattr(found, "backend_tokenizer", None)
        if not isinstance(backend, Tokenizer):
            raise PipelineError(
                f"{folder} has a tokenizer that can't be written as {encoders.TOKENIZER}"
            )
        return backend


def describe(folder: Path, config: Mapping[str, Any], tokenizer: Tokenizer) -> Description:
    """The description of a model: among others its padding token, and how many tokens it reads.

    Args:
        folder: the checkpoint's folder, or the folder with the configuration beside a graph.
        config: the content of its ``config.json``.
        tokenizer: the model's tokenizer.

    Raises:
        PipelineError: the model has no padding token, or a file can't be read.
    """
    own = _json(folder / "tokenizer_config.json")
    kind = str(config.get("model_type") or "unknown")
    # For settings that a configuration leaves out, this has the architecture's defaults.
    whole = dict(config)
    if kind in CONFIG_MAPPING:
        with reading(str(folder / CONFIG)):
            whole = AutoConfig.from_pretrained(folder, trust_remote_code=False).to_dict()
    pad_token = _pad_token(folder, whole, own, tokenizer)
    positions = whole.get("max_position_embeddings") or whole.get("n_positions") or MOST_TOKENS
    if kind in _AFTER_PADDING:
        positions -= int(whole.get("pad_token_id") or 0) + 1
    said = own.get("model_max_length") or MOST_TOKENS
    # If no maximum is set, transformers writes a number of 31 digits.
    length = int(min(positions if positions > 0 else MOST_TOKENS, said, MOST_TOKENS))
    return Description(dict(config), kind, length, pad_token)


def _pad_token(
    folder: Path, config: Mapping[str, Any], own: Mapping[str, Any], tokenizer: Tokenizer
) -> str:
    """The padding token. The network's own is tried first: some find positions or the end by it."""
    number = config.get("pad_token_id")
    named = [tokenizer.id_to_token(number)] if isinstance(number, int) and number >= 0 else []
    for said in (own, _json(folder / "special_tokens_map.json")):
        token = said.get("pad_token")
        named.append(token.get("content") if isinstance(token, dict) else token)
    for token in (*named, "[PAD]", "<pad>"):
        if token and tokenizer.token_to_id(token) is not None:
            return token
    raise PipelineError(
        f"{folder} has no token to fill up a row with: name one as pad_token in its "
        "tokenizer_config.json, and its number as pad_token_id in config.json"
    )


def load(folder: Path, tokenizer: Tokenizer) -> PreTrainedModel:
    """The network of a checkpoint, in float32 and in eval().

    Raises:
        PipelineError: its weights are no safetensors, it has no head for sequence classification,
            or its vocabulary is larger than its table of embeddings.
    """
    checkpoint_checks.weight_files(folder)
    with reading(f"the checkpoint {folder}"):
        model, loaded = AutoModelForSequenceClassification.from_pretrained(
            folder,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
        )
    missing = sorted(loaded["missing_keys"])
    if missing:
        raise PipelineError(
            f"{folder} is no trained classifier: it lacks {', '.join(missing[:2])}"
            + (f" and {len(missing) - 2} more" if len(missing) > 2 else "")
            + "; give the folder of a model that was fine-tuned for sequence classification"
        )
    table = model.get_input_embeddings()
    rows = getattr(table, "num_embeddings", None)
    if rows is not None and tokenizer.get_vocab_size() > rows:
        raise PipelineError(
            f"the vocabulary of {folder} has {tokenizer.get_vocab_size():,} pieces, its embeddings "
            f"have {rows:,}: they are not of one model; copy the files of its own tokenizer there"
        )
    return model.eval()


def _json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; an empty one if there is no file."""
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise PipelineError(f"{path} can't be read: {one_line(error)}") from error
    if not isinstance(content, dict):
        raise PipelineError(f"{path} is no JSON object")
    return content
