"""python -m pipeline run | status | predict | classify | verify | recommend | report | bench"""

import argparse
import contextlib
import errno
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pipeline import processes
from pipeline.analysis.budget import MARGIN
from pipeline.errors import PipelineError, one_line
from pipeline.recipes.families import FAMILIES
from pipeline.recipes.roles import BASELINE
from pipeline.results.storage import CACHE, check_name, list_runs
from pipeline.runs import plan

FAILED, USAGE, INTERRUPTED = 1, 2, 130


def parser() -> argparse.ArgumentParser:
    """The command line."""
    main = argparse.ArgumentParser(
        prog="python -m pipeline",
        description="Fine-tune, distil, quantize, measure and serve news classifiers on AG News.",
    )
    verbs = main.add_subparsers(dest="verb", required=True, metavar="VERB")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--cache", type=Path, default=CACHE, metavar="DIR", help="folder of all runs (%(default)s)"
    )
    data_sets = argparse.ArgumentParser(add_help=False)
    data_sets.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder with train.csv and test.csv; by default AG News comes from the Hub",
    )

    run = verbs.add_parser("run", parents=[common, data_sets], help="make a family's models")
    run.set_defaults(act=run_family)
    run.add_argument("--family", required=True, choices=FAMILIES, help="which family")
    run.add_argument(
        "--checkpoints",
        type=Path,
        metavar="DIR",
        help="look for pretrained checkpoints in DIR/<org>/<name> before the Hub",
    )
    run.add_argument(
        "--train-rows", type=int, metavar="N", help="use N training rows, validation included"
    )
    run.add_argument(
        "--only", nargs="+", metavar="ROLE", help="only these roles and what they derive from"
    )
    run.add_argument(
        "--no-teacher",
        action="store_true",
        help=f"train the students on labels alone, as roles <student>{BASELINE}, for comparison",
    )
    run.add_argument(
        "--measure-again",
        action="store_true",
        help="time the models anew: on another machine, or where others were using this one",
    )
    run.add_argument(
        "--pretrained-layers",
        action="store_true",
        help="students that keep the teacher's layers take them as pretrained, not as fine-tuned",
    )
    run.add_argument("--run", metavar="NAME", help="name of the run (family, and rows if fewer)")
    run.add_argument(
        "--work",
        type=Path,
        metavar="DIR",
        help="folder for weights and checkpoints (.work in the cache folder)",
    )

    status = verbs.add_parser("status", parents=[common], help="what is done, stale or missing")
    status.set_defaults(act=show_status)
    status.add_argument("--json", action="store_true", help="as JSON, for programs")

    predict = verbs.add_parser("predict", parents=[common], help="classify headlines")
    predict.set_defaults(act=predict_headlines)
    predict.add_argument("headlines", nargs="*", help="by default, lines of standard input")
    predict.add_argument("--run", metavar="NAME", help="only models of this run")
    predict.add_argument("--model", nargs="+", metavar="ROLE", help="only these models")

    classify = verbs.add_parser(
        "classify", parents=[common], help="classify a file of headlines, however long"
    )
    classify.set_defaults(act=classify_file)
    classify.add_argument("source", type=Path, metavar="IN", help="a .csv, .txt or .parquet file")
    classify.add_argument("target", type=Path, metavar="OUT.parquet", help="row, label, p0, p1, …")
    classify.add_argument("--model", required=True, metavar="ROLE", help="which model")
    classify.add_argument("--run", metavar="NAME", help="of which run, if several have it")
    classify.add_argument(
        "--column", metavar="NAME", help="that holds the headlines (found by its name)"
    )

    verify = verbs.add_parser("verify", parents=[common, data_sets], help="check what is stored")
    verify.set_defaults(act=verify_runs)
    verify.add_argument("run", nargs="?", metavar="RUN", help="by default every run")

    timings = verbs.add_parser("bench", parents=[common, data_sets], help="how fast, against what")
    timings.set_defaults(act=run_bench)
    timings.add_argument("run", metavar="RUN", help="name of the run")
    timings.add_argument(
        "--work", type=Path, metavar="DIR", help="folder of the run's weights, for PyTorch's times"
    )
    timings.add_argument("--turns", type=int, default=21, metavar="N", help="(%(default)s)")
    timings.add_argument(
        "--rows",
        type=int,
        nargs="*",
        default=[1_000, 10_000],
        metavar="N",
        help="sizes of the files that are classified (1000 10000)",
    )
    timings.add_argument(
        "--train-rows", type=int, metavar="N", help="time training instead, on N training rows"
    )
    timings.add_argument(
        "--evaluation-rows",
        type=int,
        metavar="N",
        help="time the evaluation of every model at hand instead, on N rows",
    )
    timings.add_argument("--checkpoints", type=Path, metavar="DIR", help="as for run, for training")

    recommend = verbs.add_parser(
        "recommend", parents=[common], help="which model of a run to deploy, and why"
    )
    recommend.set_defaults(act=print_recommendation)
    recommend.add_argument("run", metavar="RUN", help="name of the run")
    recommend.add_argument("--max-mb", type=float, metavar="N", help="size, at most")
    recommend.add_argument(
        "--max-ms", type=float, metavar="N", help="median time of one headline, at most"
    )
    recommend.add_argument(
        "--min-accuracy", type=float, metavar="A", help="accuracy on test, at least, in percent"
    )
    recommend.add_argument(
        "--margin",
        type=float,
        default=100 * MARGIN,
        metavar="M",
        help="how many points less accurate than the reference it may be (%(default)g)",
    )
    recommend.add_argument(
        "--json", action="store_true", help="as JSON, for programs; differences in 0..1"
    )

    report = verbs.add_parser("report", parents=[common], help="a run's results, in Markdown")
    report.set_defaults(act=print_report)
    report.add_argument("run", metavar="RUN", help="name of the run")
    other = report.add_mutually_exclusive_group()
    other.add_argument(
        "--ablation", action="store_true", help="what each way of teaching adds to a student"
    )
    other.add_argument("--speed", action="store_true", help="the times that bench took")
    return main


