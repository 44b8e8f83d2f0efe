"""Which model of a run to deploy, and why."""

import argparse
import json

from pipeline.analysis.budget import MARGIN
from pipeline.commands.common import Verbs, cache_option, named_run


def add(verbs: Verbs) -> None:
    """Add the verb to the command line."""
    options = verbs.add_parser(
        "recommend", parents=[cache_option()], help="which model of a run to deploy, and why"
    )
    options.set_defaults(act=print_recommendation)
    options.add_argument("run", metavar="RUN", help="name of the run")
    options.add_argument("--max-mb", type=float, metavar="N", help="size, at most")
    options.add_argument(
        "--max-ms", type=float, metavar="N", help="median time of one headline, at most"
    )
    options.add_argument(
        "--min-accuracy", type=float, metavar="A", help="accuracy on test, at least, in percent"
    )
    options.add_argument(
        "--margin",
        type=float,
        default=100 * MARGIN,
        metavar="M",
        help="how many points less accurate than the reference it may be (%(default)g)",
    )
    options.add_argument(
        "--joined", action="store_true", help="let models that were trained elsewhere take part"
    )
    options.add_argument(
        "--json", action="store_true", help="as JSON, for programs; differences in 0..1"
    )


def print_recommendation(options: argparse.Namespace) -> int:
    """Print which model to deploy, and how the others compare with the reference."""
    from pipeline.analysis import recommendation
    from pipeline.analysis.budget import from_percent
    from pipeline.results import report

    run = named_run(options.cache, options.run)
    budget = from_percent(options.max_mb, options.max_ms, options.min_accuracy, options.margin)
    found = recommendation.recommend(report.compared_models(run, options.joined), budget)
    if options.json:
        print(json.dumps(recommendation.to_json(found), indent=1))
    else:
        print(recommendation.sentence(found))
        print(recommendation.in_points(found).to_string(index=False))
    return 0
