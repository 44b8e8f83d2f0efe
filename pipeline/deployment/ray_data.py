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

import pyarrow as pa

from pipeline.inference import answer_columns
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

    It needs no Ray: other engines' ``map_batches`` of Arrow tables can be given it, too.
    """

    def __init__(self, folder: Path | str, column: str) -> None:
        """Load the artifact in ``folder``; texts are in the rows' ``column``."""
        self._classifier = Classifier(folder, threads=1)
        self._column = column

    def __call__(self, batch: pa.Table) -> pa.Table:
        """The batch with ``label``, ``p0`` … ``p{k-1}`` (float32) in place of the texts.

        They are null where there is no text, or a blank one.
        """
        texts = [
            text if text and text.strip() else None for text in batch[self._column].to_pylist()
        ]
        answers = answer_columns.answer(self._classifier, texts)
        # Engines join the batches' tables, and a dictionary is one table's own.
        answers["label"] = answers["label"].cast(pa.string())
        kept = batch.drop_columns([self._column])
        for name, values in answers.items():
            kept = kept.append_column(name, values)
        return kept


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
        batch_format="pyarrow",
        compute=ActorPoolStrategy(size=workers),
        num_cpus=_CPUS,
    )
