"""Checks of class names (2 to 200), and the names of the columns of their probabilities."""

import unicodedata
from collections.abc import Sequence
from typing import Any

from pipeline.errors import PipelineError

LEAST, MOST = 2, 200
_LONGEST = 200
"""The most characters that a name may have."""
_NOT_ON_A_LINE = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of control characters, surrogates, and line and paragraph separators."""


def check_names(names: Any) -> tuple[str, ...]:
    """Return the class names as a tuple if a data set can have them.

    Args:
        names: a list or tuple of 2 to 200 different strings, each on one line.

    Raises:
        PipelineError: they are anything else; the message says what is wrong.
    """
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise PipelineError("the labels are not a list of names")
    if not LEAST <= len(names) <= MOST:
        raise PipelineError(f"there are {len(names)} labels; there may be {LEAST} to {MOST}")
    for name in names:
        if not name.strip():
            raise PipelineError("one of the labels is empty")
        if len(name) > _LONGEST:
            raise PipelineError(f"the label {name[:20]!r}… is longer than {_LONGEST} characters")
        if any(unicodedata.category(character) in _NOT_ON_A_LINE for character in name):
            raise PipelineError(f"the label {name!r} has a character that is not of one line")
    if len(set(names)) < len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise PipelineError(f"the label {twice!r} stands twice among the labels")
    return tuple(names)


def check_same(role: str, artifact: Any, run: Sequence[str]) -> None:
    """Raise a PipelineError unless an artifact has its run's class names, in the same order.

    Args:
        role: the model's role, for the message.
        artifact: the class names in the artifact, not checked yet.
        run: the run's class names.
    """
    if not isinstance(artifact, list) or artifact != list(run):
        raise PipelineError(
            f"the artifact of {role} has the labels {_few(artifact)} where its run has "
            f"{_few(list(run))}; make it again with python -m pipeline run"
        )


def _few(names: Any, most: int = 5) -> str:
    if not isinstance(names, list):
        return "none"
    shown = ", ".join(map(repr, names[:most]))
    return f"{shown}, … ({len(names)} in all)" if len(names) > most else shown


def probability_columns(classes: int) -> list[str]:
    """Names of the columns with the probabilities of ``classes`` classes: p0, p1, …"""
    return [f"p{number}" for number in range(classes)]
