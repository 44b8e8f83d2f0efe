"""What ``cache/<run>/run.json`` holds."""

from dataclasses import dataclass
from typing import Any

SCHEMA = 1


@dataclass(frozen=True)
class ModelRecord:
    """What a run knows of one model."""

    role: str
    title: str
    method: str
    description: str
    parent: str | None
    checkpoint: str | None
    fingerprint: str
    """Of the evaluation: changes with the settings, the data and everything it derives from."""
    inputs: dict[str, str]
    """What went into the fingerprint beside the settings: data, checkpoint."""
    settings: dict[str, Any]
    parameters: int
    size_bytes: int
    """Of the ONNX graph with its external data: the file that gave the predictions."""
    artifact: dict[str, str]
    """Name of each file in ``artifacts/<role>/`` → its sha256."""
    metrics: dict[str, Any]
    """On test: accuracy, macro_f1, ece, nll, agreement, and precision, recall, f1 per class."""
    validation: dict[str, Any]
    """The same on validation."""
    cost: dict[str, float]
    """load_ms, p50_ms, p95_ms, headlines_per_second, peak_memory_mb."""
    measured_on: dict[str, Any]
    """Hardware, versions, threads and batch size behind ``cost`` and the predictions."""
    training: dict[str, Any] | None = None
    """Rate chosen, validation figures by step, seconds, device; None where nothing is trained."""


@dataclass(frozen=True)
class RunRecord:
    """The content of ``run.json``."""

    run: str
    family: str
    command: str
    created: str
    data: dict[str, Any]
    """name, fingerprint, labels, rows per split, seed of the split."""
    models: list[ModelRecord]
    files: dict[str, str]
    """Path below the run's folder → sha256, for what every clone has (not the artifacts)."""
    toy: bool = False
    schema: int = SCHEMA
