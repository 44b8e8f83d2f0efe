"""Models from checkpoints: load them, drop layers or vocabulary, save them, read them back."""

import tempfile
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import (
    CONFIG_MAPPING,
    AutoConfig,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from pipeline import files
from pipeline.data import hub
from pipeline.errors import PipelineError, reading
from pipeline.files import sha256
from pipeline.inference import encoders
from pipeline.models import checkpoint_checks, fake_quantization, ngrams
from pipeline.models.checkpoint_checks import WEIGHTS
from pipeline.models.inspection import word_embeddings

# Tokenizer classes by architecture, because some published checkpoints do not name theirs.
TOKENIZERS: dict[str, type[PreTrainedTokenizerBase]] = {
    "bert": transformers.BertTokenizer,
    "distilbert": transformers.DistilBertTokenizer,
    "mpnet": transformers.MPNetTokenizer,
}

Tokenizer = PreTrainedTokenizerBase | ngrams.NGramTokenizer

# What transformers would report of a checkpoint, load_checkpoint checks itself.
logging.set_verbosity_error()
logging.disable_progress_bar()

AutoConfig.register(ngrams.ARCHITECTURE, ngrams.NGramConfig)
AutoModelForSequenceClassification.register(ngrams.NGramConfig, ngrams.NGramClassifier)


def checkpoint_identity(name: str, checkpoints: Path | None) -> str:
    """A checkpoint's identity for fingerprints: a hash of its files, or its commit on the Hub.

    The files are the weights, the configuration and the vocabulary.

    Raises:
        PipelineError: it is under ``checkpoints``, but incomplete.
        hub.NotAtHandError: it is not under ``checkpoints``, and the Hub does not provide it.
    """
    source = hub.find_checkpoint(name, checkpoints)
    if source != name:
        found = checkpoint_checks.files_of(Path(source))
        return files.fingerprint(**{file: sha256(path) for file, path in found.items()})
    with hub.reachable(name, hub.instead_of(name, checkpoints)):
        from huggingface_hub import hf_hub_download

        # The snapshot's folder is named after the commit, also when it comes from the local cache.
        return Path(hf_hub_download(name, "config.json")).parent.name


def load_checkpoint(
    name: str,
    architecture: str,
    checkpoints: Path | None,
    labels: Sequence[str],
    max_length: int | None = None,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A pretrained encoder with a new classification head for ``labels``, and its tokenizer.

    Args:
        name: as on the Hub, ``owner/name``.
        architecture: its ``model_type`` in transformers.
        checkpoints: folder that is searched before the Hub; None: only the Hub.
        labels: class names of the new head.
        max_length: number of tokens that the model has to accept; None: this is not checked.

    Raises:
        PipelineError: the checkpoint can't be loaded, is of another architecture, lacks weights of
            the encoder, or has another vocabulary or too few positions.
    """
    source = hub.find_checkpoint(name, checkpoints)
    instead = hub.instead_of(name, checkpoints)
    with hub.reachable(name, instead) if source == name else reading(f"the checkpoint {source}"):
        described, _ = PreTrainedConfig.get_config_dict(source)
        checkpoint_checks.check_architecture(described, architecture, source)
        if source != name:
            checkpoint_checks.files_of(Path(source))
        config = CONFIG_MAPPING[architecture].from_pretrained(
            source,
            num_labels=len(labels),
            id2label=dict(enumerate(labels)),
            label2id={label: number for number, label in enumerate(labels)},
        )
        tokenizer = TOKENIZERS[architecture].from_pretrained(source)
        model, loaded = AutoModelForSequenceClassification.from_pretrained(
            source,
            config=config,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # the checkpoint's head may be for other classes
        )
    checkpoint_checks.check_weights(model, loaded, source)
    checkpoint_checks.check_vocabulary(model, tokenizer, source)
    if max_length is not None:
        checkpoint_checks.check_length(model, max_length, source)
    _renew_head(model, loaded)
    return model, tokenizer


def _renew_head(model: PreTrainedModel, loaded: Mapping[str, Collection[Any]]) -> None:
    """Reinitialise a head that came with the checkpoint: it was trained for other classes."""
    new = {*loaded["missing_keys"], *(name for name, *_ in loaded["mismatched_keys"])}
    brought = {
        name
        for name in model.state_dict()
        if name not in new and not name.startswith(f"{model.base_model_prefix}.")
    }
    if brought:
        fresh = AutoModelForSequenceClassification.from_config(model.config, dtype=torch.float32)
        drawn = {name: tensor for name, tensor in fresh.state_dict().items() if name in brought}
        model.load_state_dict(drawn, strict=False)


def check_layers(model: PreTrainedModel, layers: tuple[int, ...]) -> None:
    """Raise a PipelineError unless an encoder has these layers."""
    count = model.config.num_hidden_layers
    if max(layers) >= count:
        raise PipelineError(
            f"layer {max(layers)} is asked for, but the checkpoint has {count} layers"
        )


def keep_layers(model: PreTrainedModel, layers: tuple[int, ...]) -> None:
    """Keep only these encoder layers, in place, as Sanh et al. (2019) do to initialise students."""
    check_layers(model, layers)
    encoder = model.base_model.get_submodule("encoder")
    every = encoder.get_submodule("layer")
    assert isinstance(every, torch.nn.ModuleList), "so in BERT and MPNet"
    encoder.layer = torch.nn.ModuleList(every[layer] for layer in layers)
    model.config.num_hidden_layers = len(layers)


def keep_pieces(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, pieces: int, texts: list[str]
) -> PreTrainedTokenizerBase:
    """Keep only the most frequent pieces of a WordPiece vocabulary, and their embeddings, in place.

    A dropped word is split into smaller pieces. For this, every character of ``texts`` is kept.

    Args:
        model: loses the other pieces' word embeddings.
        tokenizer: the model's tokenizer; it is not changed.
        pieces: number of pieces to keep, including special ones.
        texts: the texts on which the pieces are counted.

    Returns:
        The tokenizer of the smaller vocabulary, with the pieces in their old order.
    """
    backend = tokenizer.backend_tokenizer
    counts = Counter(
        piece for encoding in backend.encode_batch_fast(texts) for piece in encoding.ids
    )
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    # A word starts with a plain character, and continues with ## characters.
    characters = {mark + letter for text in texts for letter in text.lower() for mark in ("", "##")}
    special = set(tokenizer.all_special_ids)

    def rank(item: tuple[str, int]) -> tuple[bool, bool, int]:
        piece, number = item
        return number in special, piece in characters, counts[number]

    kept = sorted(sorted(vocabulary, key=rank, reverse=True)[:pieces], key=lambda item: item[1])
    table = word_embeddings(model)
    smaller = torch.nn.Embedding.from_pretrained(
        table.weight[[number for _, number in kept]].detach(), freeze=False
    )
    smaller.padding_idx = table.padding_idx
    model.set_input_embeddings(smaller)
    model.config.vocab_size = len(kept)
    with tempfile.TemporaryDirectory() as folder:
        names = "".join(f"{piece}\n" for piece, _ in kept)
        Path(folder, "vocab.txt").write_text(names, encoding="utf-8")
        return type(tokenizer).from_pretrained(folder)


def save(model: PreTrainedModel, tokenizer: Tokenizer, folder: Path) -> None:
    """Write the weights (see ``save_weights``), the configuration and the tokenizer."""
    model.config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    save_weights(model, folder / WEIGHTS)


def save_weights(model: PreTrainedModel, path: Path) -> None:
    """Write the weights, unrounded and with any quantization ranges, as safetensors."""
    state = {name: tensor.contiguous().cpu() for name, tensor in model.state_dict().items()}
    save_file(state, path)


def read(folder: Path) -> tuple[PreTrainedModel, Tokenizer]:
    """The model that ``save`` wrote, with fake quantization if it has any, and its tokenizer."""
    config = AutoConfig.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)
    if bits := fake_quantization.prepared_bits(config):
        fake_quantization.prepare(model, bits)
    model.load_state_dict(load_file(folder / WEIGHTS))
    if config.model_type == ngrams.ARCHITECTURE:
        return model.eval(), ngrams.NGramTokenizer(config.ngrams)
    return model.eval(), TOKENIZERS[config.model_type].from_pretrained(folder)


def write_encoder(
    folder: Path, tokenizer: Tokenizer, max_length: int, labels: Sequence[str]
) -> None:
    """Write the files that an artifact needs beside its graph, to encode texts and name classes."""
    if isinstance(tokenizer, ngrams.NGramTokenizer):
        encoders.write_ngrams(folder, tokenizer.ngrams, labels=labels)
    else:
        encoders.write_tokenizer(
            folder, tokenizer.backend_tokenizer, labels=labels, max_length=max_length
        )


def parameter_count(model: PreTrainedModel) -> int:
    """Number of weights."""
    return sum(parameter.numel() for parameter in model.parameters())
