"""Classify a file of any size, in memory that does not grow with the file.

The file is read in windows of rows. The answers to each window are written as one part: a parquet
file in a hidden folder beside the output. After a kill, the same command continues with the first
missing part. At the end, the parts are joined into the output, which is either complete or absent.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.data import reader, sources
from pipeline.data.reader import AS_IT_IS, Form, TextFile
from pipeline.errors import PipelineError
from pipeline.files import alone, sha256, write_json
from pipeline.inference import answer_columns, shards
from pipeline.inference.classifier import Classifier
from pipeline.inference.shards import WHOLE, Shard

WINDOW = 8192
"""Number of rows that are sorted by length together. A kill loses at most one window of work."""
_STATE = "state.json"
_METADATA = b"classified"
"""The key of an output's metadata that stores what the output was made from."""


class Classified(NamedTuple):
    """How many rows of a file were classified."""

    rows: int
    without_text: int
    """How many of these rows have no text, and so no label."""


def classify(
    source: Path,
    target: Path,
    folder: Path,
    *,
    form: Form = AS_IT_IS,
    shard: Shard = WHOLE,
    workers: int = 1,
    window: int = WINDOW,
    progress: Callable[[int], object] | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Classified:
    """Write a model's answers to the texts of ``source`` to the parquet file ``target``.

    Its columns are ``row`` (int64, from 0, in the input's order), ``label`` (the class's name) and
    ``p0`` … ``p{k-1}`` (float32). It does not contain the texts. A row without text is included,
    with a null label and null probabilities. The file's metadata say what it was made from: see
    ``is_done``.

    Args:
        source: a file that ``reader`` can read.
        target: replaced if it exists.
        folder: the folder of the model's artifact.
        form: the user's description of the file's form; ``column_rules`` find out the rest.
        shard: which rows to classify; ``row`` is still counted from the file's first row.
        workers: number of batches that run in parallel, with one thread each.
        window: number of rows in one part.
        progress: called with the number of rows that are newly done, or that an earlier call did.
        say: called with a line of text about the input, before anything is written.

    Returns:
        The numbers of rows.

    Raises:
        PipelineError: the input can't be read, ``target`` is unsuitable, or another process writes
            the same output.
    """
    if target.suffix != ".parquet":
        raise PipelineError(f"{target} should end in .parquet, which is what is written")
    if not target.parent.is_dir():
        raise PipelineError(f"there is no folder {target.parent} to write {target.name} into")
    file = reader.open_texts(sources.from_path(source), form)
    if target.exists() and target.samefile(source):
        raise PipelineError(f"{target} is the input; name another file for the output")
    own, counted = _own_rows(file, shard)
    if not counted.rows and shard == WHOLE:
        raise PipelineError(f"{source} holds no text")
    summary = reader.summary(file.table, file.columns, *counted)
    numbers = f"rows {own.start:,} to {own.stop - 1:,}" if own else "no row"
    say(summary if shard == WHOLE else f"{summary}, shard {shard}: {numbers}")
    lock = target.with_name(f".{target.name}.lock")
    with alone(lock, f"another process is writing {target}; wait until it ends"):
        state = _state(source, folder, form, shard, window)
        parts = _parts_folder(target, state)
        windows = _windows(shards.texts(file, own), window)
        _make_parts(windows, own.start, parts, folder, workers, progress)
        _join(parts, target, state)
        lock.unlink(missing_ok=True)
    return counted


def is_done(
    source: Path, target: Path, folder: Path, form: Form = AS_IT_IS, shard: Shard = WHOLE
) -> bool:
    """Whether ``target`` is the finished output of ``classify`` for the same arguments."""
    try:
        said = (pq.read_schema(target).metadata or {})[_METADATA]
        return json.loads(said) == _state(source, folder, form, shard, WINDOW)
    except (OSError, ValueError, KeyError, pa.ArrowException):
        return False


def _own_rows(file: TextFile, shard: Shard) -> tuple[range, Classified]:
    """The row numbers of a shard, and how many rows it has.

    This reads the shard's rows once (in a text file, all rows) before any work starts. So an error
    in the last line is reported before hours of work, and no unfinished output is left behind.
    """
    total = file.count()[0] if file.table.rows is None else file.table.rows
    own = shards.rows(total, shard)
    if shard == WHOLE:
        return own, Classified(*file.count())
    return own, Classified(len(own), sum(text is None for text in shards.texts(file, own)))


def _make_parts(
    windows: Iterable[list[str | None]],
    first: int,
    parts: Path,
    folder: Path,
    workers: int,
    progress: Callable[[int], object] | None,
) -> None:
    """Write the missing parts. ``first`` is the row number of the first window's first row."""
    classifier = None
    rows = first
    for number, chunk in enumerate(windows):
        part = parts / f"{number:08d}.parquet"
        if part.is_file():
            if progress:
                progress(len(chunk))
        else:
            classifier = classifier or Classifier(folder, threads=1)
            columns = answer_columns.answer(classifier, chunk, progress, workers)
            if progress and None in chunk:
                progress(chunk.count(None))
            numbers = pa.array(np.arange(rows, rows + len(chunk)))
            draft = part.with_suffix(".new")
            pq.write_table(pa.table({"row": numbers, **columns}), draft)
            draft.replace(part)
        rows += len(chunk)


def _join(parts: Path, target: Path, state: dict[str, Any]) -> None:
    """Write all parts as one file to ``target``, replacing it if it exists; delete the parts."""
    draft = parts / "whole.new"
    found = sorted(parts.glob("*.parquet"))
    schema = pq.read_schema(found[0]).with_metadata({_METADATA: json.dumps(state)})
    with pq.ParquetWriter(draft, schema, compression="zstd") as writer:
        for part in found:
            writer.write_table(pq.read_table(part).replace_schema_metadata(schema.metadata))
    draft.replace(target)
    shutil.rmtree(parts)


def _windows(texts: Iterator[str | None], size: int) -> Iterator[list[str | None]]:
    """Windows of up to ``size`` texts; one empty window if there are no texts."""
    chunk = list(islice(texts, size))
    yield chunk
    while chunk := list(islice(texts, size)):
        yield chunk


def _state(source: Path, folder: Path, form: Form, shard: Shard, window: int) -> dict[str, Any]:
    """Everything that the answers depend on, as JSON values."""
    status = source.stat()
    return {
        "input": [str(source.resolve()), status.st_size, status.st_mtime_ns],
        "model": {path.name: sha256(path) for path in sorted(folder.iterdir())},
        "form": [list(form.columns), form.header],
        "shard": str(shard),
        "window": window,
    }


def _parts_folder(target: Path, state: dict[str, Any]) -> Path:
    """The folder of the parts. It is emptied if they are from another input, model or setting."""
    parts = target.with_name(f".{target.name}.parts")
    try:
        same = json.loads((parts / _STATE).read_text("utf-8")) == state
    except (OSError, ValueError):
        same = False
    if not same:
        shutil.rmtree(parts, ignore_errors=True)
        parts.mkdir()
        write_json(parts / _STATE, state)
    return parts
