"""What is timed: a run's installed models and cascades, and what people would use instead."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from pipeline import hardware
from pipeline.bench.peers import Peer
from pipeline.errors import PipelineError
from pipeline.recipes.families import FAMILIES
from pipeline.results.storage import Run
from pipeline.runs import fingerprinting, stage_folders

TEACHER = "teacher"
GROUPS = {TEACHER: (TEACHER, "dynamic"), "minilm": ("minilm", "minilm-int8")}
"""Trained role → roles of its artifacts in floating point and int8. Other roles have no peers."""
PYTORCH = ("transformers", "bf16", "torch.compile", "torch.ao")
"""Kinds of peers that run a model's weights in PyTorch, not its artifact."""
TITLES = {
    "transformers": "transformers' pipeline",
    "bf16": "the same, bf16",
    "torch.compile": "the same, torch.compile",
    "torch.ao": "the same, torch.ao int8",
    "onnxruntime": "onnxruntime, default settings",
    "ours": "ours",
    "encoding": "tokenization alone",
}
_PROBE = ["Oil prices fall for a third day", "Coach resigns"]


@dataclass(frozen=True)
class Contestant:
    """One row of a table."""

    group: str
    role: str
    kind: str
    folder: Path

    @property
    def title(self) -> str:
        return f"{TITLES[self.kind]}, `{self.role}`"


def contestants(
    run: Run, work: Path | None, roles: Collection[str] | None = None
) -> tuple[list[Contestant], list[str]]:
    """The contestants that can be timed, and a line on each that can't be.

    Args:
        run: the run whose models are timed.
        work: folder of the run's weights, which the PyTorch peers need.
        roles: time only these models, and the teacher in transformers' pipeline, with which all
            are compared. None: all models.

    Raises:
        PipelineError: one of ``roles`` is not installed.
    """
    found: list[Contestant] = []
    missing: list[str] = []
    installed = run.artifacts()
    for role in roles or ():
        if role not in installed:
            raise PipelineError(
                f"run {run.name} has no installed model {role!r}; there are {', '.join(installed)}"
            )
    for group, of_group in GROUPS.items():
        if group not in run.by_role:
            missing.append(f"{run.name} has no {group}")
            continue
        weights = _weights(run, group, work)
        if weights:
            found += [Contestant(group, group, kind, weights) for kind in PYTORCH]
        else:
            missing.append(f"no weights of {group} were found: give --work; left out: PyTorch")
        for role in of_group:
            if role not in installed:
                missing.append(f"{role} is not installed")
                continue
            kinds = ("onnxruntime", "ours", *(("encoding",) if role == of_group[-1] else ()))
            found += [Contestant(group, role, kind, installed[role]) for kind in kinds]
    compared = {role for of_group in GROUPS.values() for role in of_group}
    found += [
        Contestant(role, role, "ours", artifact)
        for role, artifact in installed.items()
        if role not in compared
    ]
    base = (TEACHER, PYTORCH[0])
    chosen = [p for p in found if roles is None or p.role in roles or (p.role, p.kind) == base]
    return _that_work(chosen, missing)


def _weights(run: Run, role: str, work: Path | None) -> Path | None:
    """Folder of a trained model's weights, as ``pipeline run`` keeps it; None if there is none."""
    family = FAMILIES.get(run.record.family)
    if not work or not family:
        return None
    prints = fingerprinting.fingerprints(family, run.by_role[role].inputs).get(role)
    if not prints or not prints.weights:
        return None
    folder = stage_folders.folder(work, f"{family.name}-{role}-weights", prints.weights)
    return folder if folder.is_dir() else None


def _that_work(people: list[Contestant], missing: list[str]) -> tuple[list[Contestant], list[str]]:
    """The contestants that can answer here, and ``missing`` with a line on each that can't."""
    reasons = {person: _why_not(person) for person in people}
    lines = [f"left out: {person.title}: {why}" for person, why in reasons.items() if why]
    return [person for person, why in reasons.items() if not why], missing + lines


def _why_not(person: Contestant) -> str:
    """A line on why a contestant can't answer on this machine; empty if it can."""
    if person.kind == "bf16" and not hardware.cpu_has_bf16():
        return "this processor has no bf16"
    if person.kind not in PYTORCH[1:]:
        return ""  # not tried: if these fail, nothing can be timed
    try:
        with Peer(person.kind, person.folder, 128) as peer:
            peer.ask(_PROBE[:1])
            peer.ask(_PROBE, batch_size=2)
    except PipelineError as error:
        return str(error)
    return ""
