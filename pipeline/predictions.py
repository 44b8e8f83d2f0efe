"""A table of one model's predictions: columns split, row, label, p0 … p3, as a parquet file."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.records import CLASSES, CacheError

PROBABILITIES = [f"p{number}" for number in range(CLASSES)]
COLUMNS = ["split", "row", "label", *PROBABILITIES]
# A file of a kilobyte may unfold to any number of equal rows.
_MAX_ROWS = 1_000_000
_MAX_SPLIT_NAME = 100


def predictions_frame(
    split: str, rows: np.ndarray, labels: np.ndarray, probabilities: np.ndarray
) -> pd.DataFrame:
    """A predictions table: ``rows`` and ``labels`` of shape (n,), ``probabilities`` (n, 4)."""
    frame = pd.DataFrame(
        {"split": split, "row": rows.astype(np.int32), "label": labels.astype(np.int8)}
    )
    frame[PROBABILITIES] = probabilities.astype(np.float32)
    return frame


def read_predictions(path: Path, name: str) -> pd.DataFrame:
    """Read a table and check that it can be predictions.

    Args:
        path: of the parquet file.
        name: what messages call it.

    Raises:
        CacheError: it can't be read, is too large or holds what can't be predictions.
    """
    try:
        # As a dictionary, a name that is repeated takes its room once.
        with pq.ParquetFile(path, read_dictionary=["split"]) as file:
            if file.schema_arrow.names != COLUMNS:
                raise CacheError(
                    f"{name} has columns {file.schema_arrow.names} where {COLUMNS} are due"
                )
            if file.metadata.num_rows > _MAX_ROWS:
                raise CacheError(f"{name} has more than {_MAX_ROWS:,} rows")
            table = file.read()
        splits = table["split"].combine_chunks()
        if not pa.types.is_dictionary(splits.type) or splits.null_count:
            raise CacheError(f"{name} has splits that are no names")
        if any(len(split.as_py()) > _MAX_SPLIT_NAME for split in splits.dictionary):
            raise CacheError(f"{name} has splits whose names are too long")
        if not all(pa.types.is_integer(table.schema.field(key).type) for key in ("row", "label")):
            raise CacheError(f"{name} has rows or labels that are no whole numbers")
        if not all(pa.types.is_floating(table.schema.field(key).type) for key in PROBABILITIES):
            raise CacheError(f"{name} has probabilities that are no fractions")
        table = table.set_column(0, "split", splits.cast(pa.string()))
        # Without what the file says of pandas: nothing but the columns' own types is heeded.
        frame = table.to_pandas(ignore_metadata=True)
        probabilities = frame[PROBABILITIES].to_numpy(dtype=np.float64)
        labels = frame["label"].to_numpy(dtype=np.int64)
    except CacheError:
        raise
    except Exception as error:  # pyarrow raises many kinds on a damaged file
        raise CacheError(f"{name} can't be read: {error}") from error
    if not np.isfinite(probabilities).all() or (probabilities < 0).any():
        raise CacheError(f"{name} holds probabilities that are negative or not numbers")
    if not np.allclose(probabilities.sum(axis=1), 1, atol=1e-4):
        raise CacheError(f"{name} holds probabilities that do not sum to one")
    if ((labels < 0) | (labels >= CLASSES)).any():
        raise CacheError(f"{name} holds labels outside 0..{CLASSES - 1}")
    return frame
