"""Make a family's models."""

import argparse
import shlex
from pathlib import Path

import pandas as pd

from pipeline.commands.common import (
    Verbs,
    cache_option,
    data_option,
    form_of,
    given,
    toy_checkpoints,
)
from pipeline.errors import UsageError
from pipeline.recipes.families import FAMILIES
from pipeline.recipes.role_names import BASELINE
from pipeline.recipes.roles import Family
from pipeline.results.storage import check_name
from pipeline.runs import plan


def add(verbs: Verbs) -> None:
    """Add the verb to the command line."""
    options = verbs.add_parser(
        "run", parents=[cache_option(), data_option()], help="make a family's models"
    )
    options.set_defaults(act=run_family)
    options.add_argument("--family", required=True, choices=FAMILIES, help="which family")
    options.add_argument(
        "--checkpoints",
        type=Path,
        metavar="DIR",
        help="look for pretrained checkpoints in DIR/<org>/<name> before the Hub",
    )
    options.add_argument(
        "--train-rows", type=int, metavar="N", help="use N training rows, validation included"
    )
    options.add_argument(
        "--only", nargs="+", metavar="ROLE", help="only these roles and what they derive from"
    )
    options.add_argument(
        "--no-teacher",
        action="store_true",
        help=f"train the students on labels alone, as roles <student>{BASELINE}, for comparison",
    )
    options.add_argument(
        "--measure-again",
        action="store_true",
        help="time the models anew: on another machine, or where others were using this one",
    )
    options.add_argument(
        "--pretrained-layers",
        action="store_true",
        help="students that keep the teacher's layers take them as pretrained, not as fine-tuned",
    )
    options.add_argument(
        "--run", metavar="NAME", help="name of the run (family, and rows if fewer)"
    )
    options.add_argument(
        "--work",
        type=Path,
        metavar="DIR",
        help="folder for weights and checkpoints (.work in the cache folder)",
    )


def run_family(options: argparse.Namespace) -> int:
    """Make a family's models and write them into the cache."""
    family = FAMILIES[options.family]
    asked = plan.roles_asked_for(family, options.only, options.no_teacher)
    _check_flags(options, family, asked)
    name = options.run or family.name + (f"-{options.train_rows}" if options.train_rows else "")
    check_name(name, "--run")
    work = options.work or options.cache / ".work"
    work.mkdir(parents=True, exist_ok=True)

    from pipeline import progress
    from pipeline.data import data_sets
    from pipeline.runs import execution

    corpus = data_sets.load(
        options.data,
        options.train_rows,
        toy=family.toy,
        form=form_of(options),
        say=progress.say,
    )
    checkpoints = toy_checkpoints(work, corpus) if family.toy else options.checkpoints
    run = execution.run(
        family,
        corpus,
        asked,
        name=name,
        cache=options.cache,
        work=work,
        checkpoints=checkpoints,
        command=_portable(options),
        pretrained_layers=options.pretrained_layers,
        measure_again=options.measure_again,
    )
    if run is None:  # of several processes, one that only helped to train
        return 0
    print(summary(run.table()))
    print(f"\n{run.folder} is whole; streamlit run dashboard.py shows it")
    return 0


def _check_flags(options: argparse.Namespace, family: Family, asked: list[str]) -> None:
    """Raise a UsageError where a flag does not apply to the family or to the roles asked for."""
    if family.toy and (ignored := given(options, data=None, checkpoints=None)):
        raise UsageError(
            f"{ignored[0]} does not apply to family {family.name}, which has invented headlines "
            "and small random checkpoints of its own"
        )
    if options.checkpoints and not plan.checkpoints(family, asked, {}):
        raise UsageError(f"--checkpoints does not apply: {', '.join(asked)} starts from none")
    if options.pretrained_layers and not plan.keep_parents_layers(family, asked):
        raise UsageError(
            f"--pretrained-layers does not apply: none of {', '.join(asked)} keeps layers of its "
            "teacher"
        )


def _portable(options: argparse.Namespace) -> str:
    """The command that makes the run anew, whole and on any machine: folders are placeholders."""
    command = f"python -m pipeline run --family {options.family}"
    if options.train_rows:
        command += f" --train-rows {options.train_rows}"
    for flag in ("data", "checkpoints"):
        command += f" --{flag} DIR" if getattr(options, flag) else ""
    command += "".join(f" --column {shlex.quote(column)}" for column in options.column or ())
    if options.header is not None:
        command += " --header" if options.header else " --no-header"
    command += " --pretrained-layers" if options.pretrained_layers else ""
    return command + (f" --run {options.run}" if options.run else "")


def summary(table: pd.DataFrame) -> str:
    """The figures of a run's models, to read in a terminal."""
    columns = ["role", "accuracy", "macro_f1", "size_mb", "p50_ms", "rows_per_second"]
    return table[columns].to_string(index=False, float_format="{:.4g}".format)
