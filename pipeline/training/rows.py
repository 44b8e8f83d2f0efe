"""Rows of a split for a Trainer: randomly drawn, tokenized, and in batches of similar length."""

from collections.abc import Iterator

import numpy as np
import torch
from datasets import Dataset
from transformers.trainer_pt_utils import LengthGroupedSampler

from pipeline.data.data_sets import Split
from pipeline.models.networks import Tokenizer


def draw(
    split: Split, teacher_logits: np.ndarray | None, rows: int, seed: int
) -> tuple[Split, np.ndarray | None]:
    """Up to ``rows`` random rows, in the order of the split, and the teacher's logits on them.

    Args:
        split: the rows to draw from.
        teacher_logits: (len(split), classes), or None.
        rows: number of rows to draw.
        seed: random seed of the choice.
    """
    drawn = np.sort(np.random.default_rng(seed).permutation(len(split))[:rows])
    return split.take(drawn), None if teacher_logits is None else teacher_logits[drawn]


def tokenize(
    split: Split,
    tokenizer: Tokenizer,
    max_length: int,
    teacher_logits: np.ndarray | None = None,
) -> Dataset:
    """A split as token ids.

    Returns:
        The columns input_ids, attention_mask, length and labels. With ``teacher_logits``, also the
        column teacher_logits, float32 (classes,) in each row.
    """
    tokens = tokenizer(
        split.texts, truncation=True, max_length=max_length, return_token_type_ids=False
    )
    columns = {
        "input_ids": tokens["input_ids"],
        "attention_mask": tokens["attention_mask"],
        "length": [len(ids) for ids in tokens["input_ids"]],
        "labels": split.labels,
    }
    if teacher_logits is not None:
        columns["teacher_logits"] = list(teacher_logits.astype(np.float32))
    return Dataset.from_dict(columns)


def with_filler(rows: Dataset) -> Dataset:
    """The rows plus a last one, the filler. Column ``counts`` is 0 for the filler, else 1."""
    counts = [1.0] * len(rows) + [0.0]
    return rows.select([*range(len(rows)), 0]).add_column("counts", counts)


class EpochSampler(LengthGroupedSampler):
    """Groups rows by length, in an order that depends only on seed and epoch.

    transformers' own sampler draws the order from the global generator. In a resumed run, the state
    of that generator is not the state at the start of the epoch, so some rows would come twice and
    others never.

    With ``fill``, the last batch is completed with the filler that follows the rows. This is for
    several processes that share a batch: without a filler, accelerate would repeat earlier rows.
    """

    def __init__(self, batch_size: int, lengths: list[int], seed: int, fill: bool) -> None:
        super().__init__(batch_size, lengths=lengths)
        self.seed = seed
        self.fillers = -len(lengths) % batch_size if fill else 0

    def set_epoch(self, epoch: int) -> None:
        """Set the order of an epoch; accelerate calls this before each one."""
        # Mix both numbers, so that no epoch of one seed has the order of an epoch of another seed.
        (mixed,) = np.random.SeedSequence((self.seed, epoch)).generate_state(1, np.uint64)
        self.generator = torch.Generator().manual_seed(int(mixed))

    def __len__(self) -> int:
        return len(self.lengths) + self.fillers

    def __iter__(self) -> Iterator[int]:
        yield from super().__iter__()
        yield from [len(self.lengths)] * self.fillers
