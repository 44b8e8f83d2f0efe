"""Tables of predictions as files."""

import numpy as np
import pandas as pd
import pytest

from pipeline.results.predictions import predictions_frame, read_predictions, write_predictions


@pytest.mark.parametrize("classes", [4, 77])
def test_a_table_comes_back_and_is_smaller_than_by_default(tmp_path, classes):
    logits = np.random.default_rng(0).normal(scale=3, size=(2000, classes))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    rows = np.arange(2000)
    written = predictions_frame("test", rows, rows % classes, probabilities)
    write_predictions(written, tmp_path / "a.parquet")
    read = read_predictions(tmp_path / "a.parquet", "a.parquet", classes)
    pd.testing.assert_frame_equal(read, written)
    written.to_parquet(tmp_path / "default.parquet", index=False, compression="zstd")
    sizes = {path.stem: path.stat().st_size for path in tmp_path.iterdir()}
    assert sizes["a"] < 0.85 * sizes["default"]
