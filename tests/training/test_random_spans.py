"""Random spans: what they keep, how long they are, their labels, and that they are repeatable."""

from dataclasses import replace

import numpy as np

from pipeline.data import data_sets
from pipeline.data.data_sets import Split
from pipeline.recipes.training_settings import RandomSpans
from pipeline.training.distillation import NO_LABEL
from pipeline.training.random_spans import exist, joined, random_spans, spans_of

CORPUS = data_sets.load(toy=True)
SPLIT = CORPUS.train
NUMBERED = Split([" ".join(map(str, range(64)))] * 2000, np.arange(2000) % 4, np.arange(2000))
ONE, TWO = RandomSpans(per_row=1), RandomSpans(per_row=2)
TITLES = RandomSpans(per_row=1, longest=16, labelled=True)


def test_every_row_has_its_spans_and_none_a_label():
    spans = random_spans(SPLIT, TWO, seed=0)
    assert len(spans) == 2 * len(SPLIT)
    assert spans.rows.tolist() == [*SPLIT.rows, *SPLIT.rows]
    assert set(spans.labels) == {NO_LABEL}
    assert spans.labels.dtype == SPLIT.labels.dtype


def test_they_depend_on_their_seed_alone():
    assert random_spans(SPLIT, TWO, seed=0).texts == random_spans(SPLIT, TWO, seed=0).texts
    assert random_spans(SPLIT, ONE, 0).texts == random_spans(SPLIT, TWO, 0).texts[: len(SPLIT)]
    assert random_spans(SPLIT, ONE, seed=0).texts != random_spans(SPLIT, ONE, seed=1).texts


def test_a_span_is_of_neighbouring_words():
    for text, span in zip(SPLIT.texts, random_spans(SPLIT, ONE, seed=0).texts, strict=True):
        words, left = text.split(), span.split()
        assert min(ONE.shortest, len(words)) <= len(left) <= len(words)
        assert f" {' '.join(left)} " in f" {' '.join(words)} "


def test_every_other_span_is_from_the_first_word_and_the_others_in_the_next_copy():
    spans = random_spans(NUMBERED, TWO, seed=0)
    starts = np.array([int(text.split()[0]) for text in spans.texts]).reshape(2, -1)
    assert not starts[0, ::2].any()
    assert not starts[1, 1::2].any()
    # The others start anywhere. 22 of 64 words is the mean length, so the mean start is 42 / 2.
    assert abs(np.concatenate([starts[0, 1::2], starts[1, ::2]]).mean() - 21) < 2


def test_lengths_are_log_uniform():
    lengths = np.array([len(text.split()) for text in random_spans(NUMBERED, ONE, seed=0).texts])
    shares = [np.mean((low <= lengths) & (lengths < 2 * low)) for low in (4, 8, 16, 32)]
    assert np.allclose(shares, 0.25, atol=0.04)


def test_labelled_spans_begin_at_the_first_word_and_bear_their_rows_label():
    spans = random_spans(NUMBERED, TITLES, seed=0)
    words = [text.split() for text in spans.texts]
    assert {row[0] for row in words} == {"0"}
    lengths = np.array([len(row) for row in words])
    assert lengths.min() == 4
    assert lengths.max() == 16
    # Lengths are log-uniform from 4 to 16 words, 16 included.
    assert abs(np.mean(lengths < 8) - np.log(8 / 4) / np.log(17 / 4)) < 0.04
    assert np.array_equal(spans.labels, NUMBERED.labels)
    assert np.array_equal(spans.rows, NUMBERED.rows)


def test_a_row_that_is_shorter_than_the_shortest_span_is_its_own_span():
    short = Split(["only three words", "one"], np.array([1, 2]), np.arange(2))
    for wanted in (ONE, TITLES):
        assert random_spans(short, wanted, seed=0).texts == short.texts


def test_where_rows_do_not_begin_with_a_title_there_are_no_labelled_spans():
    untitled = replace(CORPUS, title_first=False)
    assert spans_of(untitled, TITLES, seed=0) is None
    assert not exist(untitled, TITLES)
    # Unlabelled spans stay, because the teacher tells their class wherever they begin.
    assert spans_of(untitled, ONE, 0).texts == random_spans(SPLIT, ONE, 0).texts
    assert spans_of(CORPUS, TITLES, 0).texts == random_spans(SPLIT, TITLES, 0).texts
    assert spans_of(CORPUS, None, 0) is None


def test_joined_rows_are_both():
    both = joined(SPLIT, random_spans(SPLIT, ONE, seed=0))
    assert len(both) == 2 * len(SPLIT)
    assert np.array_equal(both.labels[: len(SPLIT)], SPLIT.labels)
    assert both.texts[: len(SPLIT)] == SPLIT.texts
