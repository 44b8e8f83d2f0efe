"""Take a model out of a run."""

import argparse

from pipeline.commands.common import Verbs, cache_option, named_run
from pipeline.runs import removal


def add(verbs: Verbs) -> None:
    """Add the verb to the command line."""
    options = verbs.add_parser("remove", parents=[cache_option()], help="take a model out of a run")
    options.set_defaults(act=remove_model)
    options.add_argument("run", metavar="RUN", help="name of the run")
    options.add_argument("role", metavar="ROLE", help="of the model")


def remove_model(options: argparse.Namespace) -> int:
    """Take out a model's record, predictions, artifact and times."""
    run = removal.remove(named_run(options.cache, options.run), options.role)
    print(f"{options.role} is taken out of {run.name}, which has {len(run.by_role)} models left")
    return 0
