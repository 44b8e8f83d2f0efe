"""Classifying a file of any size, in memory that does not grow with it.

The file is read a window at a time. Each window's answers are one part, a parquet file in a hidden
folder beside the output; the same command after a kill goes on with the first part that is missing.
At the end the parts become the output, which is complete or absent.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.class_names import probability_columns
from pipeline.data import reader, sources
from pipeline.data.reader import AS_IT_IS, Form
from pipeline.errors import PipelineError
from pipeline.files import alone, sha256, write_json
from pipeline.inference.classifier import Classifier
from pipeline.inference.graph import BATCH_SIZE

WINDOW = 8192
"""Rows that are sorted by length together, and that a kill can lose."""
_STATE = "state.json"


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
    workers: int = 1,
    window: int = WINDOW,
    progress: Callable[[int], object] | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Classified:
    """Write what a model answers to each text of ``source`` to the parquet file ``target``.

    Its columns are ``row`` (int64, from 0, in the input's order), ``label`` (the class's name) and
    ``p0`` … ``p{k-1}`` (float32); the texts are not in it. A row without text keeps its place; its
    label and probabilities are null.

    Args:
        source: a file that ``reader`` reads.
        target: replaced if it is there.
        folder: of the model's artifact.
        form: what is known of the file; the rest is told by ``column_rules``.
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
    # The whole file is read once beforehand: what is wrong in its last line is known before hours
    # of work, and leaves nothing behind.
    counted = Classified(*file.count())
    if not counted.rows:
        raise PipelineError(f"{source} holds no text")
    say(file.summary())
    lock = target.with_name(f".{target.name}.lock")
    with alone(lock, f"another process is writing {target}; wait until it ends"):
        parts = _parts_folder(source, target, folder, form, window)
        _make_parts(_windows(file.texts(), window), parts, folder, workers, progress)
        _join(parts, target)
        lock.unlink(missing_ok=True)
    return counted


def _make_parts(
    windows: Iterable[list[str | None]],
    parts: Path,
    folder: Path,
    workers: int,
    progress: Callable[[int], object] | None,
) -> None:
    """Write the parts that are missing."""
    classifier = None
    rows = 0
    for number, chunk in enumerate(windows):
        part = parts / f"{number:08d}.parquet"
        if part.is_file():
            if progress:
                progress(len(chunk))
        else:
            classifier = classifier or Classifier(folder, threads=1)
            texts = [text for text in chunk if text is not None]
            probabilities = classifier.predict_proba(texts, BATCH_SIZE, progress, workers)
            if progress and len(texts) < len(chunk):
                progress(len(chunk) - len(texts))
            asked = np.array([text is not None for text in chunk])
            draft = part.with_suffix(".new")
            pq.write_table(_table(rows, asked, probabilities, classifier.labels), draft)
            draft.replace(part)
        rows += len(chunk)


def _join(parts: Path, target: Path) -> None:
    """Put one file in place of ``target`` that holds every part, and drop the parts."""
    draft = parts / "whole.new"
    found = sorted(parts.glob("*.parquet"))
    with pq.ParquetWriter(draft, pq.read_schema(found[0]), compression="zstd") as writer:
        for part in found:
            writer.write_table(pq.read_table(part))
    draft.replace(target)
    shutil.rmtree(parts)


def _windows(texts: Iterator[str | None], size: int) -> Iterator[list[str | None]]:
    while chunk := list(islice(texts, size)):
        yield chunk


def _table(
    first: int, asked: np.ndarray, probabilities: np.ndarray, labels: Sequence[str]
) -> pa.Table:
    """The answers to rows from number ``first`` on.

    Args:
        first: number of the first row.
        asked: whether a row has a text, bool (n,).
        probabilities: of the m rows that have one, (m, k).
        labels: names of the k classes.
    """
    # A position of null takes null.
    places = pa.array(np.cumsum(asked) - 1, mask=~asked)
    codes = pa.array(probabilities.argmax(axis=1).astype(np.int16)).take(places)
    columns = [pa.array(column).take(places) for column in probabilities.T]
    return pa.table(
        {
            "row": np.arange(first, first + len(asked)),
            "label": pa.DictionaryArray.from_arrays(codes, pa.array(labels)),
            **dict(zip(probability_columns(len(labels)), columns, strict=True)),
        }
    )


def _parts_folder(source: Path, target: Path, folder: Path, form: Form, window: int) -> Path:
    """The folder of the parts, emptied where they are of another input, model or setting."""
    parts = target.with_name(f".{target.name}.parts")
    status = source.stat()
    state = {
        "input": [str(source.resolve()), status.st_size, status.st_mtime_ns],
        "model": {path.name: sha256(path) for path in sorted(folder.iterdir())},
        "form": [list(form.columns), form.header],
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
