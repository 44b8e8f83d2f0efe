"""Whether a run's stored results can still be reproduced from its artifacts and data."""

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
"""Value of a metric: a number, one number per class, or None."""

METRIC_TOLERANCE = 1e-9
SAME_CPU = 1e-3
"""Largest difference of a probability, if the instruction sets are those of the run."""
OTHER_CPU = 0.005
"""Largest share of changed labels on other instruction sets, because int8 products depend on them.
For dynamic int8 it applies on all processors."""
IN_A_BATCH = 0.02
"""Largest change of a dynamic int8 model's accuracy on headlines in older runs, which do not store
them row by row. Those headlines were predicted in batches, which changes up to 2 in 100 labels
(python -m tests.stress batches)."""


def verify(run: Run, asked: Asked) -> Iterator[tuple[str, bool]]:
    """Check a run that was read, so that the checksums of its own files are known to hold.

    Args:
        run: the run.
        asked: its data. Without a source, only predictions on the invented headlines are
            recomputed, and those of toy runs, whose data come with the program.

    Yields:
        What was checked, and whether it holds.
    """
    yield f"{len(run.record.files)} files have their checksums", True
    corpus, reason = corpus_of(run, asked)
    if corpus and (texts := run.texts()) is not None:
        known = pd.Series(corpus.test.texts, corpus.test.rows)
        same = texts.set_index("row")["text"].to_dict() == known.to_dict()
        yield f"{len(texts)} stored texts {'are' if same else 'are not'} those of the data", same
    for model in run.record.models:
        yield from _check_metrics(run, model)
        artifact = run.artifact(model.role)
        if artifact is None:
            yield f"{model.role}: not installed, so its predictions are not recomputed", True
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
    """The data that the run was made from, or None and the reason."""
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
        # A student whose teacher is missing from the run, or is another one, has no agreement.
        alone = found["agreement"] is None or stored.get("agreement") is None
        compared = [name for name in found if not (alone and name == "agreement")]
        wrong = [name for name in compared if not _equal(found[name], stored.get(name))]
        said = f" differ: {', '.join(wrong)}" if wrong else " follow from its predictions"
        yield f"{model.role}: {split} metrics{said}", not wrong


def _equal(a: Figure, b: Figure) -> bool:
    """Whether two metrics are equal within ``METRIC_TOLERANCE``; None equals only None."""
    if a is None or b is None:
        return a is b
    return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=0, atol=METRIC_TOLERANCE)


def _check_headlines(run: Run, model: ModelRecord, artifact: Path) -> tuple[str, bool]:
    """Recompute predictions on the invented headlines, which come with the program."""
    again = scoring.predict_headlines(artifact, data_sets.invented_headlines())
    stored = run.all_predictions(model.role)
    stored = stored[stored["split"] == HEADLINES]
    if len(stored):
        return _compare(model, again, stored, "predictions on invented headlines")
    # In older runs, which do not store headlines row by row, only the accuracy can be compared.
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
    """Compare two tables of a model's predictions, within the tolerance for this processor."""
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
