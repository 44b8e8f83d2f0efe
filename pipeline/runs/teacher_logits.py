"""A teacher's logits, computed once for all its students, and kept with the run.

They are float16 tables, one for the training rows and one for random spans of them. With these
tables, a student can be trained without the teacher's weights.
"""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from pipeline import processes
from pipeline.data.data_sets import SEED, Corpus, Split
from pipeline.models import networks
from pipeline.progress import say
from pipeline.recipes.roles import Family, Model
from pipeline.recipes.training_settings import RandomSpans
from pipeline.results.storage import Run
from pipeline.runs import fingerprinting, lineage, stage_folders
from pipeline.training import prediction, random_spans

LOGITS = "logits.safetensors"


@dataclass(frozen=True)
class TeacherLogits:
    """The logits from which a family's students learn, in a work folder or in the run."""

    family: Family
    corpus: Corpus
    work: Path
    existing: Run | None
    fingerprints: dict[str, fingerprinting.Fingerprints]
    weights: Callable[[str], Path]
    """Returns the folder of a role's weights, which are trained first if they are missing."""

    def lessons(self, model: Model, wanted: RandomSpans | None) -> tuple[Split, np.ndarray | None]:
        """The texts from which a model learns, and the teacher's logits on them.

        Args:
            model: of the family.
            wanted: random spans of the rows, if it also learns from them.

        Returns:
            The training rows, followed by their spans; and the teacher's logits on them, float16
            (rows and spans, classes), or None if the model has no teacher.
        """
        rows, spans = self.corpus.train, self._spans(wanted)
        teacher = lineage.taught_by(model)
        logits = [self.of(teacher)] if teacher else []
        if spans:
            rows = random_spans.joined(rows, spans)
            logits += [self.of(teacher, wanted)] if teacher else []
        return rows, np.concatenate(logits) if logits else None

    def of(self, role: str, wanted: RandomSpans | None = None) -> np.ndarray:
        """A teacher's logits, which are computed first if they are missing.

        Args:
            role: the role of the teacher.
            wanted: the random spans of the training rows that it answers; None: the whole rows.

        Returns:
            float16 (rows or spans, classes).
        """

        def make(draft: Path) -> None:
            if shipped:
                if processes.is_first():
                    shutil.copyfile(shipped, draft / LOGITS)
                return
            rows = self._spans(wanted) or self.corpus.train
            network, tokenizer = networks.read(self.weights(role))
            say(f"{role}: logits on {len(rows):,} {'random spans' if wanted else 'rows'}")
            logits = prediction.predict_logits(network, tokenizer, rows, self.family.max_length)
            if processes.is_first():
                save_file({"logits": logits.astype(np.float16)}, draft / LOGITS)

        fingerprint = self._fingerprint(role, wanted)
        shipped = self.existing.logits(fingerprint) if self.existing else None
        name = self._name(role, wanted)
        folder = stage_folders.complete_together(self.work, name, fingerprint, make)
        return load_file(folder / LOGITS)["logits"]

    def has_all(self, role: str) -> bool:
        """Whether the work folder or the run has all the logits from which a model learns."""
        stored = self.existing.all_logits() if self.existing else {}
        found = self.at_hand([role])
        return all(key in found or key in stored for key in self._learned_by(role))

    def at_hand(self, roles: Iterable[str]) -> dict[str, Path]:
        """Files of logits in the work folder from which these models learn, by fingerprint."""
        folders = {
            fingerprint: stage_folders.folder(self.work, name, fingerprint)
            for role in roles
            for fingerprint, name in self._learned_by(role).items()
        }
        return {key: folder / LOGITS for key, folder in folders.items() if folder.is_dir()}

    def learned(self) -> set[str]:
        """Fingerprints of all the logits from which any model of the family learns."""
        return {key for role in self._models for key in self._learned_by(role)}

    @cached_property
    def _models(self) -> dict[str, Model]:
        return self.family.by_role()

    def _learned_by(self, role: str) -> dict[str, str]:
        """Fingerprint and name of each stage of logits from which a model learns."""
        model = self._models[role]
        teacher, training = lineage.taught_by(model), lineage.learns(model)
        if not teacher or not training or role not in self.fingerprints:
            return {}
        exist = random_spans.exist(self.corpus, training.spans)
        return {
            self._fingerprint(teacher, wanted): self._name(teacher, wanted)
            for wanted in ([None, training.spans] if exist else [None])
        }

    def _spans(self, wanted: RandomSpans | None) -> Split | None:
        return random_spans.spans_of(self.corpus, wanted, SEED)

    def _name(self, role: str, wanted: RandomSpans | None) -> str:
        return f"{self.family.name}-{role}-{'span-' if wanted else ''}logits"

    def _fingerprint(self, role: str, wanted: RandomSpans | None) -> str:
        return fingerprinting.logits_fingerprint(self.fingerprints[role].trained, wanted)
