"""A model's answers as table columns: the label and the probability of each class."""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from pipeline.class_names import probability_columns
from pipeline.inference.classifier import Classifier
from pipeline.inference.graph import BATCH_SIZE


def answer(
    classifier: Classifier,
    texts: Sequence[str | None],
    progress: Callable[[int], object] | None = None,
    workers: int = 1,
) -> dict[str, pa.Array]:
    """Classify texts, and return the answers as table columns.

    Args:
        classifier: the model, which has k classes.
        texts: n texts; None for a row without text.
        progress: called with the number of texts that were just classified.
        workers: number of batches that run in parallel.

    Returns:
        ``label`` (dictionary-encoded class names) and ``p0`` … ``p{k-1}`` (float32). Each column
        has n rows, with null where there is no text.
    """
    asked = np.array([text is not None for text in texts], dtype=bool)
    probabilities = classifier.predict_proba(
        [text for text in texts if text is not None], BATCH_SIZE, progress, workers
    )
    # Rows without text have a null position, for which ``take`` returns null.
    places = pa.array(np.cumsum(asked) - 1, mask=~asked)
    codes = pa.array(probabilities.argmax(axis=1).astype(np.int16)).take(places)
    columns = [pa.array(column).take(places) for column in probabilities.T]
    return {
        "label": pa.DictionaryArray.from_arrays(codes, pa.array(classifier.labels)),
        **dict(zip(probability_columns(len(classifier.labels)), columns, strict=True)),
    }
