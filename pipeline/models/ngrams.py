"""The smallest student: hashed n-grams, a table of 4-bit rows, a weighted mean and a small network.

It has fastText's architecture (Joulin et al., 2017, arXiv:1607.01759: hashed n-grams, their mean, a
linear layer) with three changes. Each n-gram has a learned weight in the mean, so that an n-gram
that says nothing about the class has no effect. A hidden layer beside the linear one can combine
n-grams. The forward pass rounds the table to 4 bits and learns each column's step (LSQ, Esser et
al., 2020, arXiv:1902.08153). So the exported table, with half a byte for each number, is the table
that was trained.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from pipeline.inference.encoders import NGrams
from pipeline.models.inspection import class_count
from pipeline.recipes.training_settings import NGramShape

ARCHITECTURE = "ngrams"
LARGEST = 7
"""The greatest step of a symmetric 4-bit number; -8 is unused."""
_MASKED = -1e4
_INITIAL = 0.02


class NGramConfig(PreTrainedConfig):
    """The model's shape. ``words``, ``pairs`` and ``longest`` also define the ids of n-grams."""

    model_type = ARCHITECTURE

    def __init__(
        self,
        words: int = 16,
        pairs: int = 16,
        longest: int = 128,
        width: int = 7,
        hidden: int = 32,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.words, self.pairs, self.longest = words, pairs, longest
        self.width, self.hidden = width, hidden
        # The check of an exported graph reads these from every classifier's configuration.
        self.pad_token_id = 0
        self.vocab_size = self.ngrams.buckets
        self.max_position_embeddings = 2 * longest

    @property
    def ngrams(self) -> NGrams:
        """The encoder from texts to ids."""
        return NGrams(self.words, self.pairs, self.longest)


class NGramClassifier(PreTrainedModel):
    """A network from n-gram ids to logits."""

    config_class = NGramConfig
    main_input_name = "input_ids"

    def __init__(self, config: NGramConfig) -> None:
        super().__init__(config)
        classes = class_count(config)
        # The last column is an n-gram's weight in the mean, before the softmax.
        self.table = RoundedTable(config.vocab_size, config.width + 1)
        self.dropout = nn.Dropout(0.0)
        self.linear = nn.Linear(config.width, classes)
        self.network = nn.Sequential(
            nn.Linear(config.width, config.hidden),
            nn.GELU(),
            nn.Linear(config.hidden, classes),
        )
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Do nothing: layers initialise themselves, and transformers' defaults would undo that."""

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> SequenceClassifierOutput:
        """Logits [batch, labels] of int64 ids and mask [batch, n-grams]."""
        # Dropout of whole n-grams: the model has to learn to answer from the others.
        kept = self.dropout(attention_mask.float()) > 0
        rows = self.table(input_ids).float()
        vectors, weights = rows[..., :-1], rows[..., -1]
        shares = weights.masked_fill(~kept, _MASKED).softmax(dim=-1)
        # A text without any n-gram has the logits of the zero vector.
        mean = (shares * kept).unsqueeze(1) @ vectors
        mean = mean.squeeze(1)
        return SequenceClassifierOutput(logits=self.linear(mean) + self.network(mean))


class RoundedTable(nn.Module):
    """A table whose numbers are integers in -7..7 times their column's learned step size."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        # Small values: an n-gram that training never saw should hardly change an answer.
        self.weight = nn.Parameter(torch.randn(rows, columns) * _INITIAL)
        # The logarithm, so that Adam changes a step size in proportion to it.
        self.log_step = nn.Parameter(torch.full((columns,), 0.1).log())

    def forward(self, ids: Tensor) -> Tensor:
        """Ids [...] to rounded rows [..., columns], float32."""
        return self.steps(functional.embedding(ids, self.weight)) * self.log_step.exp()

    def steps(self, rows: Tensor) -> Tensor:
        """Rows as integer numbers of steps. Gradients pass straight through the rounding."""
        exact = (rows.float() / self.log_step.exp()).clamp(-LARGEST, LARGEST)
        return exact + (exact.round() - exact).detach()


class NGramTokenizer:
    """``NGrams`` with the part of a transformers tokenizer's interface that training uses."""

    def __init__(self, ngrams: NGrams) -> None:
        self.ngrams = ngrams

    def __call__(self, texts: Sequence[str], **_: object) -> dict[str, list[list[int]]]:
        """Lists of ids and masks. Options are ignored: ``NGrams`` sets how many words are read."""
        ids = [self.ngrams.ids(text) for text in texts]
        return {"input_ids": ids, "attention_mask": [[int(id > 0) for id in row] for row in ids]}

    def pad(self, rows: Sequence[Mapping[str, Any]], **_: object) -> dict[str, Tensor]:
        """A batch: the two lists padded to the longest row, everything else stacked."""
        longest = max(len(row["input_ids"]) for row in rows)
        batch: dict[str, Tensor] = {}
        for name in rows[0]:
            values = [row[name] for row in rows]
            if name in ("input_ids", "attention_mask"):
                values = [[*value, *[0] * (longest - len(value))] for value in values]
            batch[name] = torch.tensor(values)
        return batch

    def save_pretrained(self, folder: Path) -> None:
        """Write nothing: the model's configuration defines the ids."""


def new(shape: NGramShape, labels: Sequence[str]) -> tuple[NGramClassifier, NGramTokenizer]:
    """An untrained model for these classes, and its tokenizer."""
    config = NGramConfig(
        shape.words,
        shape.pairs,
        shape.longest,
        shape.width,
        shape.hidden,
        id2label=dict(enumerate(labels)),
        label2id={label: number for number, label in enumerate(labels)},
    )
    return NGramClassifier(config), NGramTokenizer(config.ngrams)
