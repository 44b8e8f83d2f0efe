"""Which roles a command makes, and in what order."""

from collections.abc import Callable, Iterable, Mapping

from pipeline.errors import PipelineError, UsageError
from pipeline.recipes.role_names import BASELINE
from pipeline.recipes.roles import Family
from pipeline.runs.lineage import learns, made_from, members, taught_by


def roles_asked_for(family: Family, only: Iterable[str] | None, no_teacher: bool) -> list[str]:
    """The roles that a command asks for.

    Args:
        family: the family.
        only: the roles that are named; by default all of ``family.models``.
        no_teacher: return the no-teacher baselines of students instead of the students.

    Raises:
        PipelineError: a role that the family does not have, or one that has no baseline.
    """
    models = family.by_role()
    asked = list(only or (model.role for model in family.models))
    unknown = [role for role in asked if role not in models]
    if unknown:
        raise PipelineError(
            f"family {family.name} has no role {unknown[0]!r}; its roles are {', '.join(models)}"
        )
    if no_teacher:
        without = [role for role in only or [] if f"{role}{BASELINE}" not in models]
        if without:
            students = ", ".join(student.role for student in family.students())
            raise UsageError(
                f"--no-teacher does not apply to {', '.join(without)}, but to students: {students}"
            )
        asked = [f"{role}{BASELINE}" for role in asked if f"{role}{BASELINE}" in models]
    return asked


def roles_to_make(
    family: Family,
    asked: Iterable[str],
    inputs: Mapping[str, str],
    has_logits: Callable[[str], bool] = lambda role: False,
) -> list[str]:
    """The requested roles and all roles that they need, parents first.

    Args:
        family: the family.
        asked: the requested roles of the family.
        inputs: as for ``fingerprints``; they say where layers are taken from.
        has_logits: whether the logits from which a student learns are there already. Then its
            teacher is not made for them.
    """
    models = family.by_role()
    needed: set[str] = set()

    def need(role: str) -> None:
        if role in needed:
            return
        needed.add(role)
        model = models[role]
        for source in (made_from(model, inputs), *members(model)):
            if source:
                need(source)
        teacher, training = taught_by(model), learns(model)
        reads_weights = training and training.hidden_epochs
        if teacher and (reads_weights or not has_logits(role)):
            need(teacher)

    for role in asked:
        need(role)
    return [role for role in models if role in needed]