def run_family(options: argparse.Namespace) -> int:
    """Make a family's models and write them into the cache."""
    family = FAMILIES[options.family]
    asked = plan.roles_asked_for(family, options.only, options.no_teacher)
    name = options.run or family.name + (f"-{options.train_rows}" if options.train_rows else "")
    check_name(name, "--run")
    work = options.work or options.cache / ".work"
    work.mkdir(parents=True, exist_ok=True)

    from pipeline.data import data_sets
    from pipeline.runs import execution

    corpus = data_sets.load(options.data, options.train_rows, toy=family.toy)
    checkpoints = options.checkpoints
    if family.toy:
        from pipeline.models import toy_checkpoints

        checkpoints = work / "toy-checkpoints"
        if processes.is_first():
            toy_checkpoints.make_checkpoints(checkpoints, corpus.train.texts)
        processes.wait_for_all()
    run = execution.run(
        family,
        corpus,
        asked,
        name=name,
        cache=options.cache,
        work=work,
        checkpoints=checkpoints,
        command=_portable(options),
        pretrained_layers=options.pretrained_layers,
        measure_again=options.measure_again,
    )
    if run is None:  # of several processes, one that only helped to train
        return 0
    print(summary(run.table()))
    print(f"\n{run.folder} is whole; streamlit run dashboard.py shows it")
    return 0


def _portable(options: argparse.Namespace) -> str:
    """The command that makes the run anew, whole and on any machine: folders are placeholders."""
    command = f"python -m pipeline run --family {options.family}"
    if options.train_rows:
        command += f" --train-rows {options.train_rows}"
    for flag in ("data", "checkpoints"):
        command += f" --{flag} DIR" if getattr(options, flag) else ""
    command += " --pretrained-layers" if options.pretrained_layers else ""
    return command + (f" --run {options.run}" if options.run else "")


