"""Models answer texts in chunks, so that a page can show progress and can stop."""

import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.inference.classifier import Classifier

# Texts per chunk: one batch. Stop has to wait for one chunk at most.
CHUNK = 32


@dataclass
class Part:
    """What one model has answered so far."""

    identity: Hashable
    """Identifies the model's files; answers of other files are dropped."""
    probabilities: np.ndarray
    """Shape (n, k); rows from ``done`` on are not filled yet."""
    members: np.ndarray
    """Shape (n,): which member of a cascade answered; 0 for any other model."""
    done: int = 0
    seconds: float = 0.0
    """Time spent on answers, without loading the model."""
    problem: str = ""
    """Why the model can't answer; empty if it can."""


@dataclass
class Job:
    """Texts that several models answer in chunks, so that the work can be stopped and resumed.

    An interrupted script may still work on a chunk when its successor starts the same chunk. Doing
    a chunk twice wastes time but does no harm.
    """

    texts: list[str]
    stopped: bool = False
    parts: dict[str, Part] = field(default_factory=dict)

    def prepare(self, role: str, identity: Hashable, classes: int) -> None:
        """Make room for a model's answers; drop those that other files gave under the same role."""
        if role not in self.parts or self.parts[role].identity != identity:
            shape = (len(self.texts), classes)
            self.parts[role] = Part(
                identity, np.zeros(shape, np.float32), np.zeros(len(self.texts), np.int64)
            )

    def next(self, roles: Sequence[str]) -> str | None:
        """The model with the fewest answers, which is next; None if all have answered all texts.

        Ties go to the first one.
        """
        role = min(roles, key=lambda role: self.parts[role].done)
        return role if self.parts[role].done < len(self.texts) else None

    def step(self, role: str, classifier: Classifier) -> None:
        """Let one model answer its next chunk."""
        part = self.parts[role]
        first, last = part.done, min(part.done + CHUNK, len(self.texts))
        start = time.perf_counter()
        found = classifier.answer(self.texts[first:last])
        part.probabilities[first:last], part.members[first:last] = found
        if part.done < last:
            part.seconds += time.perf_counter() - start
            part.done = last

    def done(self, roles: Sequence[str]) -> int:
        """How many texts, counted from the first, all of the models have answered."""
        return min((self.parts[role].done for role in roles), default=0)

    def share(self, roles: Sequence[str]) -> float:
        """How much of the work is done, in 0..1."""
        total = len(roles) * len(self.texts)
        return sum(self.parts[role].done for role in roles) / total if total else 1.0

    def answers(self, roles: Sequence[str]) -> dict[str, np.ndarray]:
        """By role, probabilities of the m texts that all have answered, shape (m, k)."""
        done = self.done(roles)
        return {role: self.parts[role].probabilities[:done] for role in roles}

    def milliseconds(self, role: str) -> float:
        """One model's mean time per text."""
        part = self.parts[role]
        return 1000 * part.seconds / max(part.done, 1)
