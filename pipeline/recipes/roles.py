"""What the table of families is made of: a model and its training, a family, and their names."""

from dataclasses import dataclass, replace
from typing import Literal

BASELINE = "-baseline"
LOGITS = "-logits"
HIDDEN = "-hidden"
SEED = "-seed"
REPLICATE_SEEDS = (43, 44)
"""Of the seed replicates; the model itself is trained with the seed of ``Training``."""

_OLD_BASELINE = "-control"
"""What runs of schema 1 call a baseline."""

_BASELINE_STEPS = (60, 12_000)
"""Between which the length of a baseline is chosen."""

Method = Literal["fine-tuned", "distilled", "dynamic", "static", "qat", "int4", "classical"]


@dataclass(frozen=True)
class RandomSpans:
    """Neighbouring words of each training row, from which a model learns beside the whole row."""

    per_row: int
    """Spans of each row. Each has from ``shortest`` to ``longest`` words, log-uniformly."""
    shortest: int = 4
    longest: int | None = None
    """None: as many words as the row has."""
    labelled: bool = False
    """True: every span begins at the row's first word and bears the row's label. It needs a data
    set whose rows begin with their title; on another one there are no such spans. False: every
    other span begins there, none bears a label, and only the teacher says what it is."""


@dataclass(frozen=True)
class Training:
    """How a model is trained. All that is chosen is chosen by the loss on validation."""

    rates: tuple[float, ...]
    """Peak learning rates to choose from; the schedule is linear with warm-up."""
    epochs: int
    """Over the rows and their spans. The checkpoint that is best on validation is kept."""
    least_steps: int = 0
    """Epochs are added until there are so many steps: few rows make few steps an epoch."""
    doubled_up_to: int | None = None
    """A training whose loss on validation was still falling at its end is tried for twice as many
    epochs, if they take at most so many steps. None: its length is not chosen."""
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
    search_share: float = 0.1
    """Of the steps, how many each of ``rates`` is tried for, if that is ``search_steps`` or more:
    a far shorter trial would favour a rate that is too high for the real length."""
    search_steps: int = 100
    seed: int = 42
    rows: int | None = None
    """Of the rows and their spans, drawn at random; None: all."""
    average_from: float | None = None
    """Share of the steps from which on the weights are averaged; None: the weights of a step."""
    hidden_epochs: int | None = None
    """Of the epochs, how many go to matching the teacher's hidden states and attention first."""
    spans: RandomSpans | None = None

    def without_spans(self) -> "Training":
        """The same on whole rows alone, for as many steps."""
        rows_each = 1 + (self.spans.per_row if self.spans else 0)
        return replace(self, spans=None, epochs=self.epochs * rows_each)

    def on_labels_alone(self) -> "Training":
        """A no-teacher baseline's: shorter, for in a long training it learns labels by heart."""
        return replace(
            self,
            spans=None,
            epochs=1,
            least_steps=_BASELINE_STEPS[0],
            doubled_up_to=_BASELINE_STEPS[1],
            label_share=1.0,
        )


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
    """The role that it is made from, or that teaches it."""
    teacher: str | None = None
    """The role whose logits it learns; None: its parent, or nobody."""
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

    def baseline(self) -> "Model":
        """The same student trained on labels alone, to measure what its teacher adds."""
        assert self.method == "distilled"
        assert self.training
        return replace(
            self,
            role=f"{self.role}{BASELINE}",
            title=f"{self.title}, labels only",
            method="fine-tuned",
            description=f"As {self.role}, but trained on the labels alone, without the teacher.",
            training=self.training.on_labels_alone(),
            reported=None,
        )

    def ablations(self) -> tuple["Model", ...]:
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
        if not self.training.spans:
            return (hidden,)
        logits = replace(
            self,
            role=f"{self.role}{LOGITS}",
            title=f"{self.title}, whole rows only",
            description=f"As {self.role}, but without random spans of the rows, for as many steps.",
            training=self.training.without_spans(),
            reported=None,
        )
        return logits, hidden

    def seed_replicate(self, seed: int) -> "Model":
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
        """Every model, the students' baselines, ablations and seed replicates too, by role."""
        students = [model for model in self.models if model.method == "distilled"]
        baselines = [student.baseline() for student in students]
        # Nothing inside a bag of n-grams answers to a layer.
        ablations = [one for s in students if not s.shape for one in s.ablations()]
        replicates = [s.seed_replicate(seed) for s in students for seed in REPLICATE_SEEDS]
        found = (*self.models, *baselines, *ablations, *replicates)
        return {model.role: model for model in found}


def replicated_role(role: str) -> str | None:
    """The role that a seed replicate replicates; None for any other role."""
    original, mark, _ = role.rpartition(SEED)
    return original if mark else None


def student_of_baseline(role: str) -> str | None:
    """The student whose no-teacher baseline a role is; None for any other role."""
    for suffix in (BASELINE, _OLD_BASELINE):
        if role.endswith(suffix):
            return role.removesuffix(suffix)
    return None
