"""The stages of a model, in the order in which they are made. Each is made only once.

data         the splits, and random spans of the training rows
weights      a trained network, or a fitted TF-IDF with logistic regression
logits       a teacher's logits on the texts of its students: see ``teacher_logits``
artifact     the ONNX graph that is deployed, and the files that encode texts for it
predictions  on test and validation rows and on the invented headlines
cost         time, throughput and memory, measured together with the predictions
record       what ``run.json`` says about the model: see ``model_record``
"""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd
from transformers import TrainerCallback

from pipeline import files, processes
from pipeline.analysis import cascades
from pipeline.compression import export, ngram_graph, qat, quantization, weight_files
from pipeline.compression.smoothquant import Smoothing
from pipeline.data import data_sets
from pipeline.data.data_sets import Corpus
from pipeline.evaluation import scoring
from pipeline.files import link_or_copy, sha256, write_json
from pipeline.inference import cascade, encoders
from pipeline.inference.classifier import graph_bytes
from pipeline.inference.graph import GRAPH
from pipeline.models import networks, ngrams, tfidf
from pipeline.models.networks import Tokenizer
from pipeline.progress import busy, say
from pipeline.recipes.roles import (
    Cascade,
    Classical,
    Family,
    Model,
    QuantizationAware,
    Quantized,
)
from pipeline.results.predictions import probabilities_of
from pipeline.results.storage import Run
from pipeline.runs import fingerprinting, lineage, stage_folders
from pipeline.runs.calibration_rows import calibration_batches
from pipeline.runs.fingerprinting import INT8_BITS
from pipeline.runs.starts import Starts
from pipeline.runs.teacher_logits import TeacherLogits
from pipeline.training import model_selection
from pipeline.training.task import TrainingTask

TRAINING = "training.json"


