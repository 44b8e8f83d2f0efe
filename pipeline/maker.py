"""Makes a family's models: every stage of each, once, in the order that one asks for another."""

import json
import shutil
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import (
    augmentation,
    classical,
    data,
    encoders,
    evaluation,
    models,
    nano,
    plan,
    processes,
    quantization,
    stages,
    trainer,
    training,
)
from pipeline import qat as quantization_aware
from pipeline.cache import sha256, write_json
from pipeline.data import SEED, Corpus, Split
from pipeline.distillation import hidden_teacher
from pipeline.inference import GRAPH, graph_bytes
from pipeline.progress import busy, say
from pipeline.records import ModelRecord
from pipeline.roles import LABELS, Family, Model

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

    def _stage(self, kind: str, role: str, make, complete=stages.complete) -> Path:
        name = f"{self.family.name}-{role}-{kind}"
        return complete(self.work, name, getattr(self.prints[role], kind), make)

    def weights(self, role: str) -> Path:
        """Folder of a trained model's weights, tokenizer and training record."""
        model = self.models[role]

        def start():
            if model.shape:
                network, tokenizer = nano.new(model.shape)
            elif model.checkpoint:
                network, tokenizer = models.load_checkpoint(
                    model.checkpoint, model.architecture, self.checkpoints
                )
            else:
                network, tokenizer = models.read(self.weights(model.parent))
            if model.layers:
                models.keep_layers(network, model.layers)
            if model.vocabulary:
                tokenizer = models.keep_pieces(
                    network, tokenizer, model.vocabulary, self.corpus.train.texts
                )
            if model.method == "qat":
                quantization_aware.prepare(network)
                quantization_aware.calibrate(network, self._calibration_batches(tokenizer))
            return network, tokenizer

        def make(draft: Path) -> None:
            rows, teacher_logits, hidden = self.corpus.train, None, None
            if plan.is_taught(model):
                rows, teacher_logits = self._taught(model)
                if model.training.hidden_epochs:
                    teacher, its_tokenizer = models.read(self.weights(model.parent))
                    hidden = hidden_teacher(teacher, its_tokenizer, start()[1])
            say(f"{role}: training")
            network, tokenizer, record = training.train(
                start,
                model.training,
                rows,
                self.corpus.validation,
                self.family.max_length,
                draft,
                teacher_logits,
                self.callbacks,
                hidden,
            )
            if processes.is_first():
                stages.clear(draft)
                models.save(network, tokenizer, draft)
                write_json(draft / TRAINING, record)

        def fit(draft: Path) -> None:
            stages.clear(draft)
            with busy(f"{role}: fitting"):
                record = classical.fit(
                    self.corpus.train, self.corpus.validation, model.shape, draft / GRAPH
                )
            write_json(draft / TRAINING, record)

        if model.method == "classical":
            return self._stage("weights", role, fit)
        return self._stage("weights", role, make, stages.complete_together)

    def logits(self, role: str) -> Path:
        """Folder of a teacher's logits on the training rows: computed once for all its students."""
        write = partial(self._write_logits, role, self.corpus.train)
        return self._stage("logits", role, write, stages.complete_together)

    def _write_logits(self, role: str, rows: Split, draft: Path) -> None:
        network, tokenizer = models.read(self.weights(role))
        say(f"{role}: logits on {len(rows):,} rows")
        logits = trainer.predict_logits(network, tokenizer, rows, self.family.max_length)
        if processes.is_first():
            np.save(draft / LOGITS, logits, allow_pickle=False)

    def _taught(self, student: Model) -> tuple[Split, np.ndarray]:
        """The rows that a student learns from, and its teacher's logits on them."""
        logits = np.load(self.logits(student.parent) / LOGITS)
        copies = student.training.cuts
        if not copies:
            return self.corpus.train, logits
        more = augmentation.cuts(self.corpus.train, copies, SEED)
        more_logits = np.load(self._logits_on_cuts(student.parent, copies, more) / LOGITS)
        return augmentation.joined(self.corpus.train, more), np.concatenate([logits, more_logits])

    def _logits_on_cuts(self, role: str, copies: int, rows: Split) -> Path:
        """Folder of a teacher's logits on cuts of the training rows."""
        return stages.complete_together(
            self.work,
            f"{self.family.name}-{role}-cuts",
            stages.fingerprint(logits=self.prints[role].logits, copies=copies),
            partial(self._write_logits, role, rows),
        )

    def artifact(self, role: str) -> Path:
        """Folder of the model as it is deployed."""
        model = self.models[role]

        def make(draft: Path) -> None:
            stages.clear(draft)
            # Before anything is said of this model: they may have to be made first.
            weights = self._trained(role)
            source = None if model.training else self.artifact(model.parent) / GRAPH
            network, tokenizer = models.read(weights, model.method == "qat")
            with busy(f"{role}: making the artifact"):
                self._write_graph(model, network, tokenizer, source, draft / GRAPH)
            models.write_encoder(draft, tokenizer, self.family.max_length)

        def copy(draft: Path) -> None:
            stages.clear(draft)
            shutil.copyfile(self.weights(role) / GRAPH, draft / GRAPH)
            encoders.write_lowercase(draft, labels=LABELS)

        return self._stage("artifact", role, copy if model.method == "classical" else make)

    def _trained(self, role: str) -> Path:
        """Folder of the weights that a model was made from: its own, or its parent's."""
        model = self.models[role]
        return self.weights(role if plan.makes_weights(model) else model.parent)

    def _write_graph(self, model: Model, network, tokenizer, source, target: Path) -> None:
        """Export ``network``, or quantize the graph ``source``, as the model's method has it."""
        if model.method == "qat":
            quantization_aware.export_int8(network, target)
        elif model.shape:
            nano.export(network, target)
        elif model.training:
            quantization.export_onnx(network, target)
        elif model.method == "int4":
            quantization.quantize_4bit(source, target, plan.BLOCK_SIZE)
        else:
            batches = (
                {name: tensor.numpy() for name, tensor in batch.items()}
                for batch in self._calibration_batches(tokenizer)
            )
            smoothing = plan.settings(self.family, model).get("smoothing")
            if model.method == "dynamic":
                quantization.quantize_dynamic(source, target, batches, smoothing)
            else:
                naive = bool(model.every_operator)
                quantization.quantize_static(source, target, batches, smoothing, naive)

    def evaluation(self, role: str) -> Path:
        """Folder of the model's predictions and costs."""

        def make(draft: Path) -> None:
            artifact = self.artifact(role)
            say(f"{role}: predicting and measuring")
            evaluation.evaluate(artifact, self.corpus, draft)

        return self._stage("evaluation", role, make)

    def headlines(self, role: str) -> pd.DataFrame:
        """Predictions on the project's invented headlines, which no model of AG News has seen."""

        def make(draft: Path) -> None:
            asked = evaluation.predict_headlines(self.artifact(role), data.invented_headlines())
            asked.to_parquet(draft / evaluation.PREDICTIONS, index=False)

        folder = stages.complete(
            self.work,
            f"{self.family.name}-{role}-headlines",
            stages.fingerprint(artifact=self.prints[role].artifact, headlines=sha256(data.TOY)),
            make,
        )
        return pd.read_parquet(folder / evaluation.PREDICTIONS)

    def help_to_train(self, role: str) -> None:
        """What a process that is not the first does for a model."""
        if self.models[role].training:
            self.weights(role)

    def measure_again(self, role: str) -> None:
        """Time a model anew, on this machine as it is now."""
        say(f"{role}: measuring")
        evaluation.measure_again(self.artifact(role), self.corpus, self.evaluation(role))

    def predictions(self, role: str) -> pd.DataFrame:
        """A model's table: test and validation and, where it is asked them, headlines alone."""
        table = pd.read_parquet(self.evaluation(role) / evaluation.PREDICTIONS)
        if self.family.toy or self.corpus.labels != data.LABELS:
            return table  # which learned from them, or tells other classes apart
        return pd.concat([table, self.headlines(role)], ignore_index=True)

    def record(self, role: str) -> ModelRecord:
        """What goes into ``run.json`` of a model, all of whose stages this makes if need be."""
        model, measured = self.models[role], self._measured(role)
        predictions = self.predictions(role)
        teacher = self.predictions("teacher")
        artifact = self.artifact(role)
        trained = None
        if plan.makes_weights(model):
            trained = json.loads((self.weights(role) / TRAINING).read_text("utf-8"))
        return ModelRecord(
            role=role,
            title=model.title,
            method=model.method,
            description=model.description,
            parent=model.parent,
            checkpoint=model.checkpoint,
            fingerprint=self.prints[role].evaluation,
            inputs=plan.inputs(self.family, role, self.corpus.fingerprint, self.inputs),
            settings=self._settings(role),
            parameters=self._parameters(role),
            size_bytes=graph_bytes(artifact),
            artifact={},
            metrics=evaluation.metrics(predictions, teacher, "test"),
            validation=evaluation.metrics(predictions, teacher, "validation"),
            training=trained,
            headlines=evaluation.headline_metrics(predictions, teacher),
            **measured,
        )

    def _measured(self, role: str) -> dict[str, dict]:
        """Of a model, ``cost``, and ``measured_on`` by kind of figure, as its record has them."""
        folder = self.evaluation(role)
        taken, measured = (
            json.loads((folder / name).read_text("utf-8"))
            for name in (evaluation.CONDITIONS, evaluation.COST)
        )
        return measured | {"measured_on": {"predictions": taken, **measured["measured_on"]}}

    def _settings(self, role: str) -> dict:
        """How a model was made: the recipe, and what this processor made of it."""
        made = plan.settings(self.family, self.models[role])
        if made.get("weights", "").startswith("int8"):
            bits = quantization.weight_bits(self.artifact(role) / GRAPH)
            made["weights"] += f", {bits} bits" if bits < 8 else ""
        return made

    def _parameters(self, role: str) -> int:
        """Number of a model's weights."""
        model, weights = self.models[role], self._trained(role)
        if model.method == "classical":
            return json.loads((weights / TRAINING).read_text("utf-8"))["parameters"]
        network, _ = models.read(weights, quantization_aware=model.method == "qat")
        return models.parameter_count(network)

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
