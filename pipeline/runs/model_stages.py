"""Makes a family's models: every stage of each, once, in the order that one asks for another."""

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import load_file, save_file

from pipeline import processes
from pipeline.compression import qat as quantization_aware
from pipeline.compression import quantization, weight_files
from pipeline.compression.smoothquant import Smoothing
from pipeline.data import data_sets
from pipeline.data.data_sets import SEED, Corpus, Split
from pipeline.evaluation import scoring
from pipeline.inference import encoders
from pipeline.inference.classifier import GRAPH, graph_bytes
from pipeline.models import networks, ngrams, tfidf
from pipeline.progress import busy, say
from pipeline.recipes.roles import Family, Model, RandomSpans
from pipeline.results.records import ModelRecord
from pipeline.results.storage import Run, sha256, write_json
from pipeline.runs import plan, stage_folders
from pipeline.training import fitting, random_spans, trainers
from pipeline.training.distillation import hidden_teacher

LOGITS = "logits.safetensors"
TRAINING = "training.json"


@dataclass
class Maker:
    """Makes the stages of a family's models, each once, under one work folder."""

    family: Family
    corpus: Corpus
    work: Path
    checkpoints: Path | None
    inputs: dict[str, str]
    """What the fingerprints rest on: see ``plan.inputs``."""
    existing: Run | None = None
    """The run as it stands. Its models keep the bits that they were made with, and its logits are
    used where a work folder has none."""
    callbacks: tuple = ()
    """Added to every Trainer."""
    fingerprints: dict[str, plan.Fingerprints] = field(init=False)
    models: dict[str, Model] = field(init=False)

    def __post_init__(self) -> None:
        self.models = self.family.by_role()
        by_bits = {
            bits: plan.fingerprints(self.family, self.inputs | {plan.INT8_BITS: bits})
            for bits in ("7", "8")
        }
        self.fingerprints = {
            role: by_bits[self._bits(role)][role]
            for role in self.models
            if role in by_bits[self._bits(role)]
        }

    def _bits(self, role: str) -> str:
        """Bits of a model's int8 weights: as the run has it, else as this processor needs them."""
        record = self.existing and self.existing.by_role.get(role)
        return (record.inputs if record else {}).get(plan.INT8_BITS, self.inputs[plan.INT8_BITS])

    def _inputs(self, role: str) -> dict[str, str]:
        """What goes into a model's fingerprints beside its settings."""
        known = self.inputs | {plan.INT8_BITS: self._bits(role)}
        return plan.inputs(self.family, role, known)

    def _stage(self, kind: str, role: str, make, complete=stage_folders.complete) -> Path:
        name = f"{self.family.name}-{role}-{kind}"
        return complete(self.work, name, getattr(self.fingerprints[role], kind), make)

    def weights(self, role: str) -> Path:
        """Folder of a trained model's weights, tokenizer and training record."""
        model = self.models[role]

        def start():
            labels = self.corpus.labels
            checkpoint = plan.starting_checkpoint(self.family, model, self.inputs)
            if model.shape:
                network, tokenizer = ngrams.new(model.shape, labels)
            elif checkpoint:
                network, tokenizer = networks.load_checkpoint(*checkpoint, self.checkpoints, labels)
            else:
                network, tokenizer = networks.read(self.weights(model.parent))
            if model.layers:
                networks.keep_layers(network, model.layers)
            if model.vocabulary:
                tokenizer = networks.keep_pieces(
                    network, tokenizer, model.vocabulary, self.corpus.train.texts
                )
            if model.method == "qat":
                quantization_aware.prepare(network, int(self._bits(role)))
                quantization_aware.calibrate(network, self._calibration_batches(tokenizer))
            return network, tokenizer

        def make(draft: Path) -> None:
            rows, teacher_logits = self._lessons(model)
            hidden = None
            if model.training.hidden_epochs:
                teacher, its_tokenizer = networks.read(self.weights(plan.taught_by(model)))
                hidden = hidden_teacher(teacher, its_tokenizer, start()[1])
            say(f"{role}: training")
            network, tokenizer, record = fitting.train(
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
                stage_folders.clear(draft)
                networks.save(network, tokenizer, draft)
                write_json(draft / TRAINING, record)

        def fit(draft: Path) -> None:
            stage_folders.clear(draft)
            with busy(f"{role}: fitting"):
                record = tfidf.fit(
                    self.corpus.train, self.corpus.validation, model.shape, draft / GRAPH
                )
            write_json(draft / TRAINING, record)

        if model.method == "classical":
            return self._stage("weights", role, fit)
        return self._stage("weights", role, make, stage_folders.complete_together)

    def _lessons(self, model: Model) -> tuple[Split, np.ndarray | None]:
        """The rows that a model learns from, random spans among them, and its teacher's logits."""
        rows, more = self.corpus.train, self._spans(model.training.spans)
        teacher = plan.taught_by(model)
        logits = teacher and [self.logits(teacher)]
        if more:
            rows = random_spans.joined(rows, more)
            if teacher:
                logits.append(self.logits(teacher, model.training.spans))
        return rows, np.concatenate(logits) if teacher else None

    def _spans(self, wanted: RandomSpans | None) -> Split | None:
        return random_spans.spans_of(self.corpus, wanted, SEED)

    def logits(self, role: str, wanted: RandomSpans | None = None) -> np.ndarray:
        """A teacher's logits, computed once for all its students.

        Args:
            role: the teacher's.
            wanted: the random spans of the training rows that it answers; None: the rows.

        Returns:
            float16 (rows or spans, classes).
        """

        def make(draft: Path) -> None:
            if shipped:
                if processes.is_first():
                    shutil.copyfile(shipped, draft / LOGITS)
                return
            rows = self._spans(wanted) if wanted else self.corpus.train
            network, tokenizer = networks.read(self.weights(role))
            say(f"{role}: logits on {len(rows):,} {'random spans' if wanted else 'rows'}")
            logits = trainers.predict_logits(network, tokenizer, rows, self.family.max_length)
            if processes.is_first():
                save_file({"logits": logits.astype(np.float16)}, draft / LOGITS)

        fingerprint = self._logits_fingerprint(role, wanted)
        shipped = self.existing and self.existing.logits(fingerprint)
        name = self._logits_name(role, wanted)
        folder = stage_folders.complete_together(self.work, name, fingerprint, make)
        return load_file(folder / LOGITS)["logits"]

    def has_logits(self, role: str) -> bool:
        """Whether all the logits that a model learns are at hand, in the work folder or the run."""
        stored = self.existing.all_logits() if self.existing else {}
        found = self.logits_at_hand([role])
        return all(name in found or name in stored for name in self._learned_logits(role))

    def logits_at_hand(self, roles: Iterable[str]) -> dict[str, Path]:
        """Files of the logits that these models learn, where the work folder has them.

        By the fingerprint of their stage.
        """
        folders = {
            fingerprint: stage_folders.folder(self.work, name, fingerprint)
            for role in roles
            for fingerprint, name in self._learned_logits(role).items()
        }
        return {key: folder / LOGITS for key, folder in folders.items() if folder.is_dir()}

    def learned_logits(self) -> set[str]:
        """Fingerprints of all the logits that any model of the family learns."""
        return {key for role in self.models for key in self._learned_logits(role)}

    def _learned_logits(self, role: str) -> dict[str, str]:
        """Fingerprint and name of each stage of logits that a model learns."""
        model = self.models[role]
        teacher = plan.taught_by(model)
        if not teacher or role not in self.fingerprints:
            return {}
        exist = random_spans.exist(self.corpus, model.training.spans)
        return {
            self._logits_fingerprint(teacher, wanted): self._logits_name(teacher, wanted)
            for wanted in ([None, model.training.spans] if exist else [None])
        }

    def _logits_name(self, role: str, wanted: RandomSpans | None) -> str:
        return f"{self.family.name}-{role}-{'span-' if wanted else ''}logits"

    def _logits_fingerprint(self, role: str, wanted: RandomSpans | None) -> str:
        return plan.logits_fingerprint(self.fingerprints[role].weights, wanted)

    def artifact(self, role: str) -> Path:
        """Folder of the model as it is deployed."""
        model = self.models[role]

        def make(draft: Path) -> None:
            stage_folders.clear(draft)
            # Before anything is said of this model: they may have to be made first.
            weights = self._trained(role)
            source = None if model.training else self.artifact(model.parent) / GRAPH
            network, tokenizer = networks.read(weights)
            with busy(f"{role}: making the artifact"):
                self._write_graph(model, network, tokenizer, source, draft / GRAPH)
            weight_files.split_weights(draft / GRAPH)  # it may be installed in a repository
            networks.write_encoder(draft, tokenizer, self.family.max_length, self.corpus.labels)

        def copy(draft: Path) -> None:
            stage_folders.clear(draft)
            shutil.copyfile(self.weights(role) / GRAPH, draft / GRAPH)
            encoders.write_lowercase(draft, labels=self.corpus.labels)

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
            ngrams.export(network, target)
        elif model.training:
            quantization.export_onnx(network, target)
        elif model.method == "int4":
            quantization.quantize_4bit(source, target, plan.BLOCK_SIZE)
        else:
            batches = (
                {name: tensor.numpy() for name, tensor in batch.items()}
                for batch in self._calibration_batches(tokenizer)
            )
            settings, bits = plan.settings(self.family, model), int(self._bits(model.role))
            smoothing = None
            if "smoothing" in settings:
                smoothing = Smoothing(settings["smoothing"], settings["uneven"])
            if model.method == "dynamic":
                quantization.quantize_dynamic(source, target, batches, bits, smoothing)
            else:
                naive = bool(model.every_operator)
                quantization.quantize_static(source, target, batches, bits, smoothing, naive)

    def evaluation(self, role: str) -> Path:
        """Folder of the model's predictions and costs."""

        def make(draft: Path) -> None:
            artifact = self.artifact(role)
            say(f"{role}: predicting and measuring")
            scoring.evaluate(artifact, self.corpus, draft)

        return self._stage("evaluation", role, make)

    def headlines(self, role: str) -> pd.DataFrame:
        """Predictions on the project's invented headlines, which no model of AG News has seen."""

        def make(draft: Path) -> None:
            asked = scoring.predict_headlines(self.artifact(role), data_sets.invented_headlines())
            asked.to_parquet(draft / scoring.PREDICTIONS, index=False)

        folder = stage_folders.complete(
            self.work,
            f"{self.family.name}-{role}-headlines",
            stage_folders.fingerprint(
                artifact=self.fingerprints[role].artifact, headlines=sha256(data_sets.TOY)
            ),
            make,
        )
        return pd.read_parquet(folder / scoring.PREDICTIONS)

    def help_to_train(self, role: str) -> None:
        """What a process that is not the first does for a model."""
        if self.models[role].training:
            self.weights(role)

    def measure_again(self, role: str) -> None:
        """Time a model anew, on this machine as it is now."""
        say(f"{role}: measuring")
        scoring.measure_again(self.artifact(role), self.corpus, self.evaluation(role))

    def predictions(self, role: str) -> pd.DataFrame:
        """A model's table: test and validation and, where it is asked them, headlines alone."""
        table = pd.read_parquet(self.evaluation(role) / scoring.PREDICTIONS)
        if self.family.toy or self.corpus.labels != data_sets.LABELS:
            return table  # which learned from them, or tells other classes apart
        return pd.concat([table, self.headlines(role)], ignore_index=True)

    def record(self, role: str) -> ModelRecord:
        """What goes into ``run.json`` of a model, all of whose stages this makes if need be."""
        model, measured = self.models[role], self._measured(role)
        predictions = self.predictions(role)
        teacher = self._teachers_predictions()
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
            fingerprint=self.fingerprints[role].evaluation,
            inputs=self._inputs(role),
            settings=self._settings(role),
            parameters=self._parameters(role),
            size_bytes=graph_bytes(artifact),
            artifact={},
            metrics=scoring.split_metrics(predictions, teacher, "test"),
            validation=scoring.split_metrics(predictions, teacher, "validation"),
            training=trained,
            headlines=scoring.headline_metrics(predictions, teacher),
            **measured,
        )

    def _measured(self, role: str) -> dict[str, dict]:
        """Of a model, ``cost``, and ``measured_on`` by kind of figure, as its record has them."""
        folder = self.evaluation(role)
        taken, measured = (
            json.loads((folder / name).read_text("utf-8"))
            for name in (scoring.CONDITIONS, scoring.COST)
        )
        return measured | {"measured_on": {"predictions": taken, **measured["measured_on"]}}

    def _teachers_predictions(self) -> pd.DataFrame | None:
        """The teacher's table, in the work folder or the run; None where neither has it.

        Students are compared with it, but it isn't made for that.
        """
        today = self.fingerprints.get("teacher")
        if not today:
            return None
        name = f"{self.family.name}-teacher-evaluation"
        if stage_folders.folder(self.work, name, today.evaluation).is_dir():
            return self.predictions("teacher")
        record = self.existing and self.existing.by_role.get("teacher")
        if record and record.fingerprint == today.evaluation:
            return self.existing.all_predictions("teacher")
        return None

    def _settings(self, role: str) -> dict:
        """How a model was made: the recipe, and the bits of its int8 weights."""
        made = plan.settings(self.family, self.models[role])
        if self.models[role].method in plan.INT8_METHODS:
            made["weights"] += f", {self._bits(role)} bits"
        return made

    def _parameters(self, role: str) -> int:
        """Number of a model's weights."""
        model, weights = self.models[role], self._trained(role)
        if model.method == "classical":
            return json.loads((weights / TRAINING).read_text("utf-8"))["parameters"]
        network, _ = networks.read(weights)
        return networks.parameter_count(network)

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
