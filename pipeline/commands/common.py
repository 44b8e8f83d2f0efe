"""What several verbs share: options, and finding a run or an artifact by its name."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from pipeline.data import declarations
from pipeline.data.data_sets import Corpus
from pipeline.data.loading import Asked
from pipeline.data.options import asked_of
from pipeline.errors import PipelineError
from pipeline.results.storage import CACHE, Run, check_name, list_runs, read_run

Verbs = argparse._SubParsersAction


def cache_option() -> argparse.ArgumentParser:
    """A parent parser with ``--cache``, which every verb has."""
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument(
        "--cache", type=Path, default=CACHE, metavar="DIR", help="folder of all runs (%(default)s)"
    )
    return options


def asked_again(run: Run, options: argparse.Namespace) -> Asked:
    """A request for the data that a run was made on, from the command line's source."""
    known = declarations.of_run(run.record.data, run.record.toy)
    return replace(asked_of(options), data_set=known, again=run.record.data.rows)


def work_option(kept: str) -> argparse.ArgumentParser:
    """A parent parser with ``--work``, for the verbs that make or use weights.

    Args:
        kept: what the folder holds, for the help.
    """
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument(
        "--work", type=Path, metavar="DIR", help=f"folder {kept} (.work in the cache folder)"
    )
    return options


def work_folder(options: argparse.Namespace) -> Path:
    """The folder that ``--work`` names, or its default."""
    return options.work or options.cache / ".work"


def toy_checkpoints(work: Path, corpus: Corpus) -> Path:
    """Return the folder of the toy family's checkpoints; make them if they are missing."""
    from pipeline import processes
    from pipeline.models import toy_checkpoints

    folder = work / "toy-checkpoints"
    if not corpus.data_set.learns_examples:  # their vocabulary comes from the data
        folder = work / f"toy-checkpoints-{corpus.fingerprint[:16]}"
    if processes.is_first():
        toy_checkpoints.make_checkpoints(folder, corpus.train.texts)
    processes.wait_for_all()
    return folder


def named_runs(cache: Path, name: str | None) -> list[Run]:
    """The run with this name, or all runs if there is no name.

    Raises:
        PipelineError: there is no such run, or a run is incomplete or damaged.
    """
    if name is not None:
        return [named_run(cache, name)]
    runs, problems = list_runs(cache)
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    if problems:
        raise PipelineError(f"{len(problems)} of the runs in {cache} can't be trusted")
    if not runs:
        raise PipelineError(f"no run in {cache}; python -m pipeline run makes one")
    return runs


def named_run(cache: Path, name: str) -> Run:
    """The run with this name.

    Raises:
        PipelineError: there is no such run, or it is incomplete or damaged.
    """
    if not (cache / check_name(name, "run name")).is_dir():
        raise PipelineError(f"no run {name} in {cache}; python -m pipeline status lists the runs")
    return read_run(cache / name)


def default_run(cache: Path) -> Run:
    """The run to use if the user names none: the first one by ``RunRecord.precedence``.

    Incomplete or damaged runs are left out, with a warning on standard error.

    Raises:
        PipelineError: there is no run.
    """
    runs, problems = list_runs(cache)
    for problem in problems:
        print(f"warning: {problem}", file=sys.stderr)
    if not runs:
        raise PipelineError(f"no run in {cache}; python -m pipeline run makes one")
    return min(runs, key=lambda run: run.record.precedence)


def one_artifact(cache: Path, name: str | None, role: str) -> Path:
    """The artifact of a role in the named run, or else in the first run that has it installed.

    If others have it, too, a line on standard error says which one is used.

    Raises:
        PipelineError: the model is not installed, or has other class names than its run.
    """
    from pipeline.inference import encoders

    runs = sorted(named_runs(cache, name), key=lambda run: run.record.precedence)
    found = [(run, folder) for run in runs if (folder := run.artifacts().get(role))]
    if not found:
        raise PipelineError(f"no model {role!r} is installed; python -m pipeline status lists them")
    run, folder = found[0]
    if len(found) > 1:
        others = ", ".join(other.name for other, _ in found[1:])
        print(f"{role} of {run.name}; --run takes another run's: {others}", file=sys.stderr)
    encoders.check_labels(folder, role, run.labels)
    return folder
