"""Check what is stored."""

import argparse

from pipeline.commands.common import Verbs, cache_option, data_option, form_of, named_runs
from pipeline.errors import FAILED, UsageError


def add(verbs: Verbs) -> None:
    """Add the verb to the command line."""
    options = verbs.add_parser(
        "verify", parents=[cache_option(), data_option()], help="check what is stored"
    )
    options.set_defaults(act=verify_runs)
    options.add_argument("run", nargs="?", metavar="RUN", help="by default every run")


def verify_runs(options: argparse.Namespace) -> int:
    """Check checksums, metrics and, where artifact and data are at hand, the predictions."""
    from pipeline.evaluation import verification

    form = form_of(options)
    runs = named_runs(options.cache, options.run)
    if options.data and all(run.record.toy for run in runs):
        raise UsageError("--data does not apply to toy runs, which have invented headlines")
    failures = 0
    for run in runs:
        for line, passed in verification.verify(run, options.data, form):
            print(f"{'ok  ' if passed else 'FAIL'} {run.name}: {line}", flush=True)
            failures += not passed
    print(f"{failures} failures" if failures else "everything agrees")
    return FAILED if failures else 0
