"""Classify every file of a folder, or one shard of the files."""

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
    """Classify the files of the folder ``source`` into files of the folder ``target``.

    ``large_files.classify`` writes the answers to ``texts.csv`` to ``texts.csv.parquet``. A file is
    skipped if an earlier call has finished it with the same model and form. Several shards may
    write to one ``target``, because each file is in one shard only.

    Args:
        source: contains files that ``reader`` can read. Other files, hidden files and folders are
            ignored.
        target: created if it does not exist; must not be ``source``.
        folder: the folder of the model's artifact.
        form: the user's description of the form of every file.
        shard: which of the files to classify.
        workers: number of batches that run in parallel, with one thread each.
        progress: called with the number of rows that are newly done.
        say: called with a line of text about each file.

    Returns:
        The numbers of rows by input file name, only for files that this call has classified.

    Raises:
        PipelineError: the folder has no file to classify, a file can't be read, ``target`` is
            unsuitable, or another process writes the same output.
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
    """The sizes in bytes, by name, of the files of a folder that can be classified."""
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
