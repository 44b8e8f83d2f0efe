"""Texts to what a graph takes: token ids, ids of hashed n-grams, or the texts themselves."""

import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
from tokenizers import Tokenizer

TOKENIZER = "tokenizer.json"
SETTINGS = "classifier.json"

# Words and signs, in the order of the text.
_WORDS = re.compile(r"\w+|[^\w\s]")


class Encoder(Protocol):
    """Makes a graph's inputs of a batch of texts; safe to call from several threads at once."""

    def feeds(self, texts: Sequence[str]) -> dict[str, np.ndarray]: ...


@dataclass(frozen=True)
class NGrams:
    """Ids of a text's words and pairs of neighbours, hashed (Weinberger et al., 2009).

    What two n-grams share by chance is all that a vocabulary would tell apart, and a vocabulary
    would take more bytes than the model. Id 0 is padding, then come ``words`` buckets of words and
    ``pairs`` buckets of pairs.
    """

    words: int
    pairs: int
    longest: int = 128
    """Words of a text that are read."""

    def __post_init__(self) -> None:
        if min(self.words, self.pairs, self.longest) < 1:
            raise ValueError("an n-gram needs at least one bucket")

    @property
    def buckets(self) -> int:
        """Ids that there are, padding included."""
        return 1 + self.words + self.pairs

    def ids(self, text: str) -> list[int]:
        """The ids of one text's words, then of its pairs; [0] for a text without any."""
        words = _WORDS.findall(text.lower())[: self.longest]
        # crc32 is the same on every machine and in every process, which hash() is not.
        ids = [1 + zlib.crc32(word.encode()) % self.words for word in words]
        start = 1 + self.words
        ids += [start + zlib.crc32(f"{a} {b}".encode()) % self.pairs for a, b in pairwise(words)]
        return ids or [0]

    def feeds(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """int64 ``input_ids`` and ``attention_mask``, (texts, most n-grams of one)."""
        rows = [self.ids(text) for text in texts]
        ids = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
        for row, found in zip(ids, rows, strict=True):
            row[: len(found)] = found
        return {"input_ids": ids, "attention_mask": (ids > 0).astype(np.int64)}


class Tokens:
    """A tokenizer's ids, padded to the longest of the batch."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def feeds(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """int64 ``input_ids`` and ``attention_mask``, (texts, most tokens of one)."""
        encodings = self._tokenizer.encode_batch_fast(list(texts))
        return {
            "input_ids": np.array([e.ids for e in encodings], dtype=np.int64),
            "attention_mask": np.array([e.attention_mask for e in encodings], dtype=np.int64),
        }


class Lowercase:
    """The texts in lower case, for a graph that holds its own vocabulary."""

    def feeds(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """``text``: strings, (texts, 1)."""
        return {"text": np.array([[text.lower()] for text in texts], dtype=object)}


def write_tokenizer(
    folder: Path, tokenizer: Tokenizer, *, labels: Sequence[str], max_length: int
) -> None:
    """Write what a graph of tokens needs beside it: the tokenizer, set to truncate and pad.

    Padding and truncation are fixed here and never touched again, because reconfiguring
    a tokenizer while another thread uses it is an error.
    """
    pad_token = "<pad>" if tokenizer.token_to_id("[PAD]") is None else "[PAD]"
    tokenizer.enable_padding(pad_id=tokenizer.token_to_id(pad_token), pad_token=pad_token)
    tokenizer.enable_truncation(max_length)
    (folder / TOKENIZER).write_text(tokenizer.to_str(), encoding="utf-8")
    _write_settings(folder, labels=list(labels), max_length=max_length)


def write_ngrams(folder: Path, ngrams: NGrams, *, labels: Sequence[str]) -> None:
    """Write what a graph of hashed n-grams needs beside it."""
    _write_settings(folder, labels=list(labels), input="ngrams", ngrams=asdict(ngrams))


def write_lowercase(folder: Path, *, labels: Sequence[str]) -> None:
    """Write what a graph of texts needs beside it."""
    _write_settings(folder, labels=list(labels), input="text")


def _write_settings(folder: Path, **settings) -> None:
    (folder / SETTINGS).write_text(json.dumps(settings) + "\n", encoding="utf-8")


def read(folder: Path) -> tuple[list[str], Encoder]:
    """An artifact's labels and its encoder."""
    settings = json.loads((folder / SETTINGS).read_text("utf-8"))
    match settings.get("input"):
        case "ngrams":
            encoder: Encoder = NGrams(**settings["ngrams"])
        case "text":
            encoder = Lowercase()
        case _:
            encoder = Tokens(Tokenizer.from_file(str(folder / TOKENIZER)))
    return settings["labels"], encoder
