"""Names of the roles derived from a student's: its baseline, ablations and seed replicates.

Also the method of models that belong to no family.
"""

BASELINE = "-baseline"
WHOLE_ROWS = "-logits"
HIDDEN_FIRST = "-hidden"
REPLICATE = "-seed"
REPLICATE_SEEDS = (43, 44)
"""Seeds of the replicates; the model itself is trained with the seed of ``Training``."""

JOINED = "joined"
"""The method, in a run's record, of a joined model: one that was trained elsewhere."""

_OLD_BASELINE = "-control"
"""What runs of schema 1 call a baseline."""


def replicated_role(role: str) -> str | None:
    """The role that a seed replicate replicates; None for any other role."""
    original, mark, _ = role.rpartition(REPLICATE)
    return original if mark else None


def student_of_baseline(role: str) -> str | None:
    """The student whose no-teacher baseline a role is; None for any other role."""
    for suffix in (BASELINE, _OLD_BASELINE):
        if role.endswith(suffix):
            return role.removesuffix(suffix)
    return None
