"""Classifying a file of any size, in memory that does not grow with it.

The file is read a window at a time. Each window's answers are one part, a parquet file in a hidden
folder beside the output; the same command after a kill goes on with the first part that is missing.
At the end the parts become the output, which is complete or absent.
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
"""Rows that are sorted by length together, and that a kill can lose."""
_STATE = "state.json"
_METADATA = b"classified"
"""Under which a result's metadata hold what it was made of."""


class Classified(NamedTuple):
    """What was done to a file."""

    rows: int
    without_text: int
    """Rows of these that have no text, and so no label."""


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
    """Write what a model answers to each text of ``source`` to the parquet file ``target``.

    Its columns are ``row`` (int64, from 0, in the input's order), ``label`` (the class's name) and
    ``p0`` … ``p{k-1}`` (float32); the texts are not in it. A row without text keeps its place; its
    label and probabilities are null. The file's metadata say what it was made of: see ``is_done``.

    Args:
        source: a file that ``reader`` reads.
        target: replaced if it is there.
        folder: of the model's artifact.
        form: what is known of the file; the rest is told by ``column_rules``.
        shard: which rows are classified; ``row`` counts from the file's first one on.
        workers: batches run at once, one thread each.
        window: rows in one part.
        progress: called with the number of rows just done, or found done by an earlier call.
        say: called with a line on what is read, before anything is written.

    Returns:
        Numbers of rows.

    Raises:
        PipelineError: the input can't be read, or another process writes the same output.
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
    """Whether ``target`` is what ``classify`` makes of that input, model and form."""
    try:
        said = (pq.read_schema(target).metadata or {})[_METADATA]
        return json.loads(said) == _state(source, folder, form, shard, WINDOW)
    except (OSError, ValueError, KeyError, pa.ArrowException):
        return False


def _own_rows(file: TextFile, shard: Shard) -> tuple[range, Classified]:
    """Numbers of a shard's rows, and how many they are.

    They are read once beforehand, of a text file all others too: what is wrong in the last line is
    known before hours of work, and leaves nothing behind.
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
    """Write the parts that are missing; the windows' first row has number ``first``."""
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
    """Put one file in place of ``target`` that holds every part, and drop the parts."""
    draft = parts / "whole.new"
    found = sorted(parts.glob("*.parquet"))
    schema = pq.read_schema(found[0]).with_metadata({_METADATA: json.dumps(state)})
    with pq.ParquetWriter(draft, schema, compression="zstd") as writer:
        for part in found:
            writer.write_table(pq.read_table(part).replace_schema_metadata(schema.metadata))
    draft.replace(target)
    shutil.rmtree(parts)


def _windows(texts: Iterator[str | None], size: int) -> Iterator[list[str | None]]:
    """So many texts at a time; where there is none at all, one window without any."""
    chunk = list(islice(texts, size))
    yield chunk
    while chunk := list(islice(texts, size)):
        yield chunk


def _state(source: Path, folder: Path, form: Form, shard: Shard, window: int) -> dict[str, Any]:
    """All that the answers depend on, as JSON holds it."""
    status = source.stat()
    return {
        "input": [str(source.resolve()), status.st_size, status.st_mtime_ns],
        "model": {path.name: sha256(path) for path in sorted(folder.iterdir())},
        "form": [list(form.columns), form.header],
        "shard": str(shard),
        "window": window,
    }


def _parts_folder(target: Path, state: dict[str, Any]) -> Path:
    """The folder of the parts, emptied where they are of another input, model or setting."""
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
