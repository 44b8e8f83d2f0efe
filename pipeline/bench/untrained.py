"""Networks that stand in for trained ones, whose weights no clone has.

The time that a network takes does not depend on the values of its weights.
"""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.recipes.families import FAMILIES
from pipeline.recipes.roles import Trained
from pipeline.results.storage import Run


@contextmanager
def untrained_networks(
    run: Run, roles: Iterable[str], checkpoints: Path | None
) -> Iterator[dict[str, Path]]:
    """Folders with the networks that trainings start from, and their tokenizers, by role.

    Args:
        run: the run whose labels the new heads are for.
        roles: roles that start from a whole checkpoint.
        checkpoints: folder of the pretrained checkpoints; None: there are no networks.

    Raises:
        PipelineError: a role starts from something else, or its checkpoint can't be loaded.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folders = {role: Path(scratch, role) for role in roles} if checkpoints else {}
        for role, folder in folders.items():
            _write(run, role, checkpoints, folder)
        yield folders


def _write(run: Run, role: str, checkpoints: Path | None, folder: Path) -> None:
    """Write one network in the layout that ``networks.read`` reads."""
    from pipeline.models import networks

    family = FAMILIES.get(run.record.family)
    model = family.by_role().get(role) if family else None
    if not isinstance(model, Trained) or not model.checkpoint or model.layers or model.vocabulary:
        raise PipelineError(f"{role} of {run.name} does not start from a whole checkpoint")
    name, architecture = model.checkpoint.name, model.checkpoint.architecture
    folder.mkdir()
    networks.save(*networks.load_checkpoint(name, architecture, checkpoints, run.labels), folder)
