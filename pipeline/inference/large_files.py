"""Classifying a file of any size, in memory that does not grow with it.

The file is read a window at a time. Each window's answers are one part, a parquet file in a hidden
folder beside the output; the same command after a kill goes on with the first part that is missing.
At the end the parts become the output, which is complete or absent.
"""

import csv
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.class_names import probability_columns
from pipeline.data.uploads import LIKELY, csv_rows
from pipeline.errors import PipelineError, one_line
from pipeline.files import alone, sha256, write_json
from pipeline.inference.classifier import Classifier
from pipeline.inference.graph import BATCH_SIZE

WINDOW = 8192
"""Rows that are sorted by length together, and that a kill can lose."""
_STATE = "state.json"


def classify(
    source: Path,
    target: Path,
    folder: Path,
    *,
    column: str | None = None,
    workers: int = 1,
    window: int = WINDOW,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Write what a model answers to each text of ``source`` to the parquet file ``target``.

    Its columns are ``row`` (int64, from 0, in the input's order), ``label`` (the class's name) and
    ``p0`` … ``p{k-1}`` (float32); the texts are not in it.

    Args:
        source: a .csv with a header, a .txt with a text a line, or a .parquet.
        target: replaced if it is there.
        folder: of the model's artifact.
        column: of a .csv or .parquet, that holds the texts; by default the one called headline,
            text, title or sentence, or the only one.
        workers: batches run at once, one thread each.
        window: rows in one part.
        progress: called with the number of rows just done, or found done by an earlier call.

    Returns:
        Number of rows.

    Raises:
        PipelineError: the input can't be read, or another process writes the same output.
    """
    if target.suffix != ".parquet":
        raise PipelineError(f"{target} should end in .parquet, which is what is written")
    if not target.parent.is_dir():
        raise PipelineError(f"there is no folder {target.parent} to write {target.name} into")
    if not source.is_file():
        raise PipelineError(f"no file at {source}")
    if target.exists() and target.samefile(source):
        raise PipelineError(f"{target} is the input; name another file for the output")
    windows = _windows(read_texts(source, column), window)
    # Read before anything is written, so that an input which is none leaves nothing behind.
    first = next(windows, None)
    if first is None:
        raise PipelineError(f"{source} holds no text")
    lock = target.with_name(f".{target.name}.lock")
    with alone(lock, f"another process is writing {target}; wait until it ends"):
        parts = _parts_folder(source, target, folder, column, window)
        rows = _make_parts(chain([first], windows), parts, folder, workers, progress)
        _join(parts, target)
        lock.unlink(missing_ok=True)
    return rows


def _make_parts(
    windows: Iterable[list[str]],
    parts: Path,
    folder: Path,
    workers: int,
    progress: Callable[[int], None] | None,
) -> int:
    """Write the parts that are missing; gives the number of rows in all."""
    classifier = None
    rows = 0
    for number, chunk in enumerate(windows):
        part = parts / f"{number:08d}.parquet"
        if part.is_file():
            if progress:
                progress(len(chunk))
        else:
            classifier = classifier or Classifier(folder, threads=1)
            probabilities = classifier.predict_proba(chunk, BATCH_SIZE, progress, workers)
            draft = part.with_suffix(".new")
            pq.write_table(_table(rows, probabilities, classifier.labels), draft)
            draft.replace(part)
        rows += len(chunk)
    return rows


def _join(parts: Path, target: Path) -> None:
    """Put one file in place of ``target`` that holds every part, and drop the parts."""
    draft = parts / "whole.new"
    found = sorted(parts.glob("*.parquet"))
    with pq.ParquetWriter(draft, pq.read_schema(found[0]), compression="zstd") as writer:
        for part in found:
            writer.write_table(pq.read_table(part))
    draft.replace(target)
    shutil.rmtree(parts)


def read_texts(source: Path, column: str | None = None) -> Iterator[str]:
    """The texts of a .csv, .txt or .parquet file, one at a time.

    Raises:
        PipelineError: the kind of file is another, it can't be read, or has no such column.
    """
    kind = source.suffix.lower()
    if kind == ".csv":
        return _guarded(source, _csv(source, column))
    if kind == ".parquet":
        return _guarded(source, _parquet(source, column))
    if kind == ".txt":
        if column:
            raise PipelineError(f"{source} has no columns; --column is for .csv and .parquet")
        return _guarded(source, _lines(source))
    raise PipelineError(f"{source} is not a .csv, .txt or .parquet file")


def _guarded(source: Path, texts: Iterator[str]) -> Iterator[str]:
    """The same texts; what is wrong with the file becomes one line."""
    try:
        yield from texts
    except UnicodeDecodeError as error:
        raise PipelineError(f"{source} is not UTF-8; save it anew as UTF-8") from error
    except (csv.Error, pa.ArrowException) as error:
        raise PipelineError(f"{source} can't be read: {one_line(error)}") from error


def _lines(source: Path) -> Iterator[str]:
    with source.open(encoding="utf-8-sig") as file:
        for line in file:
            yield line.rstrip("\n")


def _csv(source: Path, column: str | None) -> Iterator[str]:
    with source.open(encoding="utf-8-sig", newline="") as file:
        rows = csv_rows(file)
        header = next(rows, [])
        place = header.index(_column(source, header, column))
        for row in rows:
            yield row[place]


def _parquet(source: Path, column: str | None) -> Iterator[str]:
    with pq.ParquetFile(source) as file:
        name = _column(source, file.schema_arrow.names, column)
        if not pa.types.is_string(kind := file.schema_arrow.field(name).type) and not (
            pa.types.is_large_string(kind)
        ):
            raise PipelineError(f"column {name!r} of {source} holds {kind}, not texts")
        for batch in file.iter_batches(WINDOW, columns=[name]):
            for text in batch.column(0).to_pylist():
                yield text or ""


def _column(source: Path, names: list[str], asked: str | None) -> str:
    """The name of the column that holds the texts."""
    if asked:
        if asked in names:
            return asked
        raise PipelineError(f"{source} has no column {asked!r}; it has {', '.join(names)}")
    likely = [name for wanted in LIKELY for name in names if name.lower() == wanted]
    if likely or len(names) == 1:
        return [*likely, *names][0]
    if not names:
        raise PipelineError(f"{source} is empty")
    raise PipelineError(
        f"which column of {source} holds the texts? Name it with --column: {', '.join(names)}"
    )


def _windows(texts: Iterator[str], size: int) -> Iterator[list[str]]:
    while chunk := list(islice(texts, size)):
        yield chunk


def _table(first: int, probabilities: np.ndarray, labels: list[str]) -> pa.Table:
    codes = pa.array(probabilities.argmax(axis=1).astype(np.int16))
    return pa.table(
        {
            "row": np.arange(first, first + len(probabilities)),
            "label": pa.DictionaryArray.from_arrays(codes, pa.array(labels)),
            **dict(zip(probability_columns(len(labels)), probabilities.T, strict=True)),
        }
    )


def _parts_folder(
    source: Path, target: Path, folder: Path, column: str | None, window: int
) -> Path:
    """The folder of the parts, emptied where they are of another input, model or setting."""
    parts = target.with_name(f".{target.name}.parts")
    status = source.stat()
    state = {
        "input": [str(source.resolve()), status.st_size, status.st_mtime_ns],
        "model": {path.name: sha256(path) for path in sorted(folder.iterdir())},
        "column": column,
        "window": window,
    }
    try:
        same = json.loads((parts / _STATE).read_text("utf-8")) == state
    except (OSError, ValueError):
        same = False
    if not same:
        shutil.rmtree(parts, ignore_errors=True)
        parts.mkdir()
        write_json(parts / _STATE, state)
    return parts
