"""Classifying every file of a folder, or a shard of them."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from pipeline.data import sources
from pipeline.data.reader import AS_IT_IS, Form
from pipeline.errors import PipelineError
from pipeline.inference import large_files, shards
from pipeline.inference.large_files import Classified
from pipeline.inference.shards import WHOLE, Shard


def classify(
    source: Path,
    target: Path,
    folder: Path,
    *,
    form: Form = AS_IT_IS,
    shard: Shard = WHOLE,
    workers: int = 1,
    progress: Callable[[int], object] | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Classified]:
    """Classify files of the folder ``source``, each into a file of the folder ``target``.

    ``texts.csv`` becomes ``texts.csv.parquet``, as ``large_files.classify`` writes it. A file that
    an earlier call has finished, with the same model and form, is not done again. Shards may share
    ``target``: no file is in two of them.

    Args:
        source: holds files that ``reader`` reads; others, and folders, are left alone.
        target: made if it is not there; not ``source``.
        folder: of the model's artifact.
        form: what is known of every file.
        shard: which of the files are classified.
        workers: batches run at once, one thread each.
        progress: called with the number of rows just done.
        say: called with a line on each file.

    Returns:
        By name of the input, numbers of rows; only of files that this call has classified.

    Raises:
        PipelineError: the folder has no file to classify, one of them can't be read, or another
            process writes the same output.
    """
    sizes = classifiable(source)
    if not sizes:
        kinds = ", ".join(sources.KINDS)
        raise PipelineError(f"{source} has no file to classify; there may be {kinds}")
    if target.exists() and not target.is_dir():
        raise PipelineError(f"{target} is a file; for a folder, name a folder for the output")
    target.mkdir(parents=True, exist_ok=True)
    if target.samefile(source):
        raise PipelineError(f"{target} is the input; name another folder for the output")
    classified = {}
    for name in shards.files(sizes, shard):
        path, result = source / name, target / f"{name}.parquet"
        if large_files.is_done(path, result, folder, form):
            say(f"{path}: done before")
            continue
        classified[name] = large_files.classify(
            path,
            result,
            folder,
            form=form,
            workers=workers,
            progress=progress,
            say=partial(_say_of, path, say),
        )
    return classified


def _say_of(path: Path, say: Callable[[str], None], line: str) -> None:
    say(f"{path}: {line}")


def classifiable(source: Path) -> dict[str, int]:
    """By name, bytes of the files of a folder that can be classified."""
    return {
        path.name: path.stat().st_size
        for path in source.iterdir()
        if path.is_file() and not path.name.startswith(".") and _is_readable(path.name)
    }


def _is_readable(name: str) -> bool:
    try:
        sources.kind_of(name)
    except PipelineError:
        return False
    return True
