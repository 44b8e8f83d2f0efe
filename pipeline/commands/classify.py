"""Classify a file of headlines, however long."""

import argparse
from pathlib import Path

from pipeline.commands.common import Verbs, cache_option, one_artifact
from pipeline.data.reader import Form


def add(verbs: Verbs) -> None:
    """Add the verb to the command line."""
    options = verbs.add_parser(
        "classify", parents=[cache_option()], help="classify a file of headlines, however long"
    )
    options.set_defaults(act=classify_file)
    options.add_argument(
        "source",
        type=Path,
        metavar="IN",
        help="a .csv, .tsv, .txt, .jsonl, .json or .parquet file, or one of these as .gz",
    )
    options.add_argument("target", type=Path, metavar="OUT.parquet", help="row, label, p0, p1, …")
    options.add_argument("--model", required=True, metavar="ROLE", help="which model")
    options.add_argument("--run", metavar="NAME", help="of which run, if several have it")
    add_form(options)


def add_form(options: argparse.ArgumentParser) -> None:
    """Add the options that say of a file what it does not say itself."""
    options.add_argument(
        "--column",
        action="append",
        metavar="NAME",
        help="that holds the headlines, by name or number from 1; given again (or NAME,NAME), "
        "the columns are joined",
    )
    options.add_argument(
        "--header",
        action=argparse.BooleanOptionalAction,
        help="whether the first row names the columns (by default, as the rows tell)",
    )


def form_of(options: argparse.Namespace) -> Form:
    """What was said of the file."""
    return Form(tuple(options.column or ()), options.header)


def classify_file(options: argparse.Namespace) -> int:
    """Classify a file of headlines with one model, in constant memory."""
    from tqdm import tqdm

    from pipeline import progress
    from pipeline.hardware import available_threads
    from pipeline.inference import large_files

    folder = one_artifact(options.cache, options.run, options.model)
    with tqdm(unit="headline", unit_scale=True, disable=None) as bar:
        done = large_files.classify(
            options.source,
            options.target,
            folder,
            form=form_of(options),
            workers=available_threads(),
            progress=bar.update,
            say=lambda line: progress.say(f"{options.source}: {line}"),
        )
    more = f"; {done.without_text:,} rows without text have none" if done.without_text else ""
    print(f"{options.target} holds the answers to {done.rows:,} headlines{more}")
    return 0
