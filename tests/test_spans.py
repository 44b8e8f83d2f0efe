"""Cuts: what they keep, how long they are, and that they are the same every time."""

import numpy as np
from pipeline.augmentation import SHORTEST, cuts, joined

from pipeline import data
from pipeline.data import Split
from pipeline.distillation import NO_LABEL

SPLIT = data.load(toy=True).train
NUMBERED = Split([" ".join(map(str, range(64)))] * 2000, np.zeros(2000), np.arange(2000))


def test_every_row_has_its_copies_and_none_a_label():
    copies = cuts(SPLIT, 2, seed=0)
    assert len(copies) == 2 * len(SPLIT)
    assert copies.rows.tolist() == [*SPLIT.rows, *SPLIT.rows]
    assert set(copies.labels) == {NO_LABEL}


def test_it_depends_on_its_seed_alone():
    assert cuts(SPLIT, 2, seed=0).texts == cuts(SPLIT, 2, seed=0).texts
    assert cuts(SPLIT, 1, seed=0).texts == cuts(SPLIT, 2, seed=0).texts[: len(SPLIT)]
    assert cuts(SPLIT, 1, seed=0).texts != cuts(SPLIT, 1, seed=1).texts


def test_a_cut_is_a_stretch_of_neighbouring_words():
    for text, cut in zip(SPLIT.texts, cuts(SPLIT, 1, seed=0).texts, strict=True):
        words, left = text.split(), cut.split()
        assert min(SHORTEST, len(words)) <= len(left) <= len(words)
        assert f" {' '.join(left)} " in f" {' '.join(words)} "


def test_every_other_cut_is_from_the_start_and_the_others_in_the_next_copy():
    copies = cuts(NUMBERED, 2, seed=0)
    starts = np.array([int(text.split()[0]) for text in copies.texts]).reshape(2, -1)
    assert not starts[0, ::2].any()
    assert not starts[1, 1::2].any()
    # Anywhere: half of the places that a cut's length leaves, 64 less 22 on average.
    assert abs(np.concatenate([starts[0, 1::2], starts[1, ::2]]).mean() - 21) < 2


def test_lengths_are_log_uniform():
    lengths = np.array([len(text.split()) for text in cuts(NUMBERED, 1, seed=0).texts])
    shares = [np.mean((low <= lengths) & (lengths < 2 * low)) for low in (4, 8, 16, 32)]
    assert np.allclose(shares, 0.25, atol=0.04)


def test_joined_rows_are_both():
    both = joined(SPLIT, cuts(SPLIT, 1, seed=0))
    assert len(both) == 2 * len(SPLIT)
    assert np.array_equal(both.labels[: len(SPLIT)], SPLIT.labels)
    assert both.texts[: len(SPLIT)] == SPLIT.texts
