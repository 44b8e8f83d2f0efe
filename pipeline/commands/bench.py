"""Time a run's models and their peers."""

import argparse
from dataclasses import replace
from pathlib import Path

from pipeline.commands.common import (
    Verbs,
    asked_again,
    cache_option,
    named_run,
    toy_checkpoints,
    work_folder,
    work_option,
)
from pipeline.data.options import data_option
from pipeline.errors import PipelineError, UsageError
from pipeline.options import given, several

_TURNS = 21
_ROWS = (1_000, 10_000)


def add(verbs: Verbs) -> None:
    """Add the verb to the command line."""
    options = verbs.add_parser(
        "bench",
        parents=[cache_option(), data_option(), work_option("of the run's weights, for PyTorch")],
        help="how fast, against what",
    )
    options.set_defaults(act=run_bench)
    options.add_argument("run", metavar="RUN", help="name of the run")
    several(options, "--model", metavar="ROLE", help="only these models (all that are installed)")
    options.add_argument("--turns", type=int, metavar="N", help=f"({_TURNS}) not of training")
    several(
        options,
        "--rows",
        type=int,
        least="*",
        metavar="N",
        help=f"sizes of the files that are classified ({' '.join(map(str, _ROWS))})",
    )
    instead = options.add_mutually_exclusive_group()
    instead.add_argument(
        "--train-rows", type=int, metavar="N", help="time training instead, on N training rows"
    )
    instead.add_argument(
        "--evaluation-rows",
        type=int,
        metavar="N",
        help="time the evaluation of every installed model instead, on N rows",
    )
    options.add_argument(
        "--checkpoints",
        type=Path,
        metavar="DIR",
        help="as for run; networks without weights in --work are timed untrained",
    )


def run_bench(options: argparse.Namespace) -> int:
    """Time a run's models against their peers, or its training or evaluation.

    Store the times in the run, and print them as the tables that the README shows.
    """
    from pipeline.bench import timings
    from pipeline.bench.contestants import contestants, without_weights
    from pipeline.bench.untrained import untrained_networks
    from pipeline.results import speed

    turns = _TURNS if options.turns is None else options.turns
    sizes = list(_ROWS) if options.rows is None else options.rows
    numbers = (options.train_rows, options.evaluation_rows)
    if turns < 2 or min([1, *sizes, *(number for number in numbers if number is not None)]) < 1:
        raise PipelineError("--turns takes 2 or more, the numbers of rows are from 1 on")
    _check_flags(options)
    run = named_run(options.cache, options.run)
    asked = asked_again(run, options)
    own = asked.data_set is not None and asked.data_set.learns_examples
    has = {"checkpoints": None} | ({"data": None} if own else {})
    if run.record.toy and (ignored := given(options, **has)):
        raise UsageError(
            f"{run.name} is a toy run, which has that of its own: leave {ignored[0]} out"
        )
    work = work_folder(options)
    corpus = None
    if options.data or options.train_rows:
        from pipeline.data import loading

        corpus = loading.load(replace(asked, again=None))
    texts = corpus.validation.texts if corpus else None
    if corpus and options.train_rows:
        checkpoints = options.checkpoints
        if run.record.toy:
            checkpoints = toy_checkpoints(work, corpus)
        result = timings.time_training(run, corpus, checkpoints, options.train_rows)
    elif options.evaluation_rows:
        result = timings.time_evaluation(run, texts, options.evaluation_rows, turns)
    else:
        lacking = without_weights(run, work)
        with untrained_networks(run, lacking, options.checkpoints) as untrained:
            people, missing = contestants(run, work, options.model, untrained)
            result = timings.bench(run, people, missing, texts, turns, sizes)
    print(speed.markdown(timings.store(run, result).record.bench))
    return 0


def _check_flags(options: argparse.Namespace) -> None:
    """Raise a UsageError if a flag does not apply to what is timed."""
    if options.train_rows is not None:
        timed, ignored = (
            "--train-rows",
            given(options, model=None, turns=None, rows=None, work=None),
        )
    elif options.evaluation_rows is not None:
        timed = "--evaluation-rows"
        ignored = given(options, model=None, rows=None, work=None, checkpoints=None)
    else:
        return
    if ignored:
        raise UsageError(f"{ignored[0]} does not apply to {timed}")
