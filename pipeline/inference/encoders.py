"""Encoders from texts to a graph's inputs: token ids, hashed n-gram ids, or lower-case texts."""

import json
import re
import zlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from tokenizers import Tokenizer

from pipeline.class_names import check_same
from pipeline.errors import PipelineError, one_line
from pipeline.inference import cascade

TOKENIZER = "tokenizer.json"
SETTINGS = "classifier.json"

# Words, and single other characters such as punctuation marks.
_WORDS = re.compile(r"\w+|[^\w\s]")


_AT_ONCE = 512
"""Number of texts that are tokenized at a time: their encodings take about 10 kB each."""

Row = TypeVar("Row", bound=Sequence)
"""One encoded text. Batches are padded to the length of their longest row."""


class Encoder(ABC, Generic[Row]):
    """Turns texts into a graph's inputs. Several threads may call it at the same time."""

    @abstractmethod
    def encode(self, texts: Sequence[str]) -> list[Row]:
        """Encode each text by itself, without padding."""

    @abstractmethod
    def batch(self, rows: Sequence[Row]) -> dict[str, np.ndarray]:
        """The graph's inputs for rows that ``encode`` returned, padded to the longest row."""

    def feeds(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """The graph's inputs for texts, as one batch."""
        return self.batch(self.encode(texts))


def _padded(rows: Sequence[Sequence[int]], padding: int) -> tuple[np.ndarray, np.ndarray]:
    """Padded ids, and a mask that is 0 at the padding: both int64, (rows, longest row)."""
    lengths = np.array([len(row) for row in rows])
    own = np.arange(lengths.max()) < lengths[:, None]
    ids = np.full(own.shape, padding, dtype=np.int64)
    ids[own] = np.concatenate(rows)
    return ids, own.astype(np.int64)


@dataclass(frozen=True)
class NGrams(Encoder[Sequence[int]]):
    """Hashed ids of a text's words and pairs of neighbouring words (Weinberger et al., 2009).

    Two n-grams can share an id by chance. A vocabulary would avoid that, but it would take more
    bytes than the model. Id 0 is padding. Then come ``words`` buckets for words and ``pairs``
    buckets for pairs.
    """

    words: int
    pairs: int
    longest: int = 128
    """At most this many words of a text are read."""

    def __post_init__(self) -> None:
        if min(self.words, self.pairs, self.longest) < 1:
            raise ValueError("an n-gram needs at least one bucket")

    @property
    def buckets(self) -> int:
        """The number of ids, including padding."""
        return 1 + self.words + self.pairs

    def ids(self, text: str) -> list[int]:
        """The ids of one text's words, then of its pairs; [0] for a text without words."""
        words = [word.encode() for word in _WORDS.findall(text.lower())[: self.longest]]
        # Unlike hash(), crc32 is the same on every machine and in every process.
        hashes = [zlib.crc32(word) for word in words]
        start = 1 + self.words
        # The checksum of a pair continues the checksum of its first word.
        pairs = [zlib.crc32(b" " + b, a) for a, b in zip(hashes, words[1:], strict=False)]
        ids = [1 + h % self.words for h in hashes] + [start + h % self.pairs for h in pairs]
        return ids or [0]

    def encode(self, texts: Sequence[str]) -> list[Sequence[int]]:
        """The ids of each text."""
        return [self.ids(text) for text in texts]

    def batch(self, rows: Sequence[Sequence[int]]) -> dict[str, np.ndarray]:
        """int64 ``input_ids`` and ``attention_mask``, (rows, longest row)."""
        ids, _ = _padded(rows, 0)
        return {"input_ids": ids, "attention_mask": (ids > 0).astype(np.int64)}


class Tokens(Encoder[Sequence[int]]):
    """Token ids of a tokenizer, padded to the longest row of the batch."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        if tokenizer.padding is None:
            raise ValueError("its tokenizer does not say how to pad")
        self._padding = tokenizer.padding["pad_id"]
        # The tokenizer is changed only here, before any thread uses it.
        tokenizer.no_padding()
        self._tokenizer = tokenizer

    def encode(self, texts: Sequence[str]) -> list[Sequence[int]]:
        """The ids of each text's tokens."""
        found: list[Sequence[int]] = []
        for start in range(0, len(texts), _AT_ONCE):
            some = self._tokenizer.encode_batch_fast(list(texts[start : start + _AT_ONCE]))
            found += [encoding.ids for encoding in some]
        return found

    def batch(self, rows: Sequence[Sequence[int]]) -> dict[str, np.ndarray]:
        """int64 ``input_ids`` and ``attention_mask``, (rows, longest row)."""
        ids, own = _padded(rows, self._padding)
        return {"input_ids": ids, "attention_mask": own}


class Lowercase(Encoder[str]):
    """The texts in lower case, for a graph that holds its own vocabulary."""

    def encode(self, texts: Sequence[str]) -> list[str]:
        """Each text in lower case."""
        return [text.lower() for text in texts]

    def batch(self, rows: Sequence[str]) -> dict[str, np.ndarray]:
        """``text``: strings, (rows, 1)."""
        return {"text": np.array([[row] for row in rows], dtype=object)}


def write_tokenizer(
    folder: Path,
    tokenizer: Tokenizer,
    *,
    labels: Sequence[str],
    max_length: int,
    pad_token: str | None = None,
) -> None:
    """Write the files that a graph of token ids needs beside it: tokenizer and settings.

    The tokenizer is written with its padding and truncation, because it must not be reconfigured
    while another thread uses it.

    Args:
        folder: the artifact's folder.
        tokenizer: the graph's tokenizer; its padding and truncation are set in place.
        labels: class names.
        max_length: at most this many tokens of a text are read.
        pad_token: the padding token; by default ``[PAD]``, or ``<pad>`` if there is no ``[PAD]``.
    """
    if pad_token is None:
        pad_token = "<pad>" if tokenizer.token_to_id("[PAD]") is None else "[PAD]"
    tokenizer.enable_padding(pad_id=tokenizer.token_to_id(pad_token), pad_token=pad_token)
    tokenizer.enable_truncation(max_length)
    (folder / TOKENIZER).write_text(tokenizer.to_str(), encoding="utf-8")
    _write_settings(folder, labels=list(labels), max_length=max_length)


def write_ngrams(folder: Path, ngrams: NGrams, *, labels: Sequence[str]) -> None:
    """Write the settings that a graph of hashed n-grams needs beside it."""
    _write_settings(folder, labels=list(labels), input="ngrams", ngrams=asdict(ngrams))


def write_lowercase(folder: Path, *, labels: Sequence[str]) -> None:
    """Write the settings that a graph of texts needs beside it."""
    _write_settings(folder, labels=list(labels), input="text")


def _write_settings(folder: Path, **settings: Any) -> None:
    (folder / SETTINGS).write_text(json.dumps(settings) + "\n", encoding="utf-8")


def read(folder: Path) -> tuple[list[str], Encoder[Any]]:
    """The class names and the encoder of an artifact."""
    settings = json.loads((folder / SETTINGS).read_text("utf-8"))
    match settings.get("input"):
        case "ngrams":
            encoder: Encoder[Any] = NGrams(**settings["ngrams"])
        case "text":
            encoder = Lowercase()
        case _:
            encoder = Tokens(Tokenizer.from_file(str(folder / TOKENIZER)))
    return settings["labels"], encoder


def check_labels(folder: Path, role: str, labels: Sequence[str]) -> None:
    """Raise a PipelineError that names the model unless an artifact has its run's class names.

    Args:
        folder: the artifact's folder.
        role: the model's role, for the message.
        labels: the run's class names; their order matters.
    """
    name = cascade.FILE if (folder / cascade.FILE).is_file() else SETTINGS
    try:
        found = json.loads((folder / name).read_text("utf-8"))["labels"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PipelineError(
            f"{name} of {role} can't be read: {one_line(error)}; "
            "make the model again with python -m pipeline run"
        ) from error
    check_same(role, found, labels)
