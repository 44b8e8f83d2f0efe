"""Joined models: classifiers that others trained, beside a run's own.

A joined model is exported if necessary, then scored, measured and stored like any role. Its stages
are in the work folder like those of other models, so a second call does nothing twice.
"""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline import files
from pipeline.analysis import metrics
from pipeline.analysis.recommendation import is_deployable
from pipeline.compression import export, joined_graphs, weight_files
from pipeline.data import class_order, data_sets
from pipeline.data.data_sets import Corpus
from pipeline.errors import PipelineError, one_line
from pipeline.evaluation import scoring
from pipeline.inference import encoders
from pipeline.inference.classifier import Classifier, graph_bytes
from pipeline.inference.graph import GRAPH, takes_ranges_from_the_batch
from pipeline.models import joined_checkpoints, networks
from pipeline.models.joined_checkpoints import Description
from pipeline.progress import busy, say
from pipeline.recipes.families import FAMILIES
from pipeline.recipes.role_names import JOINED
from pipeline.results.predictions import HEADLINES
from pipeline.results.records import ModelRecord, check_name
from pipeline.results.run_writing import restore, write_run
from pipeline.results.storage import Run, read_run
from pipeline.runs import joined_sources, stage_folders
from pipeline.runs.joined_sources import Source
from pipeline.runs.model_record import TEACHER

_VERSIONS = {"artifact": 1, "evaluation": 1}
"""Increase a stage's version when its code gives another result for the same files."""
_HEADLINES = "headlines.parquet"
_DEPLOYED, _FACTS = "deployed", "facts.json"
"""The stage of the artifact makes the artifact itself, and a file with its number of weights."""
_PROBE = ("", "a", "word " * joined_checkpoints.MOST_TOKENS)
"""Texts that every model must answer: an empty one, a short one, and one longer than it reads."""


@dataclass(frozen=True)
class Joined:
    """A model that is about to be joined to a run."""

    role: str
    source: Source
    description: Description
    order: list[int]
    """For each class of the run, the index of the model's output."""


def check_role(run: Run, role: str) -> None:
    """Raise a PipelineError unless a model can be joined to a run under this name."""
    check_name(role, "role")
    family = FAMILIES.get(run.record.family)
    known = run.by_role.get(role)
    if (family and role in family.by_role()) or (known and not known.is_joined):
        raise PipelineError(
            f"{role} is a role of the run's own; give the joined model another name"
        )
    if not is_deployable(role):
        raise PipelineError(
            f"{role!r} is what a baseline, an ablation or a seed replicate is called; give the "
            "joined model another name"
        )


def add(
    run: Run, role: str, model: str, corpus: Corpus, work: Path, labels: Path | None = None
) -> Run:
    """Join a model to a run: export it if necessary, score it, measure it, and store it.

    Args:
        run: the run as it was read.
        role: the model's name in the run. A joined model with this name is replaced.
        model: a folder, an ONNX file in a folder, or a name on the Hub.
        corpus: the run's own data.
        work: the folder of all stages.
        labels: a file with the model's class names, in the order of its outputs.

    Returns:
        The run as it was written.

    Raises:
        PipelineError: the role is taken, the model can't be read, or it has other classes.
    """
    check_role(run, role)
    joined = _describe(run, role, joined_sources.find(model), labels)
    with files.locked(work), files.locked(run.folder):
        restore(run.folder.parent)
        run = read_run(run.folder)
        identity = joined.source.identity()
        fingerprint = files.fingerprint(
            version=_VERSIONS["artifact"],
            model=identity,
            order=joined.order,
            labels=run.labels,
            max_length=joined.description.max_length,
        )
        artifact = stage_folders.complete(
            work, f"{role}-artifact", fingerprint, lambda draft: _write_artifact(run, joined, draft)
        )
        asked = _asks_headlines(run)
        evaluated = files.fingerprint(
            version=_VERSIONS["evaluation"],
            artifact=fingerprint,
            data=corpus.fingerprint,
            headlines=asked,
        )
        evaluation = stage_folders.complete(
            work,
            f"{role}-evaluation",
            evaluated,
            lambda draft: _evaluate(role, artifact / _DEPLOYED, corpus, asked, draft),
        )
        record, predictions = _record(run, joined, artifact, evaluation)
        record = replace(
            record,
            fingerprint=evaluated,
            inputs={"data": corpus.fingerprint, joined.source.name: identity},
        )
        return _write(run, record, predictions, artifact / _DEPLOYED, corpus)


def _describe(run: Run, role: str, source: Source, labels: Path | None) -> Joined:
    config = joined_checkpoints.read_config(source.folder)
    tokenizer = joined_checkpoints.read_tokenizer(source.folder)
    names, where = class_order.names_in(config), source.name
    if labels:
        names, where = class_order.read_names(labels), str(labels)
    if source.graph:
        outputs = joined_graphs.width(joined_graphs.read(source.graph), str(source.graph))
        if outputs and outputs != len(names):
            raise PipelineError(
                f"{source.graph} tells {outputs} classes apart, and {where} names {len(names)}"
            )
    order, remark = class_order.order(names, run.labels, where)
    if remark:
        say(remark)
    description = joined_checkpoints.describe(source.folder, config, tokenizer)
    return Joined(role, source, description, order)


# --- stages -------------------------------------------------------------------------------------


