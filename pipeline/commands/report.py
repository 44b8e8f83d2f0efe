"""A run's results, in Markdown."""

import argparse

from pipeline.commands.common import Verbs, cache_option, named_run


def add(verbs: Verbs) -> None:
    """Add the verb to the command line."""
    options = verbs.add_parser(
        "report", parents=[cache_option()], help="a run's results, in Markdown"
    )
    options.set_defaults(act=print_report)
    options.add_argument("run", metavar="RUN", help="name of the run")
    other = options.add_mutually_exclusive_group()
    other.add_argument(
        "--ablation", action="store_true", help="what each way of teaching adds to a student"
    )
    other.add_argument("--speed", action="store_true", help="the times that bench took")


def print_report(options: argparse.Namespace) -> int:
    """Print tables that the README shows."""
    from pipeline.results import conditions, report, speed

    run = named_run(options.cache, options.run)
    if options.speed:
        print(speed.markdown(run.record.bench))
    else:
        tables = [report.ablation(run)] if options.ablation else report.tables(run)
        print("\n\n".join([*tables, conditions.markdown(run.record.models)]))
    return 0
