"""Ray Data on a local cluster of two workers: the same answers as ``classify``."""

import numpy as np
import pandas as pd
import pytest

from pipeline.class_names import probability_columns
from pipeline.deployment.ray_data import ClassifyBatch, classify
from pipeline.inference import large_files
from tests import synthetic
from tests.pipelines import ROOT

ROWS = 20_000
WORDS = [word for words in synthetic.WORDS.values() for word in words]
COLUMNS = probability_columns(4)


def table(rows):
    texts = [f"{WORDS[n % 20]} {WORDS[n // 20 % 20]} {'x ' * (n % 13)}" for n in range(rows)]
    return pd.DataFrame({"row": np.arange(rows), "text": texts})


def test_a_batch_keeps_its_other_columns(artifact):
    batch = {name: values.to_numpy() for name, values in table(50).items()}
    answer = ClassifyBatch(artifact, "text")(batch)
    assert list(answer) == ["row", "label", *COLUMNS]
    assert answer["row"].tolist() == list(range(50))
    assert answer["p0"].dtype == np.float32
    assert answer["label"][0] == "World"


@pytest.fixture
def cluster(monkeypatch):
    """A cluster of this machine, with two cores, that tells nobody."""
    ray = pytest.importorskip("ray", reason='pip install "ray[data]"')
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # a token would be left in the home folder
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
    source, target = tmp_path / "texts.parquet", tmp_path / "answers.parquet"
    table(ROWS).to_parquet(source, row_group_size=2_000)
    large_files.classify(source, target, artifact)
    expected = pd.read_parquet(target)
    texts = cluster.data.read_parquet(str(source), override_num_blocks=8)
    answers = classify(texts, artifact, column="text", workers=2)
    found = answers.to_pandas().sort_values("row", ignore_index=True)
    assert list(found) == ["row", "label", *COLUMNS]
    assert found["row"].tolist() == list(range(ROWS))
    assert found["label"].tolist() == expected["label"].tolist()
    np.testing.assert_allclose(found[COLUMNS], expected[COLUMNS], atol=1e-6)
