"""Whether what a run has stored is what its artifacts and data still give."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import hardware
from pipeline.data import data_sets, loading
from pipeline.data.data_sets import Corpus
from pipeline.data.loading import Asked
from pipeline.errors import PipelineError
from pipeline.evaluation import scoring
from pipeline.files import sha256
from pipeline.inference import encoders
from pipeline.results.predictions import HEADLINES, KEYS, probabilities_of
from pipeline.results.records import ModelRecord
from pipeline.results.storage import Run

Figure = float | list[float] | None
"""What a model's metrics are: a figure, or one a class."""

METRIC_TOLERANCE = 1e-9
SAME_CPU = 1e-3
"""Largest difference of a probability where the instruction sets are those of the run."""
OTHER_CPU = 0.005
"""Largest share of changed labels elsewhere: int8 products depend on the instruction set."""
IN_A_BATCH = 0.02
"""The same of headlines in dynamic int8, where they were not stored row by row: such runs hold what
batches made of them, up to 2 in 100 labels (python -m tests.stress batches)."""


def verify(run: Run, asked: Asked) -> Iterator[tuple[str, bool]]:
    """Check a run that was read whole (so its own files' checksums hold already).

    Args:
        run: the run.
        asked: its data; without a source, the predictions are not recomputed, but those on the
            invented headlines.

    Yields:
        What was checked, and whether it holds.
    """
    yield f"{len(run.record.files)} files have their checksums", True
    corpus, reason = corpus_of(run, asked)
    for model in run.record.models:
        yield from _check_metrics(run, model)
        artifact = run.artifact(model.role)
        if artifact is None:
            yield f"{model.role}: artifact is not at hand, its predictions are not recomputed", True
            continue
        changed = [
            name for name, digest in model.artifact.items() if sha256(artifact / name) != digest
        ]
        yield f"{model.role}: artifact's checksums", not changed
        if changed:
            continue
        try:
            encoders.check_labels(artifact, model.role, run.labels)
        except PipelineError as error:
            yield str(error), False
            continue
        if model.headlines:
            yield _check_headlines(run, model, artifact)
        if corpus is None:
            yield (
                f"{model.role}: {reason}, its predictions are not recomputed",
                asked.source is None,
            )
        else:
            yield _check_predictions(run, model, artifact, corpus)


def corpus_of(run: Run, asked: Asked) -> tuple[Corpus | None, str]:
    """The run's own data, or None and why not."""
    if asked.source is None and not (asked.data_set and asked.data_set.learns_examples):
        return None, "no --data"
    try:
        corpus = loading.load(asked)
    except PipelineError as error:
        return None, str(error)
    if not corpus.is_named(run.record.data.fingerprint, run.record.schema):
        return None, f"{asked.source} holds other rows than the run was made from"
    return corpus, ""


def _check_metrics(run: Run, model: ModelRecord) -> Iterator[tuple[str, bool]]:
    predictions = run.all_predictions(model.role)
    teacher = run.all_predictions("teacher") if "teacher" in run.by_role else None
    checked = [
        (split, vars(scoring.split_metrics(predictions, teacher, split)), vars(stored))
        for split, stored in (("test", model.metrics), ("validation", model.validation))
    ]
    if again := scoring.headline_metrics(predictions, teacher):
        checked.append((HEADLINES, vars(again), vars(model.headlines) if model.headlines else {}))
    for split, found, stored in checked:
        # A student that was made without its teacher, or beside another one, was not compared.
        alone = found["agreement"] is None or stored.get("agreement") is None
        compared = [name for name in found if not (alone and name == "agreement")]
        wrong = [name for name in compared if not _equal(found[name], stored.get(name))]
        said = f" differ: {', '.join(wrong)}" if wrong else " follow from its predictions"
        yield f"{model.role}: {split} metrics{said}", not wrong


def _equal(a: Figure, b: Figure) -> bool:
    """Whether two figures of ``classification_metrics`` are the same, None being none."""
    if a is None or b is None:
        return a is b
    return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=0, atol=METRIC_TOLERANCE)


def _check_headlines(run: Run, model: ModelRecord, artifact: Path) -> tuple[str, bool]:
    """These come with the program: they need no data set."""
    again = scoring.predict_headlines(artifact, data_sets.invented_headlines())
    stored = run.all_predictions(model.role)
    stored = stored[stored["split"] == HEADLINES]
    if len(stored):
        return _compare(model, again, stored, "predictions on invented headlines")
    # Written before they were stored row by row.
    found = scoring.headline_metrics(again, None)
    assert found
    assert model.headlines
    allowed = IN_A_BATCH if model.method == "dynamic" else OTHER_CPU
    said = (
        f"{model.role}: {found.accuracy:.4f} right of {found.rows} invented headlines, "
        f"{model.headlines.accuracy:.4f} are stored"
    )
    return said, abs(found.accuracy - model.headlines.accuracy) <= allowed


def _check_predictions(
    run: Run, model: ModelRecord, artifact: Path, corpus: Corpus
) -> tuple[str, bool]:
    stored = run.all_predictions(model.role)
    stored = stored[stored["split"] != HEADLINES]
    return _compare(model, scoring.predict(artifact, corpus), stored, "predictions")


def _compare(
    model: ModelRecord, again: pd.DataFrame, stored: pd.DataFrame, what: str
) -> tuple[str, bool]:
    """Whether two tables of a model's predictions are the same, as far as processors allow."""
    if not again[KEYS].reset_index(drop=True).equals(stored[KEYS].reset_index(drop=True)):
        return f"{model.role}: rows or labels of its stored {what} are not the data's", False
    a, b = probabilities_of(again), probabilities_of(stored)
    largest = float(np.abs(a - b).max())
    changed = float((a.argmax(axis=1) != b.argmax(axis=1)).mean())
    taken_on = model.measured_on.predictions.hardware
    same = model.method != "dynamic" and taken_on.get("cpu_flags") == hardware.cpu_flags()
    said = (
        f"{model.role}: {len(a)} {what} recomputed, probabilities differ by {largest:.1e} "
        f"at most, {changed:.2%} of the labels"
    )
    return said, largest <= SAME_CPU if same else changed <= OTHER_CPU
