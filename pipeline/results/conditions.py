"""The conditions of each kind of figure in a run, in words: processor, threads, versions, time."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from pipeline.results.figures import Conditions, MeasuredOn
from pipeline.results.records import ModelRecord

KINDS = tuple(field.name for field in fields(MeasuredOn))
"""Kinds of figures; each kind has its own conditions."""


@dataclass(frozen=True)
class Place:
    """Conditions that several figures share."""

    roles: dict[str, list[str]]
    """By kind of figure, the models whose figures were measured under these conditions."""
    conditions: dict[str, Any]
    """Without the time, which differs between models."""
    taken: tuple[str, ...]
    """The first and the last time; only one if they are equal, none if no time is known."""

    def title(self, models: int) -> str:
        """Which figures these are, in words; ``models`` is the number of all models."""
        together: dict[tuple[str, ...], list[str]] = {}
        for kind, roles in self.roles.items():
            together.setdefault(tuple(roles), []).append(kind)
        parts = [
            ", ".join(kinds) + (f" of {', '.join(roles)}" if len(roles) < models else "")
            for roles, kinds in together.items()
        ]
        text = "; ".join(parts)
        return f"{text[0].upper()}{text[1:]}"

    def all(self) -> dict[str, Any]:
        """The conditions, with the time."""
        return self.conditions | ({"taken": " to ".join(self.taken)} if self.taken else {})


def as_taken(conditions: Conditions) -> dict[str, Any]:
    """The known conditions, by name."""
    return {name: value for name, value in asdict(conditions).items() if value not in (None, {})}


def places(models: Sequence[ModelRecord]) -> list[Place]:
    """All conditions under which figures of these models were measured, each once."""
    roles: dict[str, dict[str, list[str]]] = {}
    taken: dict[str, list[str]] = {}
    for kind in KINDS:
        for model in models:
            conditions = as_taken(getattr(model.measured_on, kind))
            when = conditions.pop("taken", None)
            key = json.dumps(conditions, sort_keys=True)
            roles.setdefault(key, {}).setdefault(kind, []).append(model.role)
            taken.setdefault(key, []).extend([when] if when else [])
    found = []
    for key, by_kind in roles.items():
        times = sorted(taken[key])
        found.append(Place(by_kind, json.loads(key), tuple(dict.fromkeys(times[:1] + times[-1:]))))
    return found


def differ(found: Sequence[Place]) -> bool:
    """Whether figures of the same kind were measured under different conditions."""
    return any(sum(kind in place.roles for place in found) > 1 for kind in KINDS)


def markdown(models: Sequence[ModelRecord]) -> str:
    """A Markdown list with one line for each of the ``places``: processor, threads, time."""
    lines = []
    for place in places(models):
        conditions = place.conditions
        processor = conditions.get("hardware", {}).get("processor") or "an unknown processor"
        threads = conditions.get("threads")
        cores = f"{threads} thread{'s' if threads > 1 else ''}" if threads else ""
        words = [str(processor), cores, " to ".join(place.taken)]
        lines.append(f"- {place.title(len(models))}: {', '.join(filter(None, words))}")
    return "\n".join(lines)
