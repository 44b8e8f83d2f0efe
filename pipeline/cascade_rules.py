"""When a member of a cascade is sure enough to answer a text instead of passing it on."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rule:
    """The rule of one member of a cascade. The last member has no rule."""

    threshold: float
    """The member answers if its largest probability is at least this."""
    temperature: float = 1.0
    """The member's logits are divided by this first (Guo et al., 2017)."""

    def is_sure(self, probabilities: np.ndarray) -> np.ndarray:
        """Whether the member answers each row of probabilities (n, k), boolean (n,)."""
        return confidence(probabilities, self.temperature) >= self.threshold


def confidence(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """The largest probability of each row (n, k) at a temperature, float64 (n,).

    Logits equal ln(p) plus one constant per row, and softmax does not depend on that constant.
    """
    if temperature == 1.0:
        return probabilities.max(axis=1).astype(np.float64)
    powers = probabilities.astype(np.float64) ** (1 / temperature)
    return powers.max(axis=1) / powers.sum(axis=1)
