"""The texts of a run's test rows, if they may be redistributed: row and text, in parquet."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.errors import one_line
from pipeline.results.records import CacheError

TEXTS = "texts.parquet"
"""The file's name in the run's folder."""
_COLUMNS = ["row", "text"]
# A compressed file of a kilobyte can unpack to any number of equal rows.
_MAX_ROWS = 1_000_000
_MAX_BYTES = 200_000_000


def texts_frame(rows: np.ndarray, texts: Sequence[str]) -> pd.DataFrame:
    """A table of texts; ``rows`` are their row numbers in the source file, shape (n,)."""
    return pd.DataFrame({"row": rows.astype(np.int32), "text": pd.Series(list(texts), dtype=str)})


def read_texts(path: Path, name: str) -> pd.DataFrame:
    """Read a table of texts and check its content.

    Args:
        path: of the parquet file.
        name: of the file, for messages.

    Raises:
        CacheError: the file can't be read, is too large or holds no table of texts.
    """
    try:
        if pq.read_schema(path).names != _COLUMNS:
            raise CacheError(f"{name} has other columns than {' and '.join(_COLUMNS)}")
        # Encoded as a dictionary, a repeated text takes memory once.
        with pq.ParquetFile(path, read_dictionary=["text"]) as file:
            if file.metadata.num_rows > _MAX_ROWS:
                raise CacheError(f"{name} has more than {_MAX_ROWS:,} rows")
            table = file.read()
        rows, texts = (table[column].combine_chunks() for column in _COLUMNS)
        is_text = pa.types.is_dictionary(texts.type) and pa.types.is_string(texts.type.value_type)
        if not is_text or not pa.types.is_integer(rows.type) or rows.null_count or texts.null_count:
            raise CacheError(f"{name} holds what is no row number or no text")
        sizes = pc.take(pc.binary_length(texts.dictionary), texts.indices)
        if (pc.sum(sizes).as_py() or 0) > _MAX_BYTES:
            raise CacheError(f"{name} holds more than {_MAX_BYTES // 10**6} MB of text")
        frame = pd.DataFrame({"row": rows.to_pylist(), "text": texts.to_pylist()})
    except CacheError:
        raise
    except Exception as error:  # pyarrow raises many kinds of errors on a damaged file
        raise CacheError(f"{name} can't be read: {one_line(error)}") from error
    if frame["row"].duplicated().any():
        raise CacheError(f"{name} names a row twice")
    return frame
