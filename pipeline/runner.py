"""One execution of a family on one data set: every stage in order, the run written as it grows."""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import evaluation, models, plan, quantization, stages, training
from pipeline import qat as quantization_aware
from pipeline.cache import Run, read_run, write_json, write_run
from pipeline.data import SEED, Corpus
from pipeline.errors import PipelineError
from pipeline.families import LABELS, Family, Model
from pipeline.inference import GRAPH, graph_bytes, write_tokenizer
from pipeline.progress import busy, say
from pipeline.records import ModelRecord, RunRecord

LOGITS = "logits.npy"
TRAINING = "training.json"


@dataclass
class Maker:
    """Makes the stages of a family's models, each once, under one work folder."""

    family: Family
    corpus: Corpus
    work: Path
    checkpoints: Path | None
    inputs: dict[str, str]
    """What the fingerprints rest on: the data's, and each checkpoint's identity."""
    callbacks: tuple = ()
    """Added to every Trainer."""
    prints: dict[str, plan.Fingerprints] = field(init=False)
    models: dict[str, Model] = field(init=False)

    def __post_init__(self) -> None:
        self.prints = plan.fingerprints(self.family, self.inputs)
        self.models = self.family.by_role()

    def _stage(self, kind: str, role: str, make) -> Path:
        name = f"{self.family.name}-{role}-{kind}"
        return stages.complete(self.work, name, getattr(self.prints[role], kind), make)

    def weights(self, role: str) -> Path:
        """Folder of a trained model's weights, tokenizer and training record."""
        model = self.models[role]

        def start():
            if model.checkpoint:
                network, tokenizer = models.load_checkpoint(
                    model.checkpoint, model.architecture, self.checkpoints
                )
            else:
                network, tokenizer = models.read(self.weights(model.parent))
            if model.layers:
                models.keep_layers(network, model.layers)
            if model.method == "qat":
                quantization_aware.prepare(network)
                quantization_aware.calibrate(network, self._calibration_batches(tokenizer))
            return network, tokenizer

        def make(draft: Path) -> None:
            taught = plan.is_taught(model)
            teacher_logits = np.load(self.logits(model.parent) / LOGITS) if taught else None
            say(f"{role}: training")
            network, tokenizer, record = training.train(
                start,
                model.training,
                self.corpus.train,
                self.corpus.validation,
                self.family.max_length,
                draft,
                teacher_logits,
                self.callbacks,
            )
            stages.clear(draft)
            models.save(network, tokenizer, draft)
            write_json(draft / TRAINING, record)

        return self._stage("weights", role, make)

    def logits(self, role: str) -> Path:
        """Folder of a teacher's logits on the training rows: computed once for all its students."""

        def make(draft: Path) -> None:
            network, tokenizer = models.read(self.weights(role))
            say(f"{role}: logits on the training rows")
            logits = training.predict_logits(
                network, tokenizer, self.corpus.train, self.family.max_length
            )
            np.save(draft / LOGITS, logits, allow_pickle=False)

        return self._stage("logits", role, make)

    def artifact(self, role: str) -> Path:
        """Folder of the model as it is deployed."""
        model = self.models[role]

        def make(draft: Path) -> None:
            stages.clear(draft)
            trained = role if model.training else model.parent
            # Before anything is said of this model: they may have to be made first.
            weights = self.weights(trained)
            source = None if model.training else self.artifact(model.parent) / GRAPH
            network, tokenizer = models.read(weights, model.method == "qat")
            with busy(f"{role}: making the artifact"):
                self._write_graph(model, network, tokenizer, source, draft / GRAPH)
            write_tokenizer(
                draft,
                tokenizer.backend_tokenizer,
                labels=LABELS,
                max_length=self.family.max_length,
            )

        return self._stage("artifact", role, make)

    def _write_graph(self, model: Model, network, tokenizer, source, target: Path) -> None:
        """Export ``network``, or quantize the graph ``source``, as the model's method has it."""
        if model.method == "qat":
            quantization_aware.export_int8(network, target)
        elif model.training:
            quantization.export_onnx(network, target)
        elif model.method == "dynamic":
            quantization.quantize_dynamic(source, target)
        elif model.method == "static":
            batches = (
                {name: tensor.numpy() for name, tensor in batch.items()}
                for batch in self._calibration_batches(tokenizer)
            )
            quantization.quantize_static(source, target, batches)
        else:
            quantization.quantize_4bit(source, target, plan.BLOCK_SIZE)

    def evaluation(self, role: str) -> Path:
        """Folder of the model's predictions and costs."""

        def make(draft: Path) -> None:
            artifact = self.artifact(role)
            say(f"{role}: predicting and measuring")
            evaluation.evaluate(artifact, self.corpus, draft)

        return self._stage("evaluation", role, make)

    def measure_again(self, role: str) -> None:
        """Time a model anew, on this machine as it is now."""
        say(f"{role}: measuring")
        evaluation.measure_again(self.artifact(role), self.corpus, self.evaluation(role))

    def predictions(self, role: str) -> pd.DataFrame:
        return pd.read_parquet(self.evaluation(role) / evaluation.PREDICTIONS)

    def record(self, role: str) -> ModelRecord:
        """What goes into ``run.json`` of a model, all of whose stages this makes if need be."""
        model = self.models[role]
        measured = json.loads((self.evaluation(role) / evaluation.COST).read_text("utf-8"))
        predictions = self.predictions(role)
        teacher = self.predictions("teacher")
        artifact = self.artifact(role)
        weights = self.weights(role if model.training else model.parent)
        network, _ = models.read(weights, quantization_aware=model.method == "qat")
        return ModelRecord(
            role=role,
            title=model.title,
            method=model.method,
            description=model.description,
            parent=model.parent,
            checkpoint=model.checkpoint,
            fingerprint=self.prints[role].evaluation,
            inputs=plan.inputs(self.family, role, self.corpus.fingerprint, self.inputs),
            settings=plan.settings(self.family, model),
            parameters=models.parameter_count(network),
            size_bytes=graph_bytes(artifact),
            artifact={},
            metrics=evaluation.metrics(predictions, teacher, "test"),
            validation=evaluation.metrics(predictions, teacher, "validation"),
            training=json.loads((weights / TRAINING).read_text("utf-8"))
            if model.training
            else None,
            **measured,
        )

    def _calibration_batches(self, tokenizer) -> list[dict]:
        """Batches of training rows, the same for every model: int64 tensors (32, longest)."""
        some = np.random.default_rng(SEED).permutation(len(self.corpus.train))
        split = self.corpus.train.take(some[: plan.CALIBRATION_ROWS])
        return [
            dict(
                tokenizer(
                    split.texts[start : start + 32],
                    truncation=True,
                    max_length=self.family.max_length,
                    padding=True,
                    return_token_type_ids=False,
                    return_tensors="pt",
                )
            )
            for start in range(0, len(split), 32)
        ]


