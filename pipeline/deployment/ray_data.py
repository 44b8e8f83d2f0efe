"""Classifying with Ray Data: as many machines as a Ray cluster has, a model in each worker.

    pip install "ray[data]~=2.60"

    import ray
    from pipeline.deployment.ray_data import classify

    texts = ray.data.read_parquet("texts/", columns=["text"])
    answers = classify(texts, "cache/mpnet/artifacts/tiny-int4", column="text", workers=8)
    answers.write_parquet("answers/")

The artifact's folder must be under that path on every machine of the cluster.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.class_names import probability_columns
from pipeline.inference.classifier import Classifier

if TYPE_CHECKING:
    from ray.data import Dataset

BATCH = 1024
"""Rows that are sorted by length together."""
_CPUS = 0.5
"""Of Ray's for a worker, which uses a whole one: beside as many workers as there are cores, the
tasks that read the rows must find room, or everything waits for ever."""


class ClassifyBatch:
    """What runs in a worker: the model is loaded once, then called with a batch of rows at a time.

    It needs no Ray: ``map_batches`` of other engines can be given it, too.
    """

    def __init__(self, folder: Path | str, column: str) -> None:
        """Load the artifact in ``folder``; texts are in the rows' ``column``."""
        self._classifier = Classifier(folder, threads=1)
        self._column = column

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The batch's columns but for the texts, and ``label``, ``p0`` … ``p{k-1}`` (float32)."""
        probabilities = self._classifier.predict_proba(batch[self._column].tolist())
        labels = np.array(self._classifier.labels, dtype=object)
        return {
            **{name: values for name, values in batch.items() if name != self._column},
            "label": labels[probabilities.argmax(axis=1)],
            **dict(zip(probability_columns(len(labels)), probabilities.T, strict=True)),
        }


def classify(dataset: "Dataset", folder: Path | str, column: str, workers: int) -> "Dataset":
    """A data set with a model's answers in place of its texts; computed when it is consumed.

    Args:
        dataset: its ``column`` holds the texts; its other columns are kept.
        folder: of the artifact, absolute and the same on every machine of the cluster.
        column: name of the column of texts.
        workers: actors that each load the model and keep one core busy: as many as there are cores.
    """
    from ray.data import ActorPoolStrategy

    return dataset.map_batches(
        ClassifyBatch,
        fn_constructor_args=(str(Path(folder).resolve()), column),
        batch_size=BATCH,
        batch_format="numpy",
        compute=ActorPoolStrategy(size=workers),
        num_cpus=_CPUS,
    )
