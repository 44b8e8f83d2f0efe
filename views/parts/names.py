"""Short names of models for people, such as "Tiny, 4-bit", with the role where names are equal."""

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
"""Patterns in a recipe's title → shorter replacements."""


def shorten(title: str) -> str:
    """Shorten a recipe's title to a name on one line: "Tiny, 4 bits" becomes "Tiny, 4-bit"."""
    for pattern, shorter in _SHORTER:
        title = re.sub(pattern, shorter, title)
    return " ".join(title.split())


def names(run: Run) -> dict[str, str]:
    """By role, a unique name for every model of a run.

    A name may come from a run's record, so it is plain text: escape it for markdown
    (``common.plain``).
    """
    short = {role: shorten(describe(run, role)[0]) or role for role in run.by_role}
    counts = Counter(short.values())
    return {role: name if counts[name] == 1 else f"{name} ({role})" for role, name in short.items()}


def with_role(run: Run, role: str) -> str:
    """A model's name and role, "Tiny, 4-bit · tiny-int4"; only the name if both are equal."""
    name = shorten(describe(run, role)[0]) or role
    return name if name.casefold() == role.casefold() else f"{name} · {role}"


def names_with_roles(run: Run) -> dict[str, str]:
    """By role, every model's name with its role, for a box of models."""
    return {role: with_role(run, role) for role in run.by_role}
