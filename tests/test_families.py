"""The table of families, and the plan that follows from it."""

from dataclasses import replace

import pytest
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
)

from pipeline import plan
from pipeline.errors import PipelineError
from pipeline.families import FAMILIES
from pipeline.roles import CONTROL, repeated_role

SEVEN = {"teacher", "distil", "tiny", "minilm", "dynamic", "static", "qat"}
BEYOND = {"minilm-int8", "tiny-int8", "minilm-int4", "tiny-int4", "static-naive", "nano", "tfidf"}
STUDENTS = {"distil", "tiny", "minilm", "compact", "micro", "nano"}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_every_family_has_the_notebooks_roles_and_parents_come_first(family):
    roles = [model.role for model in family.models]
    assert set(roles) >= SEVEN | BEYOND
    for number, model in enumerate(family.models):
        assert model.parent is None or model.parent in roles[:number]
    assert {role for role in family.by_role() if role.endswith(CONTROL)} == {
        f"{role}{CONTROL}" for role in STUDENTS
    }


def test_what_is_made_of_a_student_besides_differs_in_its_training_alone():
    roles = FAMILIES["mpnet"].by_role()
    minilm = roles["minilm"]
    # As many steps: two cuts of every row are two rows more.
    assert minilm.training.cuts == 2
    whole_rows = {"cuts": None, "epochs": 3 * minilm.training.epochs}
    changes = {
        "minilm-control": whole_rows | {"label_share": 1.0},
        "minilm-logits": whole_rows,
        "minilm-hidden": {"hidden_epochs": 1},
        "minilm-seed43": {"seed": 43},
        "minilm-seed44": {"seed": 44},
    }
    assert {role for role in roles if role.startswith("minilm-")} == {
        *changes,
        "minilm-int8",
        "minilm-int4",
    }
    for role, change in changes.items():
        assert roles[role].training == replace(minilm.training, **change)
        assert (roles[role].checkpoint, roles[role].layers) == (minilm.checkpoint, minilm.layers)
        assert repeated_role(role) == ("minilm" if "seed" in change else None)
    # A bag of n-grams has no layers to match.
    assert "nano-control" in roles
    assert "nano-hidden" not in roles


def test_no_figure_of_the_notebook_stands_beside_a_toy():
    assert not any(model.reported for model in FAMILIES["toy"].models)
    assert {m.role for m in FAMILIES["bert"].models if m.reported} == SEVEN


# The published configurations; sizes of the saved weights, in MB, are the source notebook's.
PUBLISHED = {
    "teacher": (BertForSequenceClassification, BertConfig, {}, 438.0),
    "distil": (DistilBertForSequenceClassification, DistilBertConfig, {}, 267.9),
    "tiny": (
        BertForSequenceClassification,
        BertConfig,
        {"hidden_size": 312, "num_hidden_layers": 4, "intermediate_size": 1200},
        57.4,
    ),
    "minilm": (
        BertForSequenceClassification,
        BertConfig,
        {"hidden_size": 384, "num_hidden_layers": 12, "intermediate_size": 1536},
        133.5,
    ),
}


@pytest.mark.parametrize("role", PUBLISHED)
def test_published_configurations_have_the_notebooks_sizes(role, tmp_path):
    build, configure, shape, size_mb = PUBLISHED[role]
    model = build(configure(num_labels=4, **shape))
    model.save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").stat().st_size / 1e6 == pytest.approx(size_mb, rel=2e-3)
    assert FAMILIES["bert"].by_role()[role].architecture == model.config.model_type


def test_only_brings_what_a_role_derives_from():
    family = FAMILIES["mpnet"]
    assert plan.roles_to_make(family, ["tiny-int8"], False) == ["teacher", "tiny", "tiny-int8"]
    assert plan.roles_to_make(family, ["tiny"], True) == ["teacher", f"tiny{CONTROL}"]
    assert plan.roles_to_make(family, None, True) == [
        "teacher",
        *(f"{m.role}{CONTROL}" for m in family.models if m.role in STUDENTS),
    ]


def test_unknown_roles_and_impossible_controls_are_named():
    with pytest.raises(PipelineError, match="no role 'huge'; its roles are teacher, distil"):
        plan.roles_to_make(FAMILIES["bert"], ["tiny", "huge"], False)
    with pytest.raises(PipelineError, match="needs a student"):
        plan.roles_to_make(FAMILIES["bert"], ["static"], True)


def _prints(family, data="d", **identities):
    names = plan.checkpoints(family, family.by_role())
    found = {name: f"weights of {name}" for name in names} | identities
    return plan.fingerprints(family, {"data": data, **found})


def _changed(a, b):
    return {role for role in a if a[role].evaluation != b[role].evaluation}


def _with(family, role, **changes):
    models = tuple(
        replace(m, training=replace(m.training, **changes)) if m.role == role else m
        for m in family.models
    )
    return replace(family, models=models)


def test_only_what_depends_on_a_setting_gets_another_fingerprint():
    family = FAMILIES["mpnet"]
    before = _prints(family)
    after = _prints(_with(family, "tiny", epochs=99))
    assert _changed(before, after) == {role for role in before if role.startswith("tiny")}
    after = _prints(_with(family, "qat", epochs=99))
    assert _changed(before, after) == {"qat"}
    assert _changed(before, _prints(_with(family, "teacher", seed=1))) == set(before) - {
        # Controls that start from a checkpoint, or from nothing, never see the teacher.
        f"minilm{CONTROL}",
        f"tiny{CONTROL}",
        f"micro{CONTROL}",
        f"nano{CONTROL}",
        "tfidf",
    }
    assert _changed(before, _prints(family, data="other")) == set(before)


def test_a_checkpoint_that_changed_makes_stale_what_starts_from_it():
    family = FAMILIES["mpnet"]
    minilm = {"sentence-transformers/all-MiniLM-L6-v2": "other weights"}
    changed = _changed(_prints(family), _prints(family, **minilm))
    assert changed == {
        role for role in family.by_role() if role.startswith(("minilm", "tiny", "micro"))
    }


def test_titles_and_descriptions_are_not_in_the_fingerprint():
    family = FAMILIES["mpnet"]
    renamed = replace(family, models=tuple(replace(m, title="X") for m in family.models))
    assert _prints(family) == _prints(renamed)


def test_a_record_that_does_not_say_what_went_in_gives_no_fingerprint():
    assert plan.fingerprints(FAMILIES["mpnet"], {}) == {}
