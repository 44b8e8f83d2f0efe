"""Ray Data on a local cluster of two workers: the same answers as ``classify``."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.class_names import probability_columns
from pipeline.deployment.ray_data import ClassifyBatch, classify
from pipeline.inference import folders
from tests import synthetic
from tests.pipelines import ROOT

FILES, ROWS = 4, 20_000
WORDS = [word for words in synthetic.WORDS.values() for word in words]
COLUMNS = ["label", *probability_columns(4)]


def table(rows):
    texts = [f"{WORDS[n % 20]} {WORDS[n // 20 % 20]} {'x ' * (n % 13)}" for n in range(rows)]
    return pa.table({"row": np.arange(rows), "text": texts})


def test_a_batch_keeps_its_other_columns_and_rows_without_text(artifact):
    batch = table(50).slice(0, 3).append_column("id", pa.array(["a", "b", "c"]))
    batch = batch.set_column(1, "text", pa.array(["goal", None, " "]))
    answer = ClassifyBatch(artifact, "text")(batch)
    assert answer.column_names == ["row", "id", *COLUMNS]
    assert answer["label"].to_pylist() == ["Sports", None, None]
    assert answer["id"].to_pylist() == ["a", "b", "c"]
    assert answer["p0"].type == pa.float32()
    assert answer["p0"].null_count == 2


@pytest.fixture
def cluster(monkeypatch):
    """A Ray cluster on two cores of this machine that sends no usage statistics."""
    ray = pytest.importorskip("ray", reason='pip install "ray[data]"')
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # else Ray leaves a token in the home folder
    # The workers find the package there, wherever the tests were started.
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    ray.init(
        num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=200_000_000
    )
    yield ray
    ray.shutdown()


@pytest.mark.clients
@pytest.mark.slow
def test_two_workers_answer_what_classify_does(cluster, artifact, tmp_path):
    texts, whole, size = tmp_path / "texts", table(ROWS), ROWS // FILES
    texts.mkdir()
    for number in range(FILES):
        pq.write_table(whole.slice(number * size, size), texts / f"{number}.parquet")
    folders.classify(texts, tmp_path / "by classify", artifact)
    expected = pd.concat(map(pd.read_parquet, sorted((tmp_path / "by classify").iterdir())))
    read = cluster.data.read_parquet(str(texts))
    classify(read, artifact, column="text", workers=2).write_parquet(str(tmp_path / "by ray"))
    found = pd.read_parquet(tmp_path / "by ray").sort_values("row")
    assert list(found) == ["row", *COLUMNS]
    assert found["row"].tolist() == list(range(ROWS))
    assert found["label"].tolist() == expected["label"].tolist()
    np.testing.assert_allclose(found[COLUMNS[1:]], expected[COLUMNS[1:]], atol=1e-6)
