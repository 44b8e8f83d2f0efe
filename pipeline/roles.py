"""What the table of families is made of: a model and its training, a family, and their names."""

from dataclasses import dataclass, replace
from typing import Literal

LABELS = ("World", "Sports", "Business", "Sci/Tech")

CONTROL = "-control"
LOGITS = "-logits"
HIDDEN = "-hidden"
SEED = "-seed"
REPEAT_SEEDS = (43, 44)
"""Of the repeats; the model itself is trained with the seed of ``Training``."""

Method = Literal["fine-tuned", "distilled", "dynamic", "static", "qat", "int4", "classical"]


@dataclass(frozen=True)
class Training:
    """How a model is trained. Every list of more than one is chosen from on validation."""

    rates: tuple[float, ...]
    """Peak learning rates to choose from; the schedule is linear with warm-up."""
    epochs: int
    """Trained in full; the checkpoint that is best on validation is kept."""
    batch_size: int = 64
    dropout: float = 0.0
    """Of every layer. None by default: few epochs leave nothing to regularise, students are to
    match their teacher's function (Beyer et al., 2022), and drawing it doubles a forward pass."""
    warmup: float = 0.06
    """Share of the steps."""
    weight_decay: float = 0.01
    temperature: float = 2.0
    """Softens teacher and student logits alike (Hinton et al., 2015)."""
    label_share: float = 0.1
    """Share of cross-entropy on the labels in the loss; the rest is the teacher's."""
    checkpoint_steps: int = 500
    """At most this many steps between checkpoints, so at most this much is lost to a kill."""
    search_rows: int = 6400
    """Rows of the one short epoch on which each of ``rates`` is tried."""
    seed: int = 42
    rows: int | None = None
    """Training rows, drawn at random; None: all."""
    average_from: float | None = None
    """Share of the steps from which on the weights' mean is kept; None: the weights of a step."""
    hidden_epochs: int | None = None
    """Of the epochs, how many go to matching the teacher's hidden states and attention first."""
    cuts: int | None = None
    """Stretches of every training row, which the teacher answers and the student learns too."""

    def without_cuts(self) -> "Training":
        """The same on the rows alone, for as many steps."""
        return replace(self, cuts=None, epochs=self.epochs * (1 + (self.cuts or 0)))


@dataclass(frozen=True)
class Reported:
    """What the source notebook reported, on the 7,600 test rows."""

    accuracy: float
    size_mb: float
    note: str = ""
    """What is wrong with the figure, if anything."""


@dataclass(frozen=True)
class Published:
    """A figure from the literature, to stand beside ours: it has no predictions to test with."""

    title: str
    accuracy: float
    """On the 7,600 test rows, trained on all 120,000."""
    size_mb: float
    source: str


@dataclass(frozen=True)
class NGramShape:
    """Of a model on hashed n-grams, which starts from no checkpoint."""

    words: int
    """Buckets that words are hashed into."""
    pairs: int
    """Buckets of pairs of neighbouring words."""
    width: int
    """Numbers an n-gram's vector has; odd, for with its weight they are packed in twos."""
    hidden: int
    """Units of the hidden layer."""
    longest: int = 128
    """Words of a text that are read."""


@dataclass(frozen=True)
class TfIdf:
    """Of logistic regression on TF-IDF."""

    inverse_penalties: tuple[float, ...]
    """Of the regression (scikit-learn's C), to choose from."""
    longest: int = 2
    """Words of an n-gram at most."""
    least_rows: int = 2
    """N-grams that fewer training rows have are left out."""


@dataclass(frozen=True)
class Model:
    """One row of a family."""

    role: str
    title: str
    method: Method
    description: str
    parent: str | None = None
    """Of a student, the role that teaches it; of a quantized model, the one it is made from."""
    architecture: str | None = None
    """model_type of the checkpoint in transformers; None: the parent's."""
    checkpoint: str | None = None
    """Where the weights start; None: the parent's fine-tuned weights."""
    layers: tuple[int, ...] | None = None
    """The layers of those weights that are kept; None: all."""
    every_operator: bool | None = None
    """Of static quantization: quantize all that can be, not only what holds weights."""
    shape: NGramShape | TfIdf | None = None
    """Of a model that starts from no checkpoint."""
    vocabulary: int | None = None
    """Pieces of the checkpoint's vocabulary that are kept, the most frequent ones; None: all."""
    training: Training | None = None
    reported: Reported | None = None

    def control(self) -> "Model":
        """The same student trained on labels alone, to measure what its teacher adds."""
        assert self.method == "distilled"
        assert self.training
        return replace(
            self,
            role=f"{self.role}{CONTROL}",
            title=f"{self.title}, labels only",
            method="fine-tuned",
            description=f"As {self.role}, but trained on the labels alone, without the teacher.",
            training=replace(self.training.without_cuts(), label_share=1.0),
            reported=None,
        )

    def steps(self) -> tuple["Model", ...]:
        """The same student taught by less and by more, one thing at a time."""
        assert self.training
        hidden = replace(
            self,
            role=f"{self.role}{HIDDEN}",
            title=f"{self.title}, hidden states first",
            description=f"As {self.role}, but in its first epoch it matches the teacher's hidden "
            "states and attention.",
            training=replace(self.training, hidden_epochs=1),
            reported=None,
        )
        if not self.training.cuts:
            return (hidden,)
        logits = replace(
            self,
            role=f"{self.role}{LOGITS}",
            title=f"{self.title}, whole rows only",
            description=f"As {self.role}, but without cuts of the rows, for as many steps.",
            training=self.training.without_cuts(),
            reported=None,
        )
        return logits, hidden

    def repeat(self, seed: int) -> "Model":
        """The same student from another seed, to see how much of a figure is chance."""
        assert self.training
        return replace(
            self,
            role=f"{self.role}{SEED}{seed}",
            title=f"{self.title}, seed {seed}",
            description=f"As {self.role}, but from another seed.",
            training=replace(self.training, seed=seed),
            reported=None,
        )


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

    def by_role(self) -> dict[str, Model]:
        """Every model, the students' controls, steps and repeats included, by role."""
        students = [model for model in self.models if model.method == "distilled"]
        controls = [student.control() for student in students]
        # Nothing inside a bag of n-grams answers to a layer.
        steps = [step for student in students if not student.shape for step in student.steps()]
        repeats = [student.repeat(seed) for student in students for seed in REPEAT_SEEDS]
        return {model.role: model for model in (*self.models, *controls, *steps, *repeats)}


def repeated_role(role: str) -> str | None:
    """The role that a repeat repeats; None for a role that is no repeat."""
    original, mark, _ = role.rpartition(SEED)
    return original if mark else None


replicated_role = repeated_role


def student_of_baseline(role: str) -> str | None:
    """The student whose no-teacher baseline a role is; None for any other role."""
    for suffix in ("-baseline", CONTROL):
        if role.endswith(suffix):
            return role.removesuffix(suffix)
    return None