def summary(table: pd.DataFrame) -> str:
    """The figures of a run's models, to read in a terminal."""
    columns = ["role", "accuracy", "macro_f1", "size_mb", "p50_ms", "rows_per_second"]
    return table[columns].to_string(index=False, float_format="{:.4g}".format)


def show_status(options: argparse.Namespace) -> int:
    """Print the state of every role of every run."""
    runs, problems = list_runs(options.cache)
    rows = []
    for run in runs:
        family = FAMILIES.get(run.record.family)
        roles = [model.role for model in family.models] if family else []
        roles += [role for role in run.by_role if role not in roles]
        for role in roles:
            record = run.by_role.get(role)
            artifact = run.artifact(role) if record else None
            rows.append(
                {
                    "run": run.name,
                    "family": run.record.family,
                    "role": role,
                    "state": plan.state(family, run, role) if family else "stale",
                    "accuracy": record and record.metrics["accuracy"],
                    "size_mb": record and record.size_bytes / 1e6,
                    "p50_ms": record and record.cost["p50_ms"],
                    "artifact": artifact and _from_repository(artifact),
                }
            )
    for problem in problems:
        print(f"warning: {problem}", file=sys.stderr)
    if options.json:
        print(json.dumps(rows, indent=1))
    elif rows:
        print(pd.DataFrame(rows).to_string(index=False, na_rep="-", float_format="{:.4g}".format))
    else:
        print("no runs yet; python -m pipeline run --family toy makes one in two minutes")
    return FAILED if problems else 0


def _from_repository(path: Path) -> str:
    """A path relative to the repository, or absolute where it lies elsewhere."""
    path, repository = path.resolve(), CACHE.parent
    return str(path.relative_to(repository) if path.is_relative_to(repository) else path)


def predict_headlines(options: argparse.Namespace) -> int:
    """Classify headlines with every model that has its artifact at hand."""
    from pipeline.inference import encoders
    from pipeline.inference.classifier import Classifier

    headlines = options.headlines or [line.rstrip("\n") for line in sys.stdin]
    texts = [text for text in headlines if text.strip()]
    if len(texts) < len(headlines):
        left_out = len(headlines) - len(texts)
        print(f"note: {left_out} blank lines are left out", file=sys.stderr)
    if not texts:
        raise PipelineError('nothing to classify; give headlines: predict "headline" …')
    asked = [
        (run, role, folder)
        for run in _named_runs(options.cache, options.run)
        for role in run.by_role
        if (folder := run.artifact(role)) and role in (options.model or run.by_role)
    ]
    if not asked:
        raise PipelineError(
            "no such model has its artifact at hand; python -m pipeline status lists them"
        )
    for run, role, folder in asked:
        encoders.check_labels(folder, role, run.labels)
    answers = [Classifier(folder).predict_proba(texts) for _, _, folder in asked]
    table = pd.DataFrame(
        {
            "headline": text if len(text) <= 60 else text[:59] + "…",
            "run": run.name,
            "model": role,
            "label": run.labels[probabilities[number].argmax()],
            "probability": probabilities[number].max(),
        }
        for number, text in enumerate(texts)
        for (run, role, _), probabilities in zip(asked, answers, strict=True)
    )
    print(table.to_string(index=False, float_format="{:.3f}".format))
    return 0


def classify_file(options: argparse.Namespace) -> int:
    """Classify a file of headlines with one model, in constant memory."""
    from tqdm import tqdm

    from pipeline.inference import large_files
    from pipeline.inference.classifier import available_threads

    folder = _one_artifact(options.cache, options.run, options.model)
    with tqdm(unit="headline", unit_scale=True, disable=None) as bar:
        rows = large_files.classify(
            options.source,
            options.target,
            folder,
            column=options.column,
            workers=available_threads(),
            progress=bar.update,
        )
    print(f"{options.target} holds the answers to {rows:,} headlines")
    return 0