def run(
    family: Family,
    corpus: Corpus,
    roles: list[str],
    *,
    name: str,
    cache: Path,
    work: Path,
    command: str,
    checkpoints: Path | None = None,
    measure_again: bool = False,
    callbacks: tuple = (),
) -> Run:
    """Make ``roles`` (parents first) and write each into ``cache/<name>/`` as it is done.

    What is done already under the same fingerprint is taken as it is; the run's other roles stay.
    With ``measure_again`` every one of ``roles`` is timed anew, whatever is done.

    Raises:
        PipelineError: a checkpoint can't be had, the run's name is taken by other data, another
            run is at work, or a stage found something wrong.
    """
    with stages.locked(work), stages.locked(cache / name):
        existing = _existing(cache / name, family, corpus)
        identities = {
            checkpoint: models.checkpoint_identity(checkpoint, checkpoints)
            for checkpoint in plan.checkpoints(family, roles)
        }
        inputs = {"data": corpus.fingerprint, **identities}
        maker = Maker(family, corpus, work, checkpoints, inputs, callbacks)
        written = existing
        for number, role in enumerate(roles, start=1):
            say(f"[{number}/{len(roles)}] {role}")
            if measure_again:
                maker.measure_again(role)
            record = maker.record(role)
            if not (written and _holds(written, record)):
                written = _write(written, maker, record, cache, name, command)
            say(
                f"[{number}/{len(roles)}] {role}: accuracy {record.metrics['accuracy']:.4f} "
                f"on test, {record.size_bytes / 1e6:.1f} MB"
            )
    return written


def _existing(folder: Path, family: Family, corpus: Corpus) -> Run | None:
    """The run that stands under this name, if it can be added to."""
    if not folder.exists():
        return None
    run = read_run(folder)
    if run.record.family != family.name or run.record.data["fingerprint"] != corpus.fingerprint:
        raise PipelineError(
            f"{folder} holds family {run.record.family} on {run.record.data['name']} with other "
            "rows than these; name this run with --run, or delete that folder"
        )
    return run


def _holds(run: Run, record: ModelRecord) -> bool:
    """Whether a run has this very record, and the artifact with it."""
    stored = run.by_role.get(record.role)
    same = stored and replace(stored, artifact={}) == record
    return bool(same and run.artifact(record.role))


def _write(
    existing: Run | None, maker: Maker, record: ModelRecord, cache: Path, name: str, command: str
) -> Run:
    """The run with one model added or replaced."""
    records = {**(existing.by_role if existing else {}), record.role: record}
    kept = [role for role in records if role != record.role]
    predictions = {role: existing.all_predictions(role) for role in kept}
    artifacts = {role: path for role in kept if (path := existing.artifact(role))}
    corpus = maker.corpus
    return write_run(
        cache,
        RunRecord(
            run=name,
            family=maker.family.name,
            toy=maker.family.toy,
            command=command,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            data={
                "name": corpus.name,
                "fingerprint": corpus.fingerprint,
                "labels": list(LABELS),
                "rows": {split: len(rows) for split, rows in corpus.splits().items()},
                "seed": SEED,
            },
            models=[records[role] for role in maker.models if role in records],
            files={},
        ),
        {**predictions, record.role: maker.predictions(record.role)},
        {**artifacts, record.role: maker.artifact(record.role)},
    )
