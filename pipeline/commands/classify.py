"""Classify a file of texts of any length, or a folder of such files."""

import argparse
from pathlib import Path

from pipeline.commands.common import Verbs, cache_option, one_artifact
from pipeline.data.options import form_of, form_options


def add(verbs: Verbs) -> None:
    """Add the verb to the command line."""
    options = verbs.add_parser(
        "classify",
        parents=[cache_option(), form_options()],
        help="classify a file of texts, however long",
    )
    options.set_defaults(act=classify_file)
    options.add_argument(
        "source",
        type=Path,
        metavar="IN",
        help="a .csv, .tsv, .txt, .jsonl, .json or .parquet file, or one of these as .gz, "
        "or a folder of them",
    )
    options.add_argument(
        "target",
        type=Path,
        metavar="OUT.parquet",
        help="row, label, p0, p1, …; of a folder, a folder with such a file for each",
    )
    options.add_argument("--model", required=True, metavar="ROLE", help="which model")
    options.add_argument(
        "--run",
        metavar="NAME",
        help="of which run (the first that has it, AG News's before others)",
    )
    options.add_argument(
        "--shard",
        metavar="I/N",
        help="only the I-th of N parts, for N machines: files of a folder, or rows of a file, "
        "written to OUT-0000I-of-0000N.parquet",
    )


def classify_file(options: argparse.Namespace) -> int:
    """Classify a file or a folder of texts with one model, in constant memory."""
    from tqdm import tqdm

    from pipeline import progress
    from pipeline.hardware import available_threads
    from pipeline.inference import folders, large_files, shards

    shard = shards.parse(options.shard) if options.shard else shards.WHOLE
    folder = one_artifact(options.cache, options.run, options.model)
    source, target = options.source, options.target
    with tqdm(unit="text", unit_scale=True, disable=None) as bar:
        if source.is_dir():
            done = folders.classify(
                source,
                target,
                folder,
                form=form_of(options),
                shard=shard,
                workers=available_threads(),
                progress=bar.update,
                say=progress.say,
            )
        else:
            target = shards.target_of(target, shard)
            done = {
                target.name: large_files.classify(
                    source,
                    target,
                    folder,
                    form=form_of(options),
                    shard=shard,
                    workers=available_threads(),
                    progress=bar.update,
                    say=lambda line: progress.say(f"{source}: {line}"),
                )
            }
    rows = sum(one.rows for one in done.values())
    without = sum(one.without_text for one in done.values())
    more = f"; {without:,} rows without text have none" if without else ""
    print(f"{target} holds the answers to {rows:,} texts{more}")
    return 0
