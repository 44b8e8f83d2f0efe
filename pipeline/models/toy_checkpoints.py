"""Small randomly initialised checkpoints, laid out as ``<org>/<name>`` like pretrained ones."""

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from transformers import CONFIG_MAPPING, AutoModel, set_seed

from pipeline.models.networks import TOKENIZERS

_SPECIAL = {
    "bert": ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
    "distilbert": ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
    # MPNet's ids of <s>, <pad> and </s> are fixed by its configuration.
    "mpnet": ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"],
}
# Architecture, layers and width. The toy models have the same order of sizes as the real ones.
SHAPES = {
    "toy/teacher": ("bert", 4, 128),
    "toy/distil": ("distilbert", 2, 128),
    "toy/minilm": ("bert", 3, 64),
    "toy/tiny": ("bert", 2, 32),
}


def make_checkpoint(
    folder: Path, architecture: str, layers: int, width: int, texts: list[str], seed: int = 0
) -> None:
    """Write a random encoder and a WordPiece vocabulary learned from ``texts``.

    Args:
        folder: the output folder; created if it does not exist.
        architecture: ``bert``, ``distilbert`` or ``mpnet``.
        layers: encoder layers.
        width: hidden size, a multiple of 4 (there are four heads).
        texts: the texts to learn the vocabulary from.
        seed: random seed of the weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = [*_SPECIAL[architecture], *word_pieces(texts)]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    tokenizer = TOKENIZERS[architecture].from_pretrained(folder)
    tokenizer.save_pretrained(folder)
    sizes: dict[str, Any] = {
        "vocab_size": len(vocabulary),
        "max_position_embeddings": 160,
        # With the usual 0.02, such a small model hardly learns anything from 270 headlines.
        "initializer_range": 0.05,
    }
    if architecture == "distilbert":
        sizes |= {"dim": width, "n_layers": layers, "n_heads": 4, "hidden_dim": 4 * width}
    else:
        sizes |= {
            "hidden_size": width,
            "num_hidden_layers": layers,
            "num_attention_heads": 4,
            "intermediate_size": 4 * width,
        }
    set_seed(seed)
    model = AutoModel.from_config(CONFIG_MAPPING[architecture](**sizes))
    model.save_pretrained(folder)


def word_pieces(texts: list[str]) -> list[str]:
    """A WordPiece vocabulary: the words that occur twice or more, and every character.

    The trainer of the tokenizers library is not used: it breaks ties differently in each process.
    """
    normalizer, splitter = BertNormalizer(lowercase=True), BertPreTokenizer()
    words = Counter(
        word
        for text in texts
        for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text))
    )
    characters = sorted(set("".join(words)))
    repeated = sorted(word for word, count in words.items() if count > 1 and len(word) > 1)
    return [*characters, *(f"##{character}" for character in characters), *repeated]


def make_checkpoints(root: Path, texts: list[str]) -> None:
    """Write those checkpoints of the toy family that are missing under ``root``."""
    for number, (name, (architecture, layers, width)) in enumerate(SHAPES.items()):
        if not (root / name).is_dir():
            draft = (root / name).with_name(f".draft-{Path(name).name}")
            shutil.rmtree(draft, ignore_errors=True)  # left by a killed run
            make_checkpoint(draft, architecture, layers, width, texts, seed=number)
            draft.rename(root / name)
