"""Classify a file of headlines, however long."""

import argparse
from pathlib import Path

from pipeline.commands.common import Verbs, cache_option, one_artifact


def add(verbs: Verbs) -> None:
    """Add the verb to the command line."""
    options = verbs.add_parser(
        "classify", parents=[cache_option()], help="classify a file of headlines, however long"
    )
    options.set_defaults(act=classify_file)
    options.add_argument("source", type=Path, metavar="IN", help="a .csv, .txt or .parquet file")
    options.add_argument("target", type=Path, metavar="OUT.parquet", help="row, label, p0, p1, …")
    options.add_argument("--model", required=True, metavar="ROLE", help="which model")
    options.add_argument("--run", metavar="NAME", help="of which run, if several have it")
    options.add_argument(
        "--column", metavar="NAME", help="that holds the headlines (found by its name)"
    )


def classify_file(options: argparse.Namespace) -> int:
    """Classify a file of headlines with one model, in constant memory."""
    from tqdm import tqdm

    from pipeline.inference import large_files
    from pipeline.inference.graph import available_threads

    folder = one_artifact(options.cache, options.run, options.model)
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
