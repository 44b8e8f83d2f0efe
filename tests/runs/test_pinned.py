"""Changes of fingerprints are seen in review, because whatever has a new one is made again."""

import json

import pytest

from pipeline.recipes.families import FAMILIES
from tests.runs.pin_fingerprints import TABLE, pinned

PINNED = json.loads(TABLE.read_text("utf-8"))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", ["made data", "AG News"])
def test_no_fingerprint_changes_unseen(name, family):
    table = PINNED[name]
    expected, found = table["families"][family], pinned(table["data"])[family]
    changed = {role for role in expected | found if expected.get(role) != found.get(role)}
    assert not changed, (
        f"other fingerprints: {', '.join(sorted(changed))}. All that was made of them is stale. "
        "If that is meant, write the table again with python -m tests.runs.pin_fingerprints"
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_every_role_and_stage_is_pinned(family):
    for table in PINNED.values():
        stages = table["families"][family]
        assert set(stages) == set(FAMILIES[family].by_role())
        assert {"artifact", "evaluation"} <= set.intersection(*map(set, stages.values()))
        assert "weights" in stages["minilm"]
        logits = [stage for stage in stages["teacher"] if stage.startswith("logits")]
        assert len(logits) == 2
