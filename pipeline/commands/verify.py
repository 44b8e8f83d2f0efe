"""Check the results that are stored in runs."""

import argparse

from pipeline.commands.common import Verbs, asked_again, cache_option, named_runs
from pipeline.data import declarations
from pipeline.data.options import data_option
from pipeline.errors import FAILED, UsageError


def add(verbs: Verbs) -> None:
    """Add the verb to the command line."""
    options = verbs.add_parser(
        "verify", parents=[cache_option(), data_option()], help="check what is stored"
    )
    options.set_defaults(act=verify_runs)
    options.add_argument("run", nargs="?", metavar="RUN", help="by default every run")


def verify_runs(options: argparse.Namespace) -> int:
    """Check checksums, metrics and, if artifact and data are available, the predictions."""
    from pipeline.evaluation import verification

    runs = named_runs(options.cache, options.run)
    known = [declarations.of_run(run.record.data, run.record.toy) for run in runs]
    if options.data and all(data_set.learns_examples for data_set in known):
        raise UsageError(
            "--data does not apply to toy runs on the invented headlines, which the program has"
        )
    failures = 0
    for run in runs:
        for line, passed in verification.verify(run, asked_again(run, options)):
            print(f"{'ok  ' if passed else 'FAIL'} {run.name}: {line}", flush=True)
            failures += not passed
    print(f"{failures} failures" if failures else "everything agrees")
    return FAILED if failures else 0
