"""Comparisons of weights and logits for several tests of training."""

import torch


def same(some, others):
    """Whether two state dicts are equal to the bit."""
    return some.keys() == others.keys() and all(
        torch.equal(value, others[name]) for name, value in some.items()
    )


def has_more_than_bf16(logits):
    """Whether numbers have more than the 8 significant bits of bf16."""
    return bool((logits != logits.bfloat16().float()).float().mean() > 0.5)
