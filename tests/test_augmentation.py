"""Altered copies: what they keep, what they change, and that they are the same every time."""

import numpy as np

from pipeline import data
from pipeline.augmentation import REPLACED, SHORTEST, altered, joined
from pipeline.distillation import NO_LABEL

SPLIT = data.load(toy=True).train


def test_every_row_has_its_copies_and_none_a_label():
    copies = altered(SPLIT, 2, seed=0)
    assert len(copies) == 2 * len(SPLIT)
    assert copies.rows.tolist() == [*SPLIT.rows, *SPLIT.rows]
    assert set(copies.labels) == {NO_LABEL}


def test_it_depends_on_its_seed_alone():
    assert altered(SPLIT, 2, seed=0).texts == altered(SPLIT, 2, seed=0).texts
    assert altered(SPLIT, 1, seed=0).texts == altered(SPLIT, 2, seed=0).texts[: len(SPLIT)]
    assert altered(SPLIT, 1, seed=0).texts != altered(SPLIT, 1, seed=1).texts


def test_half_are_a_stretch_of_the_words_and_half_have_some_replaced():
    copies = altered(SPLIT, 1, seed=0)
    changed = total = 0
    for number, (text, copy) in enumerate(zip(SPLIT.texts, copies.texts, strict=True)):
        words, new = text.split(), copy.split()
        if number % 2 == 0:
            assert " ".join(new) in " ".join(words)
            assert min(SHORTEST, len(words)) <= len(new) <= len(words)
        else:
            assert len(new) == len(words)
            changed += sum(a != b for a, b in zip(words, new, strict=True))
            total += len(words)
    assert abs(changed / total - REPLACED) < 0.03


def test_the_other_half_is_cut_in_the_next_copy():
    copies = altered(SPLIT, 2, seed=0)
    second = copies.texts[len(SPLIT) :]
    assert len(second[0].split()) == len(SPLIT.texts[0].split())
    assert second[1] in " ".join(SPLIT.texts[1].split())


def test_joined_rows_are_both():
    both = joined(SPLIT, altered(SPLIT, 1, seed=0))
    assert len(both) == 2 * len(SPLIT)
    assert np.array_equal(both.labels[: len(SPLIT)], SPLIT.labels)
    assert both.texts[: len(SPLIT)] == SPLIT.texts
