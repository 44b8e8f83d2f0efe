"""A table of one model's predictions: columns split, row, label, p0 … p{k-1}, as a parquet file."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.class_names import probability_columns
from pipeline.results.records import CacheError

KEYS = ["split", "row", "label"]
HEADLINES = "headlines"
"""The split of the project's invented headlines, beside ``test`` and ``validation``."""
# A compressed file of a kilobyte can unpack to any number of equal rows.
_MAX_ROWS = 1_000_000
_MAX_NUMBERS = 20_000_000
_MAX_SPLIT_NAME = 100


def predictions_frame(
    split: str, rows: np.ndarray, labels: np.ndarray, probabilities: np.ndarray
) -> pd.DataFrame:
    """A predictions table: ``rows`` and ``labels`` of shape (n,), ``probabilities`` (n, k)."""
    frame = pd.DataFrame(
        {"split": split, "row": rows.astype(np.int32), "label": labels.astype(np.int16)}
    )
    columns = probability_columns(probabilities.shape[1])
    values = pd.DataFrame(probabilities.astype(np.float32), columns=columns)
    return pd.concat([frame, values], axis=1)


def probabilities_of(frame: pd.DataFrame) -> np.ndarray:
    """The probabilities of a predictions table, or of some of its rows: float32 (n, k)."""
    return frame[[name for name in frame.columns if name not in KEYS]].to_numpy()


def write_predictions(frame: pd.DataFrame, path: Path) -> None:
    """Write a predictions table to a parquet file."""
    numbers = [name for name in frame.columns if name not in KEYS]
    # Probabilities hardly repeat, so a dictionary of them would take more space than they do. Their
    # first bytes are alike, and compress better side by side.
    frame.to_parquet(
        path,
        index=False,
        compression="zstd",
        use_dictionary=["split"],
        use_byte_stream_split=numbers,
    )


def read_predictions(path: Path, name: str, classes: int) -> pd.DataFrame:
    """Read a predictions table and check its content.

    Args:
        path: of the parquet file.
        name: of the file, for messages.
        classes: number of the run's classes.

    Raises:
        CacheError: the file can't be read, is too large, or its content can't be predictions.
    """
    probability_names = probability_columns(classes)
    try:
        # Encoded as a dictionary, a repeated name takes memory once.
        with pq.ParquetFile(path, read_dictionary=["split"]) as file:
            columns = file.schema_arrow.names
            if columns != [*KEYS, *probability_names]:
                raise CacheError(
                    f"{name} has columns {_few(columns)} where {', '.join(KEYS)} and the "
                    f"probabilities of {classes} classes, p0 to p{classes - 1}, are due"
                )
            most = min(_MAX_ROWS, _MAX_NUMBERS // classes)
            if file.metadata.num_rows > most:
                raise CacheError(f"{name} has more than {most:,} rows")
            table = file.read()
        splits = table["split"].combine_chunks()
        if not pa.types.is_dictionary(splits.type) or splits.null_count:
            raise CacheError(f"{name} has splits that are no names")
        if any(len(split.as_py()) > _MAX_SPLIT_NAME for split in splits.dictionary):
            raise CacheError(f"{name} has splits whose names are too long")
        if not all(pa.types.is_integer(table.schema.field(key).type) for key in ("row", "label")):
            raise CacheError(f"{name} has rows or labels that are no whole numbers")
        kinds = [table.schema.field(key).type for key in probability_names]
        if not all(map(pa.types.is_floating, kinds)):
            raise CacheError(f"{name} has probabilities that are no fractions")
        table = table.set_column(0, "split", splits.cast(pa.string()))
        # Without the file's pandas metadata: only the columns' own types count.
        frame = table.to_pandas(ignore_metadata=True)
        probabilities = frame[probability_names].to_numpy(dtype=np.float64)
        labels = frame["label"].to_numpy(dtype=np.int64)
    except CacheError:
        raise
    except Exception as error:  # pyarrow raises many kinds of errors on a damaged file
        raise CacheError(f"{name} can't be read: {error}") from error
    if not np.isfinite(probabilities).all() or (probabilities < 0).any():
        raise CacheError(f"{name} holds probabilities that are negative or not numbers")
    if not np.allclose(probabilities.sum(axis=1), 1, atol=1e-4):
        raise CacheError(f"{name} holds probabilities that do not sum to one")
    if ((labels < 0) | (labels >= classes)).any():
        raise CacheError(f"{name} holds labels outside 0..{classes - 1}")
    # Tables of schema 1 hold labels in 8 bits.
    return frame.assign(label=labels.astype(np.int16))


def _few(names: list[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f", … ({len(names)} in all)" if len(names) > most else "")
