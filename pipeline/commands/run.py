"""Make a family's models."""

import argparse
import shlex
from dataclasses import replace
from pathlib import Path

import pandas as pd

from pipeline.commands.common import Verbs, cache_option, toy_checkpoints, work_folder, work_option
from pipeline.data import labels, loading
from pipeline.data.declarations import AGNEWS, DECLARED, TOY, DataSet
from pipeline.data.options import asked_of, data_option
from pipeline.errors import UsageError
from pipeline.options import several
from pipeline.recipes.families import FAMILIES
from pipeline.recipes.role_names import BASELINE
from pipeline.recipes.roles import Family
from pipeline.results.storage import check_name
from pipeline.runs import lineage, plan


def add(verbs: Verbs) -> None:
    """Add the verb to the command line."""
    options = verbs.add_parser(
        "run",
        parents=[cache_option(), data_option(), work_option("for weights and checkpoints")],
        help="make a family's models",
    )
    options.set_defaults(act=run_family)
    options.add_argument("--family", required=True, choices=FAMILIES, help="which family")
    options.add_argument(
        "--dataset",
        choices=DECLARED,
        help="a data set that is declared; with --data, which says where its files are (without "
        "--data agnews, for family toy toy; with it, what the files tell)",
    )
    options.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="class names in the order of the numbers: a JSON list, or a text file, one a line",
    )
    options.add_argument(
        "--checkpoints",
        type=Path,
        metavar="DIR",
        help="look for pretrained checkpoints in DIR/<org>/<name> before the Hub",
    )
    options.add_argument(
        "--train-rows", type=int, metavar="N", help="use N training rows, validation included"
    )
    several(options, "--only", metavar="ROLE", help="only these roles and what they derive from")
    options.add_argument(
        "--no-teacher",
        action="store_true",
        help=f"train the students on labels alone, as roles <student>{BASELINE}, for comparison",
    )
    options.add_argument(
        "--measure-again",
        action="store_true",
        help="time the models again: on another machine, or if this one was busy",
    )
    options.add_argument(
        "--train-only",
        action="store_true",
        help="stop once the models are trained: on a machine with a GPU, from which --work is "
        "copied to the one that evaluates them",
    )
    options.add_argument(
        "--pretrained-layers",
        action="store_true",
        help="students that keep the teacher's layers take them as pretrained, not as fine-tuned",
    )
    options.add_argument(
        "--run",
        metavar="NAME",
        help="name of the run (by default made of the data set, the family, and the rows if fewer)",
    )


def run_family(options: argparse.Namespace) -> int:
    """Make a family's models and write them into the cache."""
    family = FAMILIES[options.family]
    asked = plan.roles_asked_for(family, options.only, options.no_teacher)
    _check_flags(options, family, asked)
    data_set, said = _data_set(options, family), asked_of(options)
    if options.labels:
        said = replace(said, labels=labels.read_names(options.labels))
    check_name(options.run or _default_name(options, family, data_set), "--run")
    work = work_folder(options)
    work.mkdir(parents=True, exist_ok=True)

    from pipeline import progress
    from pipeline.data import remarks
    from pipeline.runs import execution

    data = replace(said, data_set=data_set, train_rows=options.train_rows, family=family)
    corpus = loading.load(data, progress.say)
    for line in remarks.remarks(corpus):
        progress.say(f"warning: {line}")
    checkpoints = toy_checkpoints(work, corpus) if family.toy else options.checkpoints
    request = execution.Request(
        options.run or _default_name(options, family, corpus.data_set),
        _portable(options),
        asked,
        options.pretrained_layers,
        options.measure_again,
        options.train_only,
    )
    folders = execution.Folders(options.cache, work, checkpoints)
    run = execution.run(family, corpus, request, folders)
    if run is None:  # only trained, or helped another process to train
        return 0
    print(summary(run.table()))
    print(f"\n{run.folder} is whole; streamlit run dashboard.py shows it")
    return 0


def _check_flags(options: argparse.Namespace, family: Family, asked: list[str]) -> None:
    """Raise a UsageError if a flag does not apply to the family, the roles or the data."""
    if family.toy and options.checkpoints:
        raise UsageError(
            f"--checkpoints does not apply to family {family.name}, which has small random "
            "checkpoints of its own"
        )
    if options.train_only and options.measure_again:
        raise UsageError("--measure-again does not apply with --train-only, which measures nothing")
    if options.labels and not options.data:
        raise UsageError("--labels is about the files of --data; without it there are none")
    if options.data and options.dataset == TOY.name:
        raise UsageError("--data does not apply to --dataset toy, whose texts the program has")
    if options.labels and options.dataset and DECLARED[options.dataset].labels:
        raise UsageError(f"--labels does not apply to --dataset {options.dataset}, which has them")
    if options.checkpoints and not lineage.checkpoints(family, asked, {}):
        raise UsageError(f"--checkpoints does not apply: {', '.join(asked)} starts from none")
    if options.pretrained_layers and not lineage.keep_parents_layers(family, asked):
        raise UsageError(
            f"--pretrained-layers does not apply: none of {', '.join(asked)} keeps layers of its "
            "teacher"
        )


def _data_set(options: argparse.Namespace, family: Family) -> DataSet | None:
    """The declared data set that the command line means; None: the files decide."""
    if options.dataset:
        return DECLARED[options.dataset]
    if options.data:
        return None
    return TOY if family.toy else AGNEWS


def _default_name(options: argparse.Namespace, family: Family, data_set: DataSet | None) -> str:
    """The default name of a run: data set, family and training rows, joined with hyphens.

    The data set is left out if it is the family's default one, the rows if there is no limit.

    Args:
        options: the parsed command line.
        family: the family.
        data_set: the data set; None: not known yet, so the name of its source is used.
    """
    named = data_set.name if data_set else loading.short_name(options.data)
    own = TOY if family.toy else AGNEWS
    parts = [family.name] if data_set is own else [named, family.name]
    return "-".join([*parts, *([str(options.train_rows)] if options.train_rows else [])])


def _portable(options: argparse.Namespace) -> str:
    """The command that makes the whole run again on any machine; paths are placeholders."""
    command = f"python -m pipeline run --family {options.family}"
    command += f" --dataset {options.dataset}" if options.dataset else ""
    if options.train_rows:
        command += f" --train-rows {options.train_rows}"
    if options.data:
        path = Path(options.data).expanduser()
        place = "DIR" if path.is_dir() else "FILE" if path.exists() else options.data
        command += f" --data {place}"
    command += " --checkpoints DIR" if options.checkpoints else ""
    if options.column:
        command += f" --text {shlex.join(options.column)}"
    command += f" --label {shlex.quote(options.label)}" if options.label else ""
    for flag in ("labels", "test"):
        command += f" --{flag} FILE" if getattr(options, flag) else ""
    if options.header is not None:
        command += " --header" if options.header else " --no-header"
    command += " --pretrained-layers" if options.pretrained_layers else ""
    return command + (f" --run {options.run}" if options.run else "")


def summary(table: pd.DataFrame) -> str:
    """The figures of a run's models, as a table for a terminal."""
    columns = ["role", "accuracy", "macro_f1", "size_mb", "p50_ms", "rows_per_second"]
    return table[columns].to_string(index=False, float_format="{:.4g}".format)
