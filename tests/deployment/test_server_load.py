"""Many clients at once. ``python -m tests.stress serve`` does it for a minute and reports times."""

import pytest

from pipeline.inference.classifier import Classifier
from tests import serving, synthetic
from tests.stress import serve

pytestmark = [pytest.mark.clients, pytest.mark.slow]


@pytest.mark.parametrize("size", [1, 16])
def test_64_clients_get_their_own_answers_and_no_error(size, tmp_path):
    run = synthetic.write_run(tmp_path / "cache")
    words = [word for words in synthetic.WORDS.values() for word in words]
    texts = [
        f"{first} {second} {'x ' * (place % 17)}"
        for place, first in enumerate(words)
        for second in words[place:]
    ]
    known = dict(
        zip(texts, Classifier(run.artifact("minilm")).predict_proba(texts).tolist(), strict=True)
    )
    with serving.serve(tmp_path / "cache") as served:
        client = serve.Client(served.url, "/models/minilm", run.labels, known)
        load = serve.bombard(served, client, clients=64, seconds=5, size=size)
    assert load.faults == []
    assert load.texts >= 64 * size
