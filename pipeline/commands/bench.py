"""How fast, against what."""

import argparse
from pathlib import Path

from pipeline.commands.common import Verbs, cache_option, data_option, named_runs
from pipeline.errors import PipelineError


def add(verbs: Verbs) -> None:
    """Add the verb to the command line."""
    options = verbs.add_parser(
        "bench", parents=[cache_option(), data_option()], help="how fast, against what"
    )
    options.set_defaults(act=run_bench)
    options.add_argument("run", metavar="RUN", help="name of the run")
    options.add_argument(
        "--work", type=Path, metavar="DIR", help="folder of the run's weights, for PyTorch's times"
    )
    options.add_argument("--turns", type=int, default=21, metavar="N", help="(%(default)s)")
    options.add_argument(
        "--rows",
        type=int,
        nargs="*",
        default=[1_000, 10_000],
        metavar="N",
        help="sizes of the files that are classified (1000 10000)",
    )
    options.add_argument(
        "--train-rows", type=int, metavar="N", help="time training instead, on N training rows"
    )
    options.add_argument(
        "--evaluation-rows",
        type=int,
        metavar="N",
        help="time the evaluation of every model at hand instead, on N rows",
    )
    options.add_argument("--checkpoints", type=Path, metavar="DIR", help="as for run, for training")


def run_bench(options: argparse.Namespace) -> int:
    """Time a run's models against their peers; into the run, and as the README's tables."""
    from pipeline.bench import timings
    from pipeline.results import report

    counts = [*options.rows, options.train_rows or 1, options.evaluation_rows or 1]
    if options.turns < 2 or min(counts) < 1:
        raise PipelineError("--turns takes 2 or more, the numbers of rows are from 1 on")
    (run,) = named_runs(options.cache, options.run)
    work = options.work or options.cache / ".work"
    corpus = None
    if options.data or options.train_rows:
        from pipeline.data import data_sets

        corpus = data_sets.load(options.data, toy=run.record.toy)
    texts = corpus.validation.texts if corpus else None
    if options.train_rows and corpus:
        result = timings.time_training(run, corpus, options.checkpoints, options.train_rows)
    elif options.evaluation_rows:
        result = timings.time_evaluation(run, texts, options.evaluation_rows, options.turns)
    else:
        result = timings.bench(run, work, texts, options.turns, options.rows)
    print(report.speed(timings.store(run, result).record.bench))
    return 0
