"""Remove a model from a run."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from pipeline import files
from pipeline.errors import PipelineError
from pipeline.results.records import SCHEMA
from pipeline.results.run_writing import restore, write_run
from pipeline.results.storage import Run, read_run


def remove(run: Run, role: str) -> Run:
    """Remove a model's record, predictions, artifact and times against peers from a run.

    Models that were made from it stay, and so do the logits from which its students learned.

    Raises:
        PipelineError: the run has no such model or no other one, a cascade needs the model, or the
            run's schema is older and can't be updated without the data.
    """
    with files.locked(run.folder):
        restore(run.folder.parent)
        run = read_run(run.folder)
        _check_removable(run, role)
        kept = [model for model in run.record.models if model.role != role]
        artifacts = run.artifacts()
        artifacts.pop(role, None)
        return write_run(
            run.folder.parent,
            replace(run.record, models=kept, bench=_without(run.record.bench, role, run.by_role)),
            {model.role: run.all_predictions(model.role) for model in kept},
            artifacts,
            run.all_logits(),
            run.texts(),
        )


def _check_removable(run: Run, role: str) -> None:
    if role not in run.by_role:
        raise PipelineError(f"{run.name} has no model {role!r}; it has {', '.join(run.by_role)}")
    needing = [m.role for m in run.record.models if m.cascade and role in m.cascade.members]
    if needing:
        raise PipelineError(
            f"{', '.join(needing)} asks {role}: take the cascade out first, python -m pipeline "
            f"remove {run.name} {needing[0]}"
        )
    if len(run.by_role) == 1:
        raise PipelineError(f"{role} is the only model of {run.name}; delete {run.folder} instead")
    if run.record.schema != SCHEMA:
        raise PipelineError(
            f"{run.name} is of schema {run.record.schema}, which names its data otherwise; run or "
            "add a model first, which writes it again"
        )


def _without(found: Any, role: str, roles: Collection[str]) -> Any:
    """Results of ``bench`` without the entries of a role, at any depth.

    Args:
        found: a JSON value.
        role: the role whose entries are left out.
        roles: all roles of the run. An object whose keys are all roles has one entry per role.
    """
    if isinstance(found, dict):
        by_role = set(found) <= set(roles)
        left = {key: value for key, value in found.items() if not (by_role and key == role)}
        return {key: _without(value, role, roles) for key, value in left.items()}
    if isinstance(found, list):
        return [
            _without(entry, role, roles)
            for entry in found
            if not (isinstance(entry, dict) and entry.get("role") == role)
        ]
    return found
