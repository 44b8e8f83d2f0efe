"""What ``status --json`` reports."""

import json

from pipeline.results.storage import read_run
from tests import pipelines


def test_the_accuracy_on_headlines_is_told_of_models_that_were_asked(cache_folder):
    said = pipelines.call("status", "--json", "--cache", cache_folder)
    told = {row["role"]: row["headlines"] for row in json.loads(said.stdout)}
    run = read_run(cache_folder / "synthetic")
    for role, model in run.by_role.items():
        assert told.pop(role) == model.headlines.accuracy
    assert set(told.values()) == {None}  # not made yet