@dataclass
class Stages:
    """The stages of a family's models under one work folder."""

    family: Family
    corpus: Corpus
    work: Path
    checkpoints: Path | None
    inputs: dict[str, str]
    """What the fingerprints depend on: see ``fingerprinting.inputs``."""
    existing: Run | None = None
    """The run so far. Its models keep the int8 bits that they were made with. Its logits are used
    if the work folder has none."""
    callbacks: tuple[TrainerCallback, ...] = ()
    """Added to every Trainer."""
    models: dict[str, Model] = field(init=False)
    fingerprints: dict[str, fingerprinting.Fingerprints] = field(init=False)

    def __post_init__(self) -> None:
        self.models = self.family.by_role()
        by_bits = {
            bits: fingerprinting.fingerprints(self.family, self.inputs | {INT8_BITS: bits})
            for bits in ("7", "8")
        }
        self.fingerprints = {
            role: by_bits[self.bits(role)][role]
            for role in self.models
            if role in by_bits[self.bits(role)]
        }

    def make(self, role: str) -> None:
        """Make every stage of a model that is not done yet. It may train for hours."""
        if lineage.makes_weights(self.models[role]):
            self.weights(role)
        self.artifact(role)
        self.evaluation(role)
        if self._is_asked_headlines:
            self.headlines(role)

    def check_checkpoints(self, roles: Iterable[str]) -> None:
        """Load every checkpoint that these roles need for training that is not done yet.

        An error in a checkpoint is thus reported now, not hours later.

        Raises:
            PipelineError: a checkpoint can't be found, does not fit, or has fewer layers than a
                role keeps.
        """
        self.starts.check(role for role in roles if not self._has_weights(role))

    def _has_weights(self, role: str) -> bool:
        fingerprint = self.fingerprints[role].weights
        name = self.stage_name(role, "weights")
        return not fingerprint or stage_folders.folder(self.work, name, fingerprint).is_dir()

    def help_to_train(self, role: str) -> None:
        """Take part in the training of a model, in a process that is not the first."""
        if lineage.learns(self.models[role]):
            self.weights(role)

    def bits(self, role: str) -> str:
        """Bits of a model's int8 weights: as in the run, or else as this processor needs."""
        records = self.existing.by_role if self.existing else {}
        # A cascade has the bits of its members.
        for each in (role, *lineage.members(self.models[role])):
            if each in records and INT8_BITS in records[each].inputs:
                return records[each].inputs[INT8_BITS]
        return self.inputs[INT8_BITS]

    def inputs_of(self, role: str) -> dict[str, str]:
        """The inputs of a model's fingerprints beside its settings."""
        return fingerprinting.inputs(self.family, role, self.inputs | {INT8_BITS: self.bits(role)})

    def stage_name(self, role: str, kind: str) -> str:
        """The first part of the name of a stage's folder; the fingerprint follows."""
        return f"{self.family.name}-{role}-{kind}"

    def _stage(
        self,
        kind: str,
        role: str,
        make: Callable[[Path], None],
        complete: Callable[..., Path] = stage_folders.complete,
    ) -> Path:
        fingerprint = getattr(self.fingerprints[role], kind)
        return complete(self.work, self.stage_name(role, kind), fingerprint, make)

    # --- weights --------------------------------------------------------------------------------

    @cached_property
    def starts(self) -> Starts:
        """The networks with which trainings start."""
        return Starts(
            self.family,
            self.corpus,
            self.checkpoints,
            self.inputs,
            self.weights,
            self._has_weights,
            lambda role: int(self.bits(role)),
        )

    def weights(self, role: str) -> Path:
        """Folder of a trained model's weights, tokenizer and training record."""
        model = self.models[role]
        if isinstance(model, Classical):
            return self._stage("weights", role, lambda draft: self._fit(model, draft))
        return self._stage(
            "weights",
            role,
            lambda draft: self._train(model, draft),
            stage_folders.complete_together,
        )

    def _fit(self, model: Classical, draft: Path) -> None:
        stage_folders.clear(draft)
        with busy(f"{model.role}: fitting"):
            record = tfidf.fit(
                self.corpus.train, self.corpus.validation, model.tfidf, draft / GRAPH
            )
        write_json(draft / TRAINING, record)

    def _train(self, model: Model, draft: Path) -> None:
        training = lineage.learns(model)
        assert training
        rows, teacher_logits = self.logits.lessons(model, training.spans)
        hidden = self.starts.hidden_teacher(model) if training.hidden_epochs else None
        say(f"{model.role}: training")
        task = TrainingTask(
            lambda: self.starts.of(model),
            training,
            rows,
            self.corpus.validation,
            self.family.max_length,
            teacher_logits,
            hidden,
        )
        network, tokenizer, record = model_selection.train_and_select(task, draft, self.callbacks)
        if processes.is_first():
            stage_folders.clear(draft)
            networks.save(network, tokenizer, draft)
            write_json(draft / TRAINING, record)

    # --- logits ---------------------------------------------------------------------------------

    @cached_property
    def logits(self) -> TeacherLogits:
        """The teachers' logits, from which students learn."""
        return TeacherLogits(
            self.family, self.corpus, self.work, self.existing, self.fingerprints, self.weights
        )

    # --- artifact -------------------------------------------------------------------------------

    def artifact(self, role: str) -> Path:
        """Folder of the model's artifact."""
        model = self.models[role]
        if isinstance(model, Cascade):
            return self._stage("artifact", role, lambda draft: self._write_cascade(model, draft))
        if isinstance(model, Classical):
            return self._stage("artifact", role, lambda draft: self._copy_graph(model, draft))
        return self._stage("artifact", role, lambda draft: self._write_artifact(model, draft))

    def _copy_graph(self, model: Classical, draft: Path) -> None:
        stage_folders.clear(draft)
        shutil.copyfile(self.weights(model.role) / GRAPH, draft / GRAPH)
        encoders.write_lowercase(draft, labels=self.corpus.labels)

    def _write_artifact(self, model: Model, draft: Path) -> None:
        stage_folders.clear(draft)
        # Parents first: if they have to be made, that prints lines of its own.
        weights = self.trained(model)
        source = self.artifact(model.source) / GRAPH if isinstance(model, Quantized) else None
        network, tokenizer = networks.read(weights)
        with busy(f"{model.role}: making the artifact"):
            if isinstance(model, Quantized):
                assert source
                self._quantize(model, tokenizer, source, draft / GRAPH)
            elif isinstance(model, QuantizationAware):
                qat.export_int8(network, draft / GRAPH)
            elif isinstance(network, ngrams.NGramClassifier):
                ngram_graph.export(network, draft / GRAPH)
            else:
                export.export_onnx(network, draft / GRAPH)
        weight_files.split_weights(draft / GRAPH)  # a repository may refuse large files
        networks.write_encoder(draft, tokenizer, self.family.max_length, self.corpus.labels)

    def _quantize(self, model: Quantized, tokenizer: Tokenizer, source: Path, target: Path) -> None:
        """Quantize the graph ``source`` by the model's method."""
        if model.way == "int4":
            quantization.quantize_4bit(source, target, fingerprinting.BLOCK_SIZE)
            return
        batches = (
            {name: tensor.numpy() for name, tensor in batch.items()}
            for batch in calibration_batches(self.corpus, tokenizer, self.family.max_length)
        )
        settings, bits = fingerprinting.settings(self.family, model), int(self.bits(model.role))
        smoothing = None
        if "smoothing" in settings:
            smoothing = Smoothing(settings["smoothing"], settings["uneven"])
        if model.way == "dynamic":
            quantization.quantize_dynamic(source, target, batches, bits, smoothing)
        else:
            naive = model.every_operator
            quantization.quantize_static(source, target, batches, bits, smoothing, naive)

    def _write_cascade(self, model: Cascade, draft: Path) -> None:
        stage_folders.clear(draft)
        validation = {
            role: table[table["split"] == "validation"].reset_index(drop=True)
            for role in model.candidates()
            for table in [self.predictions(role)]
        }
        labels = validation[model.members[0][0]]["label"].to_numpy()
        probabilities = {role: probabilities_of(table) for role, table in validation.items()}
        sizes = {role: graph_bytes(self.artifact(role)) / 1e6 for role in probabilities}
        chosen = cascades.best_members(labels, probabilities, model.members, sizes, model.most_mb)
        rules = cascades.choose(labels, [probabilities[role] for role in chosen])
        artifacts = {role: self.artifact(role) for role in chosen}
        cascade.write(draft, artifacts, rules, self.corpus.labels)

    @contextmanager
    def deployed(self, role: str) -> Iterator[Path]:
        """The folder of a model's artifact. For a cascade, its members' folders are beside it."""
        artifact = self.artifact(role)
        members, _, _ = cascade.members(artifact, check=False)
        if not members:
            yield artifact
            return
        with tempfile.TemporaryDirectory(dir=self.work, prefix=".deployed-") as folder:
            for each in (role, *members):
                (Path(folder) / each).mkdir()
                for path in self.artifact(each).iterdir():
                    link_or_copy(path, Path(folder) / each / path.name)
            yield Path(folder) / role

    def trained(self, model: Model) -> Path:
        """Folder of the weights that a model was made from: its own, or its source's."""
        return self.weights(model.source if isinstance(model, Quantized) else model.role)

    # --- predictions and cost -------------------------------------------------------------------

    def evaluation(self, role: str) -> Path:
        """Folder of the model's predictions and costs."""

        def make(draft: Path) -> None:
            with self.deployed(role) as artifact:
                say(f"{role}: predicting and measuring")
                scoring.evaluate(artifact, self.corpus, draft)

        return self._stage("evaluation", role, make)

    def measure_again(self, role: str) -> None:
        """Measure the cost of a model again, on this machine."""
        say(f"{role}: measuring")
        evaluation = self.evaluation(role)
        with self.deployed(role) as artifact:
            scoring.measure_again(artifact, self.corpus, evaluation)

    def headlines(self, role: str) -> pd.DataFrame:
        """Predictions on the project's invented headlines, which no model of AG News has seen."""

        def make(draft: Path) -> None:
            with self.deployed(role) as artifact:
                asked = scoring.predict_headlines(artifact, data_sets.invented_headlines())
            asked.to_parquet(draft / scoring.PREDICTIONS, index=False)

        fingerprint = files.fingerprint(
            artifact=self.fingerprints[role].artifact, headlines=sha256(data_sets.TOY)
        )
        name = self.stage_name(role, "headlines")
        folder = stage_folders.complete(self.work, name, fingerprint, make)
        return pd.read_parquet(folder / scoring.PREDICTIONS)

    @property
    def _is_asked_headlines(self) -> bool:
        """Whether models are asked the invented headlines: only on AG News, and no toy models."""
        return not self.family.toy and self.corpus.data_set.has_unseen_examples

    def predictions(self, role: str) -> pd.DataFrame:
        """A model's predictions on test and validation and, if it is asked, invented headlines."""
        table = pd.read_parquet(self.evaluation(role) / scoring.PREDICTIONS)
        if not self._is_asked_headlines:
            return table
        return pd.concat([table, self.headlines(role)], ignore_index=True)
