"""What people call a model, "Tiny, 4-bit", with its role beside it where it must be told apart."""

import re
from collections import Counter

from pipeline.results.storage import Run
from views.parts.common import describe

_SHORTER = (
    (r" \([^)]*\)", ""),
    (r"\b(\d+) bits\b", r"\1-bit"),
    (r"\bstatic int8 of everything", "8-bit everywhere"),
    (r"\b(dynamic|static) int8\b", r"8-bit \1"),
    (r"\bquantization-aware\b", "8-bit QAT"),
    (r" with logistic regression", ""),
)
"""Patterns of a recipe's title, and what stands for them where room is short."""


def shorten(title: str) -> str:
    """A recipe's title as a name: "Tiny, 4 bits" becomes "Tiny, 4-bit"; on one line."""
    for pattern, shorter in _SHORTER:
        title = re.sub(pattern, shorter, title)
    return " ".join(title.split())


def names(run: Run) -> dict[str, str]:
    """By role, the name of every model of a run; no two models have the same one.

    A name may come from a run's record: it is text and no markup (``common.plain``).
    """
    short = {role: shorten(describe(run, role)[0]) or role for role in run.by_role}
    counts = Counter(short.values())
    return {role: name if counts[name] == 1 else f"{name} ({role})" for role, name in short.items()}


def with_role(run: Run, role: str) -> str:
    """A model's name and its role: "Tiny, 4-bit · tiny-int4"."""
    name = shorten(describe(run, role)[0]) or role
    return name if name.casefold() == role.casefold() else f"{name} · {role}"


def names_with_roles(run: Run) -> dict[str, str]:
    """By role, what a box of models offers: every name with its role."""
    return {role: with_role(run, role) for role in run.by_role}
