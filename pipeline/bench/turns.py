"""Peers are asked in turns, so that what else the machine does falls on all alike."""

import contextlib
from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np

from pipeline.bench.contestants import Contestant
from pipeline.bench.peers import Peer


def compare(
    people: Sequence[Contestant],
    max_length: int,
    orders: Sequence[Sequence[str]],
    batch_size: int,
    turns: int,
    block: int = 1,
) -> list[dict]:
    """Ask everyone the same in turns.

    Args:
        people: who is asked; the first of a group is what the others' answers are checked against.
        max_length: tokens of a text that are read.
        orders: of each call, its texts, from the first on again when all are done.
        batch_size: texts in a batch.
        turns: of which the first warms up and is not counted.
        block: calls in one turn.

    Returns:
        Of each, in the order given: group, role, peer, calls, ms (median of a call), mean_ms and
        p95_ms; and, where the group has others, same_labels (share) and greatest_difference (of a
        probability), both against the first of the group.
    """
    seconds: list[list[float]] = [[] for _ in people]
    answers: list[list[np.ndarray]] = [[] for _ in people]
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(Peer(p.kind, p.folder, max_length)) for p in people]
        for turn in range(turns):
            # Another one begins each turn, so that nobody always comes after the same one.
            for place in np.roll(np.arange(len(peers)), -turn):
                peer = peers[place]
                calls = range(turn * block, (turn + 1) * block)
                with peer.turn():
                    found = [peer.ask(orders[call % len(orders)], batch_size) for call in calls]
                if turn:
                    seconds[place] += [took for took, _ in found]
                    answers[place] += [probabilities for _, probabilities in found]
    rows = []
    for person, took, own in zip(people, seconds, answers, strict=True):
        row: dict[str, Any] = {"group": person.group, "role": person.role, "peer": person.kind}
        row |= {"title": person.title, "ms": median(took) * 1e3, "calls": len(took)}
        row |= {"mean_ms": float(np.mean(took)) * 1e3}
        row |= {"p95_ms": float(np.percentile(took, 95)) * 1e3}
        same_group = [i for i, other in enumerate(people) if other.group == person.group]
        if person.kind != "encoding" and len(same_group) > 1:
            row |= _likeness(np.concatenate(answers[same_group[0]]), np.concatenate(own))
        rows.append(row)
    return rows


def _likeness(expected: np.ndarray, actual: np.ndarray) -> dict[str, float]:
    """How alike two peers' probabilities (n, k) are."""
    return {
        "same_labels": float((expected.argmax(1) == actual.argmax(1)).mean()),
        "greatest_difference": float(np.abs(expected - actual).max()),
    }
