"""How a model is trained, and the shapes of models that start from no checkpoint."""

from dataclasses import dataclass, replace

BASELINE_STEPS = (60, 12_000)
"""Between which the length of a baseline is chosen."""


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
            least_steps=BASELINE_STEPS[0],
            doubled_up_to=BASELINE_STEPS[1],
            label_share=1.0,
        )


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
