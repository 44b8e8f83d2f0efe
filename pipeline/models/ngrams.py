"""The smallest student: hashed n-grams, a table of 4-bit rows, a weighted mean and a small network.

fastText's shape (Joulin et al., 2017, arXiv:1607.01759: hashed n-grams, their mean, a linear layer)
with three changes. Each n-gram has a learned weight in the mean, so that what says nothing about
the class counts for nothing. A hidden layer beside the linear one sees n-grams together. And the
table is rounded to 4 bits in the forward pass, each column's step learned (LSQ, Esser et al., 2020,
arXiv:1902.08153), so that the exported table of half a byte a number is what was trained.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from pipeline.inference.encoders import NGrams
from pipeline.recipes.training_settings import NGramShape

ARCHITECTURE = "ngrams"
LARGEST = 7
"""The greatest step of a symmetric 4-bit number; -8 is unused."""
_MASKED = -1e4
_INITIAL = 0.02


class NGramConfig(PreTrainedConfig):
    """Shape of the model; what an n-gram's id is follows from ``words``, ``pairs``, ``longest``."""

    model_type = ARCHITECTURE

    def __init__(
        self,
        words: int = 16,
        pairs: int = 16,
        longest: int = 128,
        width: int = 7,
        hidden: int = 32,
        **options,
    ) -> None:
        super().__init__(**options)
        self.words, self.pairs, self.longest = words, pairs, longest
        self.width, self.hidden = width, hidden
        # What probes of any classifier's graph ask for.
        self.pad_token_id = 0
        self.vocab_size = self.ngrams.buckets
        self.max_position_embeddings = 2 * longest

    @property
    def ngrams(self) -> NGrams:
        return NGrams(self.words, self.pairs, self.longest)


class NGramClassifier(PreTrainedModel):
    """Ids of n-grams to logits."""

    config_class = NGramConfig
    main_input_name = "input_ids"

    def __init__(self, config: NGramConfig) -> None:
        super().__init__(config)
        # The last column is an n-gram's weight in the mean, before the softmax.
        self.table = RoundedTable(config.vocab_size, config.width + 1)
        self.dropout = nn.Dropout(0.0)
        self.linear = nn.Linear(config.width, config.num_labels)
        self.network = nn.Sequential(
            nn.Linear(config.width, config.hidden),
            nn.GELU(),
            nn.Linear(config.hidden, config.num_labels),
        )
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Everything is made initialised; transformers' own defaults would undo it."""

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> SequenceClassifierOutput:
        """Logits [batch, labels] of int64 ids and mask [batch, n-grams]."""
        # Dropout of whole n-grams: the rest of a headline has to say the same.
        kept = self.dropout(attention_mask.float()) > 0
        rows = self.table(input_ids).float()
        vectors, weights = rows[..., :-1], rows[..., -1]
        shares = weights.masked_fill(~kept, _MASKED).softmax(dim=-1)
        # A headline without any n-gram has the logits of the zero vector.
        mean = (shares * kept).unsqueeze(1) @ vectors
        mean = mean.squeeze(1)
        return SequenceClassifierOutput(logits=self.linear(mean) + self.network(mean))


class RoundedTable(nn.Module):
    """Rows of a table whose numbers are steps of -7..7 times their column's learned size."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        # Small: an n-gram that training never saw should say next to nothing.
        self.weight = nn.Parameter(torch.randn(rows, columns) * _INITIAL)
        # The logarithm, so that Adam changes a step by a share of itself.
        self.log_step = nn.Parameter(torch.full((columns,), 0.1).log())

    def forward(self, ids: Tensor) -> Tensor:
        """Ids [...] to rounded rows [..., columns], float32."""
        return self.steps(functional.embedding(ids, self.weight)) * self.log_step.exp()

    def steps(self, rows: Tensor) -> Tensor:
        """Rows in whole steps; the gradient passes through the rounding."""
        exact = (rows.float() / self.log_step.exp()).clamp(-LARGEST, LARGEST)
        return exact + (exact.round() - exact).detach()


class NGramTokenizer:
    """Gives ``NGrams``'s ids as transformers' tokenizers give theirs, as far as training asks."""

    def __init__(self, ngrams: NGrams) -> None:
        self.ngrams = ngrams

    def __call__(self, texts: Sequence[str], **_) -> dict[str, list[list[int]]]:
        """Lists of ids and of ones; how many words are read is the shape's, not the call's."""
        ids = [self.ngrams.ids(text) for text in texts]
        return {"input_ids": ids, "attention_mask": [[int(id > 0) for id in row] for row in ids]}

    def pad(self, rows: Sequence[dict], **_) -> dict[str, Tensor]:
        """A batch: the two lists padded to the longest, everything else stacked."""
        longest = max(len(row["input_ids"]) for row in rows)
        batch = {}
        for name in rows[0]:
            values = [row[name] for row in rows]
            if name in ("input_ids", "attention_mask"):
                values = [[*value, *[0] * (longest - len(value))] for value in values]
            batch[name] = torch.tensor(values)
        return batch

    def save_pretrained(self, folder: Path) -> None:
        """Nothing to write: the model's configuration says it all."""


def new(shape: NGramShape, labels: Sequence[str]) -> tuple[NGramClassifier, NGramTokenizer]:
    """A model of these classes that knows nothing yet, and its tokenizer."""
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
