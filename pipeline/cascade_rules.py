"""When a member of a cascade is sure enough to answer a text instead of passing it on."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rule:
    """Of a member that is not the last one."""

    threshold: float
    """Its greatest probability, at least."""
    temperature: float = 1.0
    """Its logits are divided by this first (Guo et al., 2017)."""

    def is_sure(self, probabilities: np.ndarray) -> np.ndarray:
        """Of each row of probabilities (n, k), whether the member answers it: boolean (n,)."""
        return confidence(probabilities, self.temperature) >= self.threshold


def confidence(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """The greatest probability of each row (n, k) at a temperature, float64 (n,).

    Logits are ln(p) but for one constant a row, which softmax does not see.
    """
    if temperature == 1.0:
        return probabilities.max(axis=1).astype(np.float64)
    powers = probabilities.astype(np.float64) ** (1 / temperature)
    return powers.max(axis=1) / powers.sum(axis=1)
