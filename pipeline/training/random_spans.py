"""Random spans: neighbouring words of a row, from which a model learns besides the whole row."""

import numpy as np

from pipeline.data.data_sets import Corpus, Split
from pipeline.recipes.training_settings import RandomSpans
from pipeline.training.distillation import NO_LABEL


def spans_of(corpus: Corpus, spans: RandomSpans | None, seed: int) -> Split | None:
    """The random spans of a corpus's training rows.

    Returns:
        ``spans.per_row`` spans of every row: first one span of every row, then a second one of
        every row, and so on. A span has its row's number in ``rows``. None if ``spans`` is None, or
        if ``spans`` asks for labels and the corpus's rows don't begin with their title.
    """
    if spans is None or not exist(corpus, spans):
        return None
    return random_spans(corpus.train, spans, seed)


def exist(corpus: Corpus, spans: RandomSpans | None) -> bool:
    """Whether ``spans_of`` returns spans for this corpus."""
    return spans is not None and (corpus.title_first or not spans.labelled)


def random_spans(split: Split, spans: RandomSpans, seed: int) -> Split:
    """``spans.per_row`` spans of every row: see ``RandomSpans`` for their lengths and labels.

    Lengths are log-uniform: as many spans have 4 to 8 words as have 16 to 32. A row of up to
    ``spans.shortest`` words is its own span. The result depends only on the arguments.
    """
    words = [text.split() for text in split.texts]
    texts: list[str] = []
    for copy in range(spans.per_row):
        random = np.random.default_rng((seed, copy))
        for number, row in enumerate(words):
            from_the_first = spans.labelled or (number + copy) % 2 == 0
            texts.append(" ".join(_span(row, spans, from_the_first, random)))
    labels = np.tile(split.labels, spans.per_row)
    if not spans.labelled:
        labels = np.full_like(labels, NO_LABEL)
    return Split(texts, labels, np.tile(split.rows, spans.per_row))


def _span(
    words: list[str], spans: RandomSpans, from_the_first: bool, random: np.random.Generator
) -> list[str]:
    longest = min(spans.longest or len(words), len(words))
    length = longest
    if longest > spans.shortest:
        # int() rounds down, so the upper end is one more than the longest length.
        length = int(np.exp(random.uniform(np.log(spans.shortest), np.log(longest + 1))))
    start = 0 if from_the_first else random.integers(0, len(words) - length + 1)
    return words[start : start + length]


def joined(one: Split, other: Split) -> Split:
    """The rows of both splits, first those of ``one``."""
    return Split(
        one.texts + other.texts,
        np.concatenate([one.labels, other.labels]),
        np.concatenate([one.rows, other.rows]),
    )
