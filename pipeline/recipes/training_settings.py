"""How a model is trained, and the shapes of models that start from no checkpoint."""

from dataclasses import dataclass, replace

BASELINE_STEPS = (60, 12_000)
"""The length of a baseline is chosen between these numbers of steps."""


@dataclass(frozen=True)
class RandomSpans:
    """Neighbouring words of each training row; a model learns from them and from the whole row."""

    per_row: int
    """Spans per row. The number of words is log-uniform between ``shortest`` and ``longest``."""
    shortest: int = 4
    longest: int | None = None
    """None: as many words as the row has."""
    labelled: bool = False
    """True: every span begins at the row's first word and has the row's label. Only data sets whose
    rows begin with their title have such spans. False: every second span begins at the first word,
    and spans have no labels: a student learns them from the teacher's logits alone."""


@dataclass(frozen=True)
class Training:
    """How a model is trained. Every choice is made by the loss on validation."""

    rates: tuple[float, ...]
    """Peak learning rates to choose from; the schedule is linear with warm-up."""
    epochs: int
    """Epochs over rows and spans. The checkpoint that is best on validation is kept."""
    least_steps: int = 0
    """Epochs are added until there are this many steps: a small data set has few per epoch."""
    doubled_up_to: int | None = None
    """If the loss on validation is still falling at the end, twice as many epochs are tried, up to
    this many steps. None: the length is fixed."""
    batch_size: int = 64
    dropout: float = 0.0
    """In every layer. It is off by default: few epochs need no regularisation, students have to
    match their teacher's function (Beyer et al., 2022), and drawing the masks doubles the time of a
    forward pass."""
    warmup: float = 0.06
    """Share of the steps."""
    weight_decay: float = 0.01
    temperature: float = 2.0
    """Divides the logits of teacher and student (Hinton et al., 2015)."""
    label_share: float = 0.1
    """Weight of the cross-entropy on labels in the loss; the rest is the teacher's."""
    checkpoint_steps: int = 500
    """Most steps between two checkpoints; a killed training loses no more than these."""
    search_share: float = 0.1
    """Share of the steps for which each of ``rates`` is tried, but at least ``search_steps``: a far
    shorter trial would favour a rate that is too high for the full length."""
    search_steps: int = 100
    seed: int = 42
    rows: int | None = None
    """How many rows and spans are drawn at random to train on; None: all."""
    average_from: float | None = None
    """Share of the steps after which averaging of the weights begins; None: no averaging."""
    hidden_epochs: int | None = None
    """How many of the first epochs match the teacher's hidden states and attention."""
    spans: RandomSpans | None = None

    def without_spans(self) -> "Training":
        """The same settings on whole rows only, for as many steps."""
        rows_each = 1 + (self.spans.per_row if self.spans else 0)
        return replace(self, spans=None, epochs=self.epochs * rows_each)

    def on_labels_alone(self) -> "Training":
        """Settings of the no-teacher baseline.

        Its length is chosen on validation, because it memorises labels in a long training.
        """
        return replace(
            self,
            spans=None,
            epochs=1,
            least_steps=BASELINE_STEPS[0],
            doubled_up_to=BASELINE_STEPS[1],
            label_share=1.0,
        )


@dataclass(frozen=True)
class NGramShape:
    """Shape of a model on hashed n-grams, which starts from no checkpoint."""

    words: int
    """Buckets that words are hashed into."""
    pairs: int
    """Buckets of pairs of neighbouring words."""
    width: int
    """Length of an n-gram's vector; odd, because it is packed in pairs together with its weight."""
    hidden: int
    """Units of the hidden layer."""
    longest: int = 128
    """Words that are read of each text."""


@dataclass(frozen=True)
class TfIdf:
    """Settings of logistic regression on TF-IDF."""

    inverse_penalties: tuple[float, ...]
    """Values of scikit-learn's C to choose from, by the loss on validation."""
    longest: int = 2
    """Most words in an n-gram."""
    least_rows: int = 2
    """N-grams that occur in fewer training rows are left out."""