def _write_artifact(run: Run, joined: Joined, draft: Path) -> None:
    """Fill a draft with ``deployed/``, the artifact, and ``facts.json``."""
    stage_folders.clear(draft)
    source, description = joined.source, joined.description
    deployed = draft / _DEPLOYED
    deployed.mkdir()
    tokenizer = joined_checkpoints.read_tokenizer(source.folder)
    with busy(f"{joined.role}: making the artifact"):
        if source.graph:
            joined_graphs.write(source.graph, joined.order, deployed)
            parameters = joined_graphs.parameter_count(joined_graphs.read(source.graph))
        else:
            parameters = _export(joined, draft, deployed)
    weight_files.split_weights(deployed / GRAPH)
    encoders.write_tokenizer(
        deployed,
        tokenizer,
        labels=run.labels,
        max_length=description.max_length,
        pad_token=description.pad_token,
    )
    _try(deployed, source.name)
    files.write_json(draft / _FACTS, {"parameters": parameters})


def _export(joined: Joined, draft: Path, deployed: Path) -> int:
    """Write the graph of a checkpoint; return the number of its weights."""
    source = joined.source
    tokenizer = joined_checkpoints.read_tokenizer(source.folder)
    network = joined_checkpoints.load(source.folder, tokenizer)
    own = draft / "own.onnx"
    try:
        export.export_onnx(network, own)
    except PipelineError:
        raise
    except Exception as error:  # torch's exporter raises many types
        raise PipelineError(
            f"{source.name} ({joined.description.architecture}) can't be exported: "
            f"{one_line(error)}; if another tool can, add the ONNX folder that it makes"
        ) from error
    joined_graphs.write(own, joined.order, deployed)
    own.unlink()
    return networks.parameter_count(network)


def _try(deployed: Path, name: str) -> None:
    """Raise a PipelineError unless an artifact answers texts of any length."""
    classifier = Classifier(deployed)
    try:
        # Each text alone, then all together with padding.
        found = [classifier.predict_proba([text]) for text in _PROBE]
        found.append(classifier.predict_proba(_PROBE))
    except PipelineError:
        raise
    except Exception as error:  # onnxruntime raises many types
        raise PipelineError(f"{name} can't answer a text: {one_line(error)}") from error
    if not np.isfinite(np.concatenate(found)).all():
        raise PipelineError(f"{name} answers with numbers that are not finite")


def _evaluate(role: str, artifact: Path, corpus: Corpus, headlines: bool, draft: Path) -> None:
    say(f"{role}: predicting and measuring")
    scoring.evaluate(artifact, corpus, draft)
    if headlines:
        asked = scoring.predict_headlines(artifact, data_sets.invented_headlines())
        asked.to_parquet(draft / _HEADLINES, index=False)


def _asks_headlines(run: Run) -> bool:
    """Whether the run's other models were asked the invented headlines."""
    return any(model.headlines for model in run.record.models if not model.is_joined)


# --- record -------------------------------------------------------------------------------------


def _record(
    run: Run, joined: Joined, artifact: Path, evaluation: Path
) -> tuple[ModelRecord, pd.DataFrame]:
    """The record of the model, without fingerprint and inputs, and its predictions."""
    predictions = pd.read_parquet(evaluation / scoring.PREDICTIONS)
    if (evaluation / _HEADLINES).is_file():
        more = pd.read_parquet(evaluation / _HEADLINES)
        predictions = pd.concat([predictions, more], ignore_index=True)
    teacher = run.all_predictions(TEACHER) if TEACHER in run.by_role else None
    cost, measured_on = scoring.measured(evaluation)
    source, description = joined.source, joined.description
    form = "an ONNX graph" if source.graph else "a checkpoint"
    by_themselves = takes_ranges_from_the_batch(artifact / _DEPLOYED / GRAPH)
    record = ModelRecord(
        role=joined.role,
        title=source.name,
        method=JOINED,
        description=(
            f"Joined: {form} ({description.architecture}) that was trained elsewhere; nothing of "
            "it was trained for this run."
        ),
        parent=None,
        checkpoint=source.name,
        fingerprint="",
        inputs={},
        settings={
            "source": source.kind,
            "form": "onnx" if source.graph else "safetensors",
            "architecture": description.architecture,
            "max_length": description.max_length,
            "pad_token": description.pad_token,
            "order": joined.order,
            **({"activations": "uint8, dynamic"} if by_themselves else {}),
        },
        parameters=_json(artifact / _FACTS)["parameters"],
        size_bytes=graph_bytes(artifact / _DEPLOYED),
        artifact={},
        metrics=scoring.split_metrics(predictions, teacher, "test"),
        validation=scoring.split_metrics(predictions, teacher, "validation"),
        cost=cost,
        measured_on=measured_on,
        headlines=scoring.headline_metrics(predictions, _with_headlines(teacher)),
    )
    return record, predictions


def _with_headlines(teacher: pd.DataFrame | None) -> pd.DataFrame | None:
    """A teacher's table if it has rows of headlines, else None. Older runs have no such rows."""
    return teacher if teacher is not None and (teacher["split"] == HEADLINES).any() else None


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8"))


def at_chance(run: Run, role: str) -> bool:
    """Whether the test does not show a model to be better than always naming one class."""
    test = run.predictions(role)
    labels, rows = test["label"].to_numpy(), len(test)
    right = round(run.by_role[role].metrics.accuracy * rows)
    low, _ = metrics.accuracy_interval(right, rows)
    return low <= np.bincount(labels).max() / rows


def _write(
    run: Run, record: ModelRecord, predictions: pd.DataFrame, artifact: Path, corpus: Corpus
) -> Run:
    """Write the run with a joined model added at the end or replaced, and return it."""
    models = {**run.by_role, record.role: record}
    tables = {role: run.all_predictions(role) for role in models if role != record.role}
    return write_run(
        run.folder.parent,
        replace(
            run.record,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            # A run of an older schema has another fingerprint for the same data.
            data=replace(run.record.data, fingerprint=corpus.fingerprint),
            models=list(models.values()),
        ),
        {**tables, record.role: predictions},
        {**run.artifacts(), record.role: artifact},
        run.all_logits(),
        run.texts(),
    )