def _one_artifact(cache: Path, name: str | None, role: str) -> Path:
    """The artifact of that role in the run of that name, or in the only run that has it."""
    from pipeline.inference import encoders

    found = {
        run.name: (run, folder)
        for run in _named_runs(cache, name)
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


def verify_runs(options: argparse.Namespace) -> int:
    """Check checksums, metrics and, where artifact and data are at hand, the predictions."""
    from pipeline.evaluation import verification

    failures = 0
    for run in _named_runs(options.cache, options.run):
        for line, passed in verification.verify(run, options.data):
            print(f"{'ok  ' if passed else 'FAIL'} {run.name}: {line}", flush=True)
            failures += not passed
    print(f"{failures} failures" if failures else "everything agrees")
    return FAILED if failures else 0


def run_bench(options: argparse.Namespace) -> int:
    """Time a run's models against their peers; into the run, and as the README's tables."""
    from pipeline.bench import timings
    from pipeline.results import report

    counts = [*options.rows, options.train_rows or 1, options.evaluation_rows or 1]
    if options.turns < 2 or min(counts) < 1:
        raise PipelineError("--turns takes 2 or more, the numbers of rows are from 1 on")
    (run,) = _named_runs(options.cache, options.run)
    work = options.work or options.cache / ".work"
    corpus = None
    if options.data or options.train_rows:
        from pipeline.data import data_sets

        corpus = data_sets.load(options.data, toy=run.record.toy)
    texts = corpus.validation.texts if corpus else None
    if options.train_rows:
        result = timings.time_training(run, corpus, options.checkpoints, options.train_rows)
    elif options.evaluation_rows:
        result = timings.time_evaluation(run, texts, options.evaluation_rows, options.turns)
    else:
        result = timings.bench(run, work, texts, options.turns, options.rows)
    print(report.speed(timings.store(run, result).record.bench))
    return 0


def print_recommendation(options: argparse.Namespace) -> int:
    """Print which model to deploy, and how the others compare with the reference."""
    from pipeline.analysis import recommendation
    from pipeline.analysis.budget import from_percent
    from pipeline.results import report

    (run,) = _named_runs(options.cache, options.run)
    budget = from_percent(options.max_mb, options.max_ms, options.min_accuracy, options.margin)
    found = recommendation.recommend(report.compared_models(run), budget)
    if options.json:
        print(json.dumps(recommendation.to_json(found), indent=1))
    else:
        print(recommendation.sentence(found))
        print(recommendation.in_points(found).to_string(index=False))
    return 0


def print_report(options: argparse.Namespace) -> int:
    """Print a table that the README shows."""
    from pipeline.results import conditions, report

    (run,) = _named_runs(options.cache, options.run)
    if options.speed:
        print(report.speed(run.record.bench))
    else:
        tables = [report.ablation(run)] if options.ablation else report.tables(run)
        print("\n\n".join([*tables, conditions.markdown(run.record.models)]))
    return 0


def _named_runs(cache: Path, name: str | None) -> list:
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; every failure that people can mend is one line and a non-zero exit."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    # Threads that spin while they wait take the cores from whatever else runs: two trainings side
    # by side on two cores were 30 times slower each. Read when torch is imported, which is later.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    options = parser().parse_args(arguments)
    with contextlib.suppress(ValueError):  # only the main thread may set it
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    again = "the same command goes on where it stopped"
    try:
        return options.act(options)
    except PipelineError as error:
        message = str(error)
    except KeyboardInterrupt:
        print(f"\nstopped; nothing is lost, {again}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        # torch, safetensors and pyarrow wrap a full disk each in an error of their own.
        full = getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error)
        if full:
            message = f"no space left on the disk; free some, then {again}"
        elif isinstance(error, OSError):
            message = f"{one_line(error)}; see to it, then {again}"
        else:
            raise
    print(f"error: {message}", file=sys.stderr)
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
