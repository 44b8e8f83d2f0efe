"""What is timed: a run's installed models and cascades, and what people would use instead."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from pipeline import hardware
from pipeline.bench.peers import Peer
from pipeline.errors import PipelineError
from pipeline.recipes.families import FAMILIES
from pipeline.results.storage import Run
from pipeline.runs import fingerprinting, stage_folders

TEACHER = "teacher"
GROUPS = {TEACHER: (TEACHER, "dynamic"), "minilm": ("minilm", "minilm-int8")}
"""Trained role → roles of its artifacts in floating point and int8, compared with it in PyTorch."""
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
    trained: bool = True
    """Whether its weights are the role's. If not, only its time says something of the role."""

    @property
    def title(self) -> str:
        return f"{TITLES[self.kind]}, `{self.role}`{'' if self.trained else ', untrained'}"


def contestants(
    run: Run,
    work: Path | None,
    roles: Collection[str] | None = None,
    untrained: Mapping[str, Path] = MappingProxyType({}),
) -> tuple[list[Contestant], list[str]]:
    """The contestants that can be timed, and a line on each that can't be.

    Args:
        run: the run whose models are timed.
        work: folder of the run's weights, which the PyTorch peers need.
        roles: time only these models, and the teacher in transformers' pipeline, with which all
            are compared. None: all models.
        untrained: by role, the folder of an untrained network, for roles without weights.

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
        if folder := weights or untrained.get(group):
            trained = weights is not None
            found += [Contestant(group, group, kind, folder, trained) for kind in PYTORCH]
        else:
            missing.append(
                f"no weights of {group} were found: give --work, or --checkpoints to time it "
                "untrained; left out: PyTorch"
            )
        for role in of_group:
            if role not in installed:
                missing.append(f"{role} is not installed")
                continue
            found += with_and_without_us(run, role, group, installed[role])
            if role == of_group[-1]:
                found.append(Contestant(group, role, "encoding", installed[role]))
    compared = {role for of_group in GROUPS.values() for role in of_group}
    for role, folder in installed.items():
        if role not in compared:
            found += with_and_without_us(run, role, role, folder)
    base = (TEACHER, PYTORCH[0])
    chosen = [p for p in found if roles is None or p.role in roles or (p.role, p.kind) == base]
    return _that_work(chosen, missing)


def without_weights(run: Run, work: Path | None) -> list[str]:
    """The roles of a run that PyTorch could run if ``work`` had their weights."""
    return [role for role in GROUPS if role in run.by_role and not _weights(run, role, work)]


def with_and_without_us(run: Run, role: str, group: str, artifact: Path) -> list[Contestant]:
    """An installed model in plain onnxruntime, which can't run a cascade, and in ours."""
    kinds = ("ours",) if run.by_role[role].cascade else ("onnxruntime", "ours")
    return [Contestant(group, role, kind, artifact) for kind in kinds]


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
