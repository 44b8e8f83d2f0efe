"""Parts of a model's record: how good the model is, what it costs, how it was trained."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field, with_config

from pipeline.strict import STRICT

Share = Annotated[float, Field(ge=0, le=1)]
NotNegative = Annotated[float, Field(ge=0)]


@with_config(STRICT)
@dataclass(frozen=True)
class Metrics:
    """A model's metrics on one split: see ``analysis.metrics.classification_metrics``."""

    accuracy: Share
    macro_f1: float
    ece: float
    nll: float
    precision: list[float]
    """One per class, as are ``recall`` and ``f1``."""
    recall: list[float]
    f1: list[float]
    agreement: float | None = None
    """With the teacher; None if there was no teacher to compare with."""


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True)
class HeadlineMetrics(Metrics):
    """A model's metrics on the project's invented headlines."""

    rows: Annotated[int, Field(ge=1, le=1_000_000)]
    """Number of headlines."""


@with_config(STRICT)
@dataclass(frozen=True)
class Cost:
    """Milliseconds for one whole row and for one headline of 8 to 20 words; the cost of many rows.

    Records of schema 1 lack the fields that are None by default.
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
    """The conditions under which figures were measured."""

    hardware: dict[str, Any] = field(default_factory=dict)
    """See ``hardware.describe``."""
    versions: dict[str, Any] = field(default_factory=dict)
    threads: int | None = None
    taken: str | None = None
    """Time in UTC, ISO format."""
    texts: str | None = None
    """Which texts were used, in words."""
    rows: int | None = None
    """Number of texts."""
    batch_size: int | None = None
    """Only in records of schema 1, as is ``latency``."""
    latency: str | None = None


@with_config(STRICT)
@dataclass(frozen=True)
class MeasuredOn:
    """The conditions of each kind of figure."""

    predictions: Conditions
    latency: Conditions
    throughput: Conditions


@with_config(STRICT)
@dataclass(frozen=True)
class TrainingRecord:
    """How a network was trained, or how TF-IDF's regression was fitted."""

    rows: int
    """Number of training rows, random spans included."""
    rate: float | None = None
    """Peak learning rate."""
    rates_tried: dict[str, float | None] = field(default_factory=dict)
    """Rate → validation loss after a short training; None where it was not finite."""
    epochs: int | None = None
    epochs_tried: dict[str, float | None] = field(default_factory=dict)
    """Number of epochs → least validation loss."""
    steps: int | None = None
    kept_step: int | None = None
    """The step whose weights were kept."""
    validation: list[dict[str, Any]] = field(default_factory=list)
    """Figures on validation, by step."""
    seconds_since_last_start: float | None = None
    bf16: bool | None = None
    hardware: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, Any] = field(default_factory=dict)
    inverse_penalty: float | None = None
    """Only of a regression, as are the fields below."""
    inverse_penalties_tried: dict[str, float] = field(default_factory=dict)
    """Inverse penalty → validation loss."""
    parameters: int | None = None


@with_config(STRICT)
@dataclass(frozen=True)
class CascadeRecord:
    """The members of a cascade, and which texts each of them answers."""

    members: Annotated[list[str], Field(min_length=2)]
    """Roles of the run, in the order in which they are asked."""
    thresholds: list[NotNegative]
    """One for each member but the last."""
    temperatures: list[NotNegative]
    """One for each member but the last."""
    answered: dict[str, list[NotNegative]]
    """By split, the share of the texts that each member answers."""
