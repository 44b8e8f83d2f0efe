"""Write a model as a folder that other programs can load."""

import argparse
from pathlib import Path

from pipeline.commands.common import Verbs, cache_option, named_run, work_folder, work_option
from pipeline.results.storage import Run


def add(verbs: Verbs) -> None:
    """Add the verb to the command line."""
    options = verbs.add_parser(
        "export",
        parents=[cache_option(), work_option("where the run's weights may be")],
        help="write a model as a folder that others load",
    )
    options.set_defaults(act=export_model)
    options.add_argument("run", metavar="RUN", help="name of the run")
    options.add_argument("role", metavar="ROLE", help="which of its models")
    options.add_argument(
        "target",
        type=Path,
        metavar="DIR",
        help="a new or empty folder, or an older export of the model",
    )


def export_model(options: argparse.Namespace) -> int:
    """Write one model in Hugging Face's layout, with a model card and a script that runs it."""
    from pipeline.deployment import export

    run = named_run(options.cache, options.run)
    weights = trained_weights(run, options.role, work_folder(options))
    folder = export.export(run, options.role, options.target, weights)
    print(f"{folder} holds {options.role}: python {folder / export.SCRIPT} TEXT asks it")
    return 0


def trained_weights(run: Run, role: str, work: Path) -> Path | None:
    """The folder of the weights behind a model's stored predictions; None if ``work`` has none."""
    from pipeline.recipes.families import FAMILIES
    from pipeline.runs import fingerprinting, stage_folders

    family, record = FAMILIES.get(run.record.family), run.by_role.get(role)
    if family is None or record is None:
        return None
    today = fingerprinting.fingerprints(family, record.inputs).get(role)
    if today is None or today.weights is None or today.evaluation != record.fingerprint:
        return None
    folder = stage_folders.folder(work, f"{family.name}-{role}-weights", today.weights)
    return folder if folder.is_dir() else None
