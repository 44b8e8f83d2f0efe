"""The kinds of models in a family: fine-tuned, distilled, quantized, classical, cascades."""

from dataclasses import dataclass, replace
from typing import Literal

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
    """On the Hugging Face Hub, ``owner/name``."""
    architecture: str
    """Its ``model_type`` in transformers."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """What every model of a family has."""

    role: str
    title: str
    description: str

    @property
    def method(self) -> Method:
        """How it is made."""
        raise NotImplementedError

    @property
    def parent(self) -> str | None:
        """The role that it is made from, else the role that teaches it, else None."""
        return None


@dataclass(frozen=True, kw_only=True)
class Trained(Model):
    """A network that is trained from a start of its own."""

    start: Checkpoint | NGramShape | str
    """Initial weights: a checkpoint, another role's trained weights, or random ones of a shape."""
    layers: tuple[int, ...] | None = None
    """The layers of the start that are kept; None: all."""
    vocabulary: int | None = None
    """How many pieces of the start's vocabulary are kept, the most frequent ones; None: all."""
    training: Training

    @property
    def parent(self) -> str | None:
        return self.start if isinstance(self.start, str) else None

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The checkpoint that it starts from; None if it starts from a role or a shape."""
        return self.start if isinstance(self.start, Checkpoint) else None

    @property
    def shape(self) -> NGramShape | None:
        """The shape of a model on hashed n-grams; None for any other model."""
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
        """Variants of the student with one change each: whole rows only, or hidden states first."""
        if self.shape:  # a bag of n-grams has no layers to match
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
        """The same student with another seed, to see how much of a figure is chance."""
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
        )


@dataclass(frozen=True, kw_only=True)
class Quantized(Model):
    """A graph that is quantized after training."""

    source: str
    """The role whose graph is quantized."""
    way: Literal["dynamic", "static", "int4"]
    every_operator: bool = False
    """For static quantization: quantize all operators that can be, not only those with weights."""

    @property
    def method(self) -> Method:
        return self.way

    @property
    def parent(self) -> str:
        return self.source


@dataclass(frozen=True, kw_only=True)
class QuantizationAware(Model):
    """A network that is trained further with the rounding of int8 inference simulated."""

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
    """A model that is fitted, not trained by gradient descent."""

    tfidf: TfIdf

    @property
    def method(self) -> Method:
        return "classical"


@dataclass(frozen=True, kw_only=True)
class Cascade(Model):
    """Models in a row: each answers if it is sure enough, else it passes the text on."""

    members: tuple[tuple[str, ...], ...]
    """For each place, the candidate roles; the best one on validation is taken."""
    most_mb: float | None = None
    """Largest size of all members together, in 10^6 bytes; None: any."""

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
    """Parents come before their children."""
    max_length: int = 128
    """Tokens that are read of each text; 99 % of AG News is shorter."""
    toy: bool = False
    most_rows: int | None = None
    """Largest number of training rows, validation included, or ``rows_a_class`` of each class if
    that is more; None: all. This bounds the training steps, however large the data set is."""
    most_test_rows: int | None = None
    rows_a_class: int = 6

    def rows_of(self, classes: int) -> int | None:
        """Largest number of training rows for a data set of so many classes; None: all."""
        return self.most_rows and max(self.most_rows, self.rows_a_class * classes)

    def students(self) -> list[Distilled]:
        """The models that learn from a teacher's logits."""
        return [model for model in self.models if isinstance(model, Distilled)]

    def by_role(self) -> dict[str, Model]:
        """Every model by role, with the students' baselines, ablations and seed replicates."""
        students = self.students()
        found: list[Model] = [*self.models, *(student.baseline() for student in students)]
        found += [ablation for student in students for ablation in student.ablations()]
        found += [s.seed_replicate(seed) for s in students for seed in REPLICATE_SEEDS]
        return {model.role: model for model in found}
