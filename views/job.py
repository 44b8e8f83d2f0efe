"""Models that answer texts a chunk at a time, so that a page can show what is done, and stop."""

import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.inference.classifier import Classifier

# One batch: the longest that Stop has to wait for.
CHUNK = 32


@dataclass
class Part:
    """What one model has answered so far."""

    identity: Hashable
    """Of the model's files: answers of other files are not kept."""
    probabilities: np.ndarray
    """Shape (n, k); rows from ``done`` on hold nothing yet."""
    members: np.ndarray
    """Shape (n,): which member of a cascade answered; 0 of any other model."""
    done: int = 0
    seconds: float = 0.0
    """Spent answering, without loading the model."""
    problem: str = ""
    """Why the model can't be asked, if it can't."""


@dataclass
class Job:
    """Texts that several models answer in chunks, so that it can be stopped and gone on with.

    An interrupted script may still be at a chunk as its successor starts on the same one: to do
    a chunk twice is a waste and does no harm.
    """

    texts: list[str]
    stopped: bool = False
    parts: dict[str, Part] = field(default_factory=dict)

    def prepare(self, role: str, identity: Hashable, classes: int) -> None:
        """Make room for a model's answers; those of other files under its name are dropped."""
        if role not in self.parts or self.parts[role].identity != identity:
            shape = (len(self.texts), classes)
            self.parts[role] = Part(
                identity, np.zeros(shape, np.float32), np.zeros(len(self.texts), np.int64)
            )

    def next(self, roles: Sequence[str]) -> str | None:
        """The model whose turn it is: that with the fewest answers, the first of equals."""
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
        """How many texts every one of the models has answered: the first so many."""
        return min((self.parts[role].done for role in roles), default=0)

    def share(self, roles: Sequence[str]) -> float:
        """How much of the work is done, in 0..1."""
        total = len(roles) * len(self.texts)
        return sum(self.parts[role].done for role in roles) / total if total else 1.0

    def answers(self, roles: Sequence[str]) -> dict[str, np.ndarray]:
        """By role, probabilities of shape (m, k) of the m texts that all have answered."""
        done = self.done(roles)
        return {role: self.parts[role].probabilities[:done] for role in roles}

    def milliseconds(self, role: str) -> float:
        """One model's time for a text, on average."""
        part = self.parts[role]
        return 1000 * part.seconds / max(part.done, 1)
