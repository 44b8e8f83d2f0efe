"""The order in which training sees rows."""

import torch

from pipeline.training.rows import EpochSampler


def order(seed, epoch, batch_size=16, rows=100, fill=False):
    sampler = EpochSampler(batch_size, [5 + n % 7 for n in range(rows)], seed, fill)
    sampler.set_epoch(epoch)
    return list(sampler)


def test_no_epoch_of_a_seed_is_an_epoch_of_another():
    seeds, epochs = (42, 43, 44), range(12)
    orders = {tuple(order(seed, epoch)) for seed in seeds for epoch in epochs}
    assert len(orders) == len(seeds) * len(epochs)
    assert all(sorted(rows) == list(range(100)) for rows in orders)


def test_the_order_depends_on_seed_and_epoch_alone():
    before = order(42, 3)
    torch.manual_seed(7)
    torch.rand(5)
    assert order(42, 3) == before


def test_the_last_batch_is_filled_for_several_processes_with_what_counts_for_nothing():
    rows = order(42, 0, batch_size=64, rows=77, fill=True)
    assert len(rows) == 128
    assert sorted(rows[:77]) == list(range(77))
    assert set(rows[77:]) == {77}
    assert order(42, 0, batch_size=64, rows=77) == rows[:77]
    assert len(order(42, 0, batch_size=64, rows=128, fill=True)) == 128
