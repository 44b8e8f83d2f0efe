"""What a family is made of: models that are fine-tuned, distilled, quantized or classical."""

from dataclasses import dataclass, replace
from typing import Literal

from pipeline.recipes.reported import Reported
from pipeline.recipes.role_names import (
    BASELINE,
    HIDDEN_FIRST,
    REPLICATE,
    REPLICATE_SEEDS,
    WHOLE_ROWS,
)
from pipeline.recipes.training_settings import NGramShape, TfIdf, Training

Method = Literal[
    "fine-tuned", "distilled", "dynamic", "static", "qat", "int4", "classical", "cascade"
]


@dataclass(frozen=True)
class Checkpoint:
    """A pretrained network."""

    name: str
    """As on the Hugging Face Hub, ``owner/name``."""
    architecture: str
    """Its ``model_type`` in transformers."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """What every model of a family has."""

    role: str
    title: str
    description: str
    reported: Reported | None = None

    @property
    def method(self) -> Method:
        """How it is made."""
        raise NotImplementedError

    @property
    def parent(self) -> str | None:
        """The role that it is made from or, if it is made from no role, that teaches it."""
        return None


@dataclass(frozen=True, kw_only=True)
class Trained(Model):
    """A network that is trained from a start of its own."""

    start: Checkpoint | NGramShape | str
    """Where its weights start: a checkpoint, another role's trained weights, or at random."""
    layers: tuple[int, ...] | None = None
    """The layers of the start that are kept; None: all."""
    vocabulary: int | None = None
    """Pieces of the start's vocabulary that are kept, the most frequent ones; None: all."""
    training: Training

    @property
    def parent(self) -> str | None:
        return self.start if isinstance(self.start, str) else None

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The checkpoint that it starts from itself."""
        return self.start if isinstance(self.start, Checkpoint) else None

    @property
    def shape(self) -> NGramShape | None:
        """Of a model on hashed n-grams."""
        return self.start if isinstance(self.start, NGramShape) else None


@dataclass(frozen=True, kw_only=True)
class FineTuned(Trained):
    """A network that learns from labels alone."""

    @property
    def method(self) -> Method:
        return "fine-tuned"


@dataclass(frozen=True, kw_only=True)
class Distilled(Trained):
    """A student, which learns from a teacher's logits."""

    teacher: str

    @property
    def method(self) -> Method:
        return "distilled"

    @property
    def parent(self) -> str:
        return super().parent or self.teacher

    def baseline(self) -> FineTuned:
        """The same student trained on labels alone, to measure what its teacher adds."""
        return FineTuned(
            role=f"{self.role}{BASELINE}",
            title=f"{self.title}, labels only",
            description=f"As {self.role}, but trained on the labels alone, without the teacher.",
            start=self.start,
            layers=self.layers,
            vocabulary=self.vocabulary,
            training=self.training.on_labels_alone(),
        )

    def ablations(self) -> tuple["Distilled", ...]:
        """The same student taught by less and by more, one thing at a time."""
        if self.shape:  # nothing inside a bag of n-grams answers to a layer
            return ()
        hidden = self._derived(
            HIDDEN_FIRST,
            "hidden states first",
            "but in its first epoch it matches the teacher's hidden states and attention.",
            replace(self.training, hidden_epochs=1),
        )
        if not self.training.spans:
            return (hidden,)
        whole_rows = self._derived(
            WHOLE_ROWS,
            "whole rows only",
            "but without random spans of the rows, for as many steps.",
            self.training.without_spans(),
        )
        return whole_rows, hidden

    def seed_replicate(self, seed: int) -> "Distilled":
        """The same student from another seed, to see how much of a figure is chance."""
        return self._derived(
            f"{REPLICATE}{seed}",
            f"seed {seed}",
            "but from another seed.",
            replace(self.training, seed=seed),
        )

    def _derived(self, suffix: str, title: str, difference: str, training: Training) -> "Distilled":
        return replace(
            self,
            role=f"{self.role}{suffix}",
            title=f"{self.title}, {title}",
            description=f"As {self.role}, {difference}",
            training=training,
            reported=None,
        )


@dataclass(frozen=True, kw_only=True)
class Quantized(Model):
    """A graph that is quantized after training."""

    source: str
    """The role whose graph is quantized."""
    way: Literal["dynamic", "static", "int4"]
    every_operator: bool = False
    """Of static quantization: quantize all that can be, not only what holds weights."""

    @property
    def method(self) -> Method:
        return self.way

    @property
    def parent(self) -> str:
        return self.source


@dataclass(frozen=True, kw_only=True)
class QuantizationAware(Model):
    """A network that is trained further with the rounding of int8 inference."""

    source: str
    """The role whose weights it starts from."""
    teacher: str
    training: Training

    @property
    def method(self) -> Method:
        return "qat"

    @property
    def parent(self) -> str:
        return self.source


@dataclass(frozen=True, kw_only=True)
class Classical(Model):
    """A model that is fitted, not trained by gradient."""

    tfidf: TfIdf

    @property
    def method(self) -> Method:
        return "classical"


@dataclass(frozen=True, kw_only=True)
class Cascade(Model):
    """Models in a row: each answers where it is sure enough, else it passes the text on."""

    members: tuple[tuple[str, ...], ...]
    """For each place the roles that may take it; the best one on validation does."""
    most_mb: float | None = None
    """Size of all members together, at most, in 10^6 bytes."""

    @property
    def method(self) -> Method:
        return "cascade"

    def candidates(self) -> list[str]:
        """Every role that may be a member, in order."""
        return list(dict.fromkeys(role for place in self.members for role in place))


@dataclass(frozen=True)
class Family:
    """One teacher and everything derived from it."""

    name: str
    title: str
    models: tuple[Model, ...]
    """Parents before their children."""
    max_length: int = 128
    """Tokens of a text that are read; 99 % of AG News is shorter."""
    toy: bool = False

    def students(self) -> list[Distilled]:
        """The models that learn from a teacher's logits."""
        return [model for model in self.models if isinstance(model, Distilled)]

    def by_role(self) -> dict[str, Model]:
        """Every model, the students' baselines, ablations and seed replicates too, by role."""
        students = self.students()
        found: list[Model] = [*self.models, *(student.baseline() for student in students)]
        found += [ablation for student in students for ablation in student.ablations()]
        found += [s.seed_replicate(seed) for s in students for seed in REPLICATE_SEEDS]
        return {model.role: model for model in found}
