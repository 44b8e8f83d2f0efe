"""What a run's record holds of one model: how good it is, what it costs, how it was trained."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field, with_config

from pipeline.strict import STRICT

Share = Annotated[float, Field(ge=0, le=1)]
NotNegative = Annotated[float, Field(ge=0)]


@with_config(STRICT)
@dataclass(frozen=True)
class Metrics:
    """Of a model's answers on one split: see ``analysis.metrics.classification_metrics``."""

    accuracy: Share
    macro_f1: float
    ece: float
    nll: float
    precision: list[float]
    """One a class, as ``recall`` and ``f1``."""
    recall: list[float]
    f1: list[float]
    agreement: float | None = None
    """With the teacher; None where it was not asked."""


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True)
class HeadlineMetrics(Metrics):
    """The same on the project's invented headlines."""

    rows: Annotated[int, Field(ge=1, le=1_000_000)]
    """Their number."""


@with_config(STRICT)
@dataclass(frozen=True)
class Cost:
    """Milliseconds of one whole row and of one headline of 8 to 20 words; and what many cost.

    Records of schema 1 lack what is None by default.
    """

    load_ms: NotNegative
    p50_ms: NotNegative
    p95_ms: NotNegative
    rows_per_second: NotNegative
    peak_memory_mb: NotNegative
    mean_ms: NotNegative | None = None
    headline_mean_ms: NotNegative | None = None
    headline_p50_ms: NotNegative | None = None
    headline_p95_ms: NotNegative | None = None


@with_config(STRICT)
@dataclass(frozen=True)
class Conditions:
    """What figures were taken on."""

    hardware: dict[str, Any] = field(default_factory=dict)
    """As ``hardware.describe`` has it."""
    versions: dict[str, Any] = field(default_factory=dict)
    threads: int | None = None
    taken: str | None = None
    """ISO, UTC."""
    texts: str | None = None
    """Which texts it were, for people."""
    rows: int | None = None
    """Their number."""
    batch_size: int | None = None
    """In records of schema 1, as ``latency``."""
    latency: str | None = None


@with_config(STRICT)
@dataclass(frozen=True)
class MeasuredOn:
    """Of each kind of figure, what it was taken on."""

    predictions: Conditions
    latency: Conditions
    throughput: Conditions


@with_config(STRICT)
@dataclass(frozen=True)
class TrainingRecord:
    """How a network was trained; or how TF-IDF's regression was fitted."""

    rows: int
    """That it learned from, random spans included."""
    rate: float | None = None
    """Learning rate, chosen or given."""
    rates_tried: dict[str, float | None] = field(default_factory=dict)
    """Rate → validation loss after a short training; None where it was not finite."""
    epochs: int | None = None
    epochs_tried: dict[str, float | None] = field(default_factory=dict)
    """Length → least validation loss."""
    steps: int | None = None
    kept_step: int | None = None
    """The step whose weights were kept."""
    validation: list[dict[str, Any]] = field(default_factory=list)
    """Figures on validation by step."""
    seconds_since_last_start: float | None = None
    bf16: bool | None = None
    hardware: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, Any] = field(default_factory=dict)
    inverse_penalty: float | None = None
    """Of a regression, as what follows."""
    inverse_penalties_tried: dict[str, float] = field(default_factory=dict)
    """Inverse penalty → validation loss."""
    parameters: int | None = None


@with_config(STRICT)
@dataclass(frozen=True)
class CascadeRecord:
    """Who answers in a cascade."""

    members: Annotated[list[str], Field(min_length=2)]
    """Roles of the run, in their order."""
    thresholds: list[NotNegative]
    """Of all members but the last."""
    temperatures: list[NotNegative]
    """Of all members but the last."""
    answered: dict[str, list[NotNegative]]
    """By split, the share of the texts that each member answers."""
