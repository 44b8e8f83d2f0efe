"""Ask peers in turns, so that other work of the machine affects all of them equally."""

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
    """Ask all contestants the same texts, in turns.

    Args:
        people: the contestants. Answers are checked against those of the first one in its group.
        max_length: most tokens that are read of a text.
        orders: the texts of each call; after the last call, the first one follows again.
        batch_size: texts in a batch.
        turns: number of turns; the first one warms up and is not counted.
        block: calls in one turn.

    Returns:
        For each contestant, in the same order: group, role, peer, title, calls, ms (median of a
        call), mean_ms and p95_ms. If the group has others, also same_labels (share) and
        greatest_difference (of a probability), both against the first one of the group. Answers of
        untrained networks are not compared.
    """
    seconds: list[list[float]] = [[] for _ in people]
    answers: list[list[np.ndarray]] = [[] for _ in people]
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(Peer(p.kind, p.folder, max_length)) for p in people]
        for turn in range(turns):
            # Each turn begins with another peer, so that no peer always follows the same one.
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
        same_group = [
            i for i, other in enumerate(people) if other.group == person.group and other.trained
        ]
        if person.trained and person.kind != "encoding" and len(same_group) > 1:
            row |= _likeness(np.concatenate(answers[same_group[0]]), np.concatenate(own))
        rows.append(row)
    return rows


def _likeness(expected: np.ndarray, actual: np.ndarray) -> dict[str, float]:
    """How alike two peers' probabilities (n, k) are."""
    return {
        "same_labels": float((expected.argmax(1) == actual.argmax(1)).mean()),
        "greatest_difference": float(np.abs(expected - actual).max()),
    }
