"""Run one trial, and print what was tried and what passed in Markdown."""

import argparse
import sys
from importlib import import_module
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.stress", description=__doc__)
    trials = parser.add_subparsers(dest="trial", required=True)
    kill = trials.add_parser("kill", help="kill -9 a run at random moments and let it go on")
    kill.add_argument("--times", type=int, default=50, help="kills in all (%(default)s)")
    kill.add_argument("--seed", type=int, default=0, help="of the moments (%(default)s)")
    load = trials.add_parser("load", help="many sessions at once on one dashboard")
    load.add_argument("--sessions", type=int, default=50, help="(%(default)s)")
    load.add_argument("--seconds", type=int, default=180, help="(%(default)s)")
    load.add_argument(
        "--think", type=float, default=20, help="seconds to a session's next question (%(default)s)"
    )
    load.add_argument("--cache", type=Path, help="folder of runs; by default the one that ships")
    fuzz = trials.add_parser("fuzz", help="atheris on the readers of run.json and of tables")
    fuzz.add_argument("--seconds", type=int, default=60, help="(%(default)s)")
    fuzz.add_argument(
        "--reader",
        choices=["record", "values", "predictions"],
        default="record",
        help="run.json's bytes, values in it, or a table's bytes",
    )
    batches = trials.add_parser("batches", help="what a headline's neighbours do to its answer")
    batches.add_argument("name", metavar="RUN")
    batches.add_argument("roles", metavar="ROLE", nargs="+")
    batches.add_argument("--batches", type=int, default=120, help="(%(default)s)")
    serve = trials.add_parser("serve", help="many clients at once on one server of models")
    serve.add_argument("--clients", type=int, default=64, help="(%(default)s)")
    serve.add_argument("--seconds", type=int, default=60, help="(%(default)s)")
    serve.add_argument("--size", type=int, default=1, help="texts in a request (%(default)s)")
    serve.add_argument("--model", default="tiny-int4", help="(%(default)s)")
    serve.add_argument(
        "--data", type=Path, help="folder whose test rows are asked; by default headlines are"
    )
    serve.add_argument("--cache", type=Path, help="folder of runs; by default the one that ships")
    options = vars(parser.parse_args())
    return import_module(f"tests.stress.{options.pop('trial')}").run(**options)


if __name__ == "__main__":
    sys.exit(main())
