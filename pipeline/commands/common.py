"""What several verbs share: options, exit codes, and finding a run or an artifact by its name."""

import argparse
import sys
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.results.storage import CACHE, Run, check_name, list_runs

FAILED, USAGE, INTERRUPTED = 1, 2, 130

Verbs = argparse._SubParsersAction


def cache_option() -> argparse.ArgumentParser:
    """``--cache``, which every verb has."""
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument(
        "--cache", type=Path, default=CACHE, metavar="DIR", help="folder of all runs (%(default)s)"
    )
    return options


def data_option() -> argparse.ArgumentParser:
    """``--data``, of the verbs that read a data set."""
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder with train.csv and test.csv; by default AG News comes from the Hub",
    )
    return options


def named_runs(cache: Path, name: str | None) -> list[Run]:
    """The run of that name, or all; a PipelineError where it, or any of all, is not whole."""
    runs, problems = list_runs(cache)
    if name is not None:
        check_name(name, "run name")
        problems = [problem for problem in problems if f"{cache / name} " in problem]
        runs = [run for run in runs if run.name == name]
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    if problems:
        raise PipelineError(f"{len(problems)} of the runs in {cache} can't be trusted")
    if not runs:
        raise PipelineError(
            f"no run {name or ''} in {cache}; python -m pipeline status lists the runs"
        )
    return runs


def one_artifact(cache: Path, name: str | None, role: str) -> Path:
    """The artifact of that role in the run of that name, or in the only run that has it."""
    from pipeline.inference import encoders

    found = {
        run.name: (run, folder)
        for run in named_runs(cache, name)
        if role in run.by_role and (folder := run.artifact(role))
    }
    if not found:
        raise PipelineError(
            f"no model {role!r} has its artifact at hand; python -m pipeline status lists them"
        )
    if len(found) > 1:
        raise PipelineError(f"{role} is in several runs, name one with --run: {', '.join(found)}")
    _, (run, folder) = found.popitem()
    encoders.check_labels(folder, role, run.labels)
    return folder
