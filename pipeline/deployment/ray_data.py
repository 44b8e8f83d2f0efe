"""Classify with Ray Data on all machines of a Ray cluster, with one model in each worker.

    pip install "ray[data]~=2.60"

    import ray
    from pipeline.deployment.ray_data import classify

    texts = ray.data.read_parquet("texts/", columns=["text"])
    answers = classify(texts, "cache/mpnet/artifacts/tiny-int4", column="text", workers=8)
    answers.write_parquet("answers/")

The artifact's folder must have the same path on every machine of the cluster.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from pipeline.inference import answer_columns
from pipeline.inference.classifier import Classifier

if TYPE_CHECKING:
    from ray.data import Dataset

BATCH = 1024
"""Rows in a batch, which are sorted by length together."""
_CPUS = 0.5
"""CPUs that a worker reserves in Ray, although it uses a whole one. With one worker per core, this
leaves room for the tasks that read the rows; without them, everything would wait forever."""


class ClassifyBatch:
    """Runs in a worker: loads the model once, then classifies one batch of rows per call.

    It does not depend on Ray, so other engines that map batches of Arrow tables can use it, too.
    """

    def __init__(self, folder: Path | str, column: str) -> None:
        """Load the artifact in ``folder``; texts are in the rows' ``column``."""
        self._classifier = Classifier(folder, threads=1)
        self._column = column

    def __call__(self, batch: pa.Table) -> pa.Table:
        """The batch with ``label``, ``p0`` … ``p{k-1}`` (float32) in place of the texts.

        These columns are null where the text is missing or blank.
        """
        texts = [
            text if text and text.strip() else None for text in batch[self._column].to_pylist()
        ]
        answers = answer_columns.answer(self._classifier, texts)
        # Engines concatenate the batches' tables, but each table would have its own dictionary.
        answers["label"] = answers["label"].cast(pa.string())
        kept = batch.drop_columns([self._column])
        for name, values in answers.items():
            kept = kept.append_column(name, values)
        return kept


def classify(dataset: "Dataset", folder: Path | str, column: str, workers: int) -> "Dataset":
    """The data set with a model's answers in place of its texts, computed when it is consumed.

    Args:
        dataset: its ``column`` holds the texts; its other columns are kept.
        folder: the artifact's; its absolute path must be the same on every machine.
        column: name of the column of texts.
        workers: number of actors, best the number of cores. Each loads the model and keeps one
            core busy.
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
