"""The table of families, and the plan that follows from it."""

from dataclasses import replace

import pytest
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
)

from pipeline.errors import PipelineError, UsageError
from pipeline.recipes.families import FAMILIES
from pipeline.recipes.role_names import BASELINE, replicated_role, student_of_baseline
from pipeline.recipes.roles import Trained
from pipeline.runs import fingerprinting, lineage, plan
from pipeline.runs.fingerprinting import INT8_BITS

SEVEN = {"teacher", "distil", "tiny", "minilm", "dynamic", "static", "qat"}
BEYOND = {"minilm-int8", "tiny-int8", "minilm-int4", "tiny-int4", "static-naive", "nano", "tfidf"}
BEYOND |= {"teacher-int4", "distil-int4", "tiny-static", "tiny-qat"}
CASCADES = {"cascade-small", "cascade-teacher", "cascade-dynamic"}
STUDENTS = {"distil", "tiny", "minilm", "compact", "micro", "nano"}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_every_family_has_the_notebooks_roles_and_parents_come_first(family):
    roles = [model.role for model in family.models]
    assert set(roles) >= SEVEN | BEYOND | CASCADES
    for number, model in enumerate(family.models):
        assert model.parent is None or model.parent in roles[:number]
    assert {role for role in family.by_role() if role.endswith(BASELINE)} == {
        f"{role}{BASELINE}" for role in STUDENTS
    }


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_tiny_is_quantized_in_every_way_and_its_training_is_taught_by_the_teacher(family):
    models = family.by_role()
    ways = {model.method: model for model in family.models if model.parent == "tiny"}
    assert set(ways) == {"dynamic", "static", "qat", "int4"}
    assert lineage.made_from(ways["qat"], {}) == "tiny"
    assert lineage.taught_by(ways["qat"]) == "teacher"
    assert lineage.taught_by(models["qat"]) == lineage.made_from(models["qat"], {}) == "teacher"
    before, other_teacher = _prints(family), _prints(_with(family, "teacher", seed=1))
    assert before["tiny-qat"].weights != other_teacher["tiny-qat"].weights
    other_tiny = _prints(_with(family, "tiny", warmup=0.5))
    assert before["tiny-qat"].weights != other_tiny["tiny-qat"].weights
    for role, parent in (("teacher-int4", "teacher"), ("distil-int4", "distil")):
        assert (models[role].method, models[role].parent) == ("int4", parent)


def test_what_is_made_of_a_student_besides_differs_in_its_training_alone():
    roles = FAMILIES["mpnet"].by_role()
    minilm = roles["minilm"]
    assert minilm.training.spans.per_row == 2
    # Validation chooses a baseline's length. As long as its student's, it would be overtrained.
    own_length = {"epochs": 1, "least_steps": 60, "doubled_up_to": 12_000}
    changes = {
        "minilm-baseline": own_length | {"spans": None, "label_share": 1.0},
        # As many steps as with two spans of every row, which triple the rows.
        "minilm-logits": {"spans": None, "epochs": 3 * minilm.training.epochs},
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
        assert (roles[role].start, roles[role].layers) == (minilm.start, minilm.layers)
        assert replicated_role(role) == ("minilm" if "seed" in change else None)
    # A bag of n-grams has no layers to match.
    assert "nano-baseline" in roles
    assert "nano-hidden" not in roles


def test_a_baseline_is_known_by_its_old_name_too():
    assert student_of_baseline("minilm-baseline") == "minilm"
    assert student_of_baseline("minilm-control") == "minilm"
    assert student_of_baseline("minilm") is None
    # No family makes a model under the old name.
    assert "minilm-control" not in FAMILIES["mpnet"].by_role()


# The published configurations, and the source notebook's sizes of the saved weights in MB.
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


@pytest.mark.slow
@pytest.mark.parametrize("role", PUBLISHED)
def test_published_configurations_have_the_notebooks_sizes(role, tmp_path):
    build, configure, shape, size_mb = PUBLISHED[role]
    model = build(configure(num_labels=4, **shape))
    model.save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").stat().st_size / 1e6 == pytest.approx(size_mb, rel=2e-3)
    assert FAMILIES["bert"].by_role()[role].start.architecture == model.config.model_type


MPNET = FAMILIES["mpnet"]
FROM_PRETRAINED = {lineage.LAYERS_FROM: lineage.PRETRAINED}


def test_all_of_a_familys_own_roles_are_made_by_default_and_of_no_teacher_its_baselines():
    assert plan.roles_asked_for(MPNET, None, False) == [model.role for model in MPNET.models]
    assert plan.roles_asked_for(MPNET, ["tiny"], True) == ["tiny-baseline"]
    assert plan.roles_asked_for(MPNET, None, True) == [
        f"{m.role}{BASELINE}" for m in MPNET.models if m.role in STUDENTS
    ]


# By requested role: what is made, and what is made if the teacher's logits exist already.
NEEDED = {
    "tiny-int8": (["teacher", "tiny", "tiny-int8"], ["tiny", "tiny-int8"]),
    "tiny-qat": (["teacher", "tiny", "tiny-qat"], ["tiny", "tiny-qat"]),
    "nano": (["teacher", "nano"], ["nano"]),
    # These need the teacher's weights: qat starts from all of them, distil from some layers.
    "qat": (["teacher", "qat"], ["teacher", "qat"]),
    "distil-int4": (["teacher", "distil", "distil-int4"], ["teacher", "distil", "distil-int4"]),
    # No teacher teaches these. They start from a checkpoint, the teacher's layers, or nothing.
    "minilm-baseline": (["minilm-baseline"], ["minilm-baseline"]),
    "distil-baseline": (["teacher", "distil-baseline"], ["teacher", "distil-baseline"]),
    "tfidf": (["tfidf"], ["tfidf"]),
}


@pytest.mark.parametrize("role", NEEDED)
def test_only_brings_what_a_role_derives_from(role):
    without, with_logits = NEEDED[role]
    assert plan.roles_to_make(MPNET, [role], {}) == without
    assert plan.roles_to_make(MPNET, [role], {}, lambda role: True) == with_logits


def test_from_pretrained_layers_and_logits_no_teacher_is_made():
    asked = ["distil-int4", "compact"]
    made = ["distil", "compact", "distil-int4"]
    assert plan.roles_to_make(MPNET, asked, FROM_PRETRAINED, lambda role: True) == made
    assert plan.roles_to_make(MPNET, asked, FROM_PRETRAINED) == ["teacher", *made]


def test_unknown_roles_and_impossible_baselines_are_named():
    with pytest.raises(PipelineError, match="no role 'huge'; its roles are teacher, distil"):
        plan.roles_asked_for(FAMILIES["bert"], ["tiny", "huge"], False)
    with pytest.raises(UsageError, match="does not apply to static, but to students: distil, "):
        plan.roles_asked_for(FAMILIES["bert"], ["tiny", "static"], True)


def _known(family, data="d", bits="8", **others):
    names = lineage.checkpoints(family, family.by_role(), {})
    return {
        "data": data,
        INT8_BITS: bits,
        **{name: f"weights of {name}" for name in names},
        **others,
    }


def _prints(family, **known):
    return fingerprinting.fingerprints(family, _known(family, **known))


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
    after = _prints(_with(family, "tiny", warmup=0.5))
    # A cascade depends on every model that may be its member.
    assert _changed(before, after) == {r for r in before if r.startswith("tiny")} | CASCADES
    after = _prints(_with(family, "qat", epochs=99))
    assert _changed(before, after) == {"qat"}
    assert _changed(before, _prints(_with(family, "teacher", seed=1))) == set(before) - {
        # Baselines that start from a checkpoint, or from nothing, never see the teacher.
        f"minilm{BASELINE}",
        f"tiny{BASELINE}",
        f"micro{BASELINE}",
        f"nano{BASELINE}",
        "tfidf",
    }
    assert _changed(before, _prints(family, data="other")) == set(before)


def test_a_checkpoint_that_changed_makes_stale_what_starts_from_it():
    family = FAMILIES["mpnet"]
    minilm = {"sentence-transformers/all-MiniLM-L6-v2": "other weights"}
    changed = _changed(_prints(family), _prints(family, **minilm))
    assert changed == {
        *(role for role in family.by_role() if role.startswith(("minilm", "tiny", "micro"))),
        *CASCADES,
    }


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_bits_of_int8_are_in_the_fingerprints_of_int8_alone(family):
    eight, seven = _prints(family), _prints(family, bits="7")
    methods = {role: model.method for role, model in family.by_role().items()}
    int8 = {role for role, method in methods.items() if method in ("dynamic", "static", "qat")}
    int8 |= CASCADES  # some of their members are in int8
    assert {"dynamic", "static", "qat", "tiny-qat", "tiny-int8"} <= int8
    assert {role for role in eight if eight[role] != seven[role]} == int8
    for role in int8:
        a, b = eight[role], seven[role]
        assert (a.weights != b.weights) == (methods[role] == "qat"), role
        assert a.artifact != b.artifact
        assert a.evaluation != b.evaluation
    known = _known(family)
    for role in eight:
        assert (INT8_BITS in fingerprinting.inputs(family, role, known)) == (role in int8), role
    del known[INT8_BITS]
    assert set(fingerprinting.fingerprints(family, known)) == set(eight) - int8


def test_what_int8_is_calibrated_and_smoothed_with_is_in_its_fingerprints(monkeypatch):
    before = _prints(MPNET)
    calibrated = {m.role for m in MPNET.models if m.method in fingerprinting.INT8_METHODS}
    for name, value in (
        ("calibration_rows", fingerprinting.CALIBRATION_ROWS),
        ("uneven", fingerprinting.UNEVEN),
    ):
        by = {
            role
            for role in before
            if fingerprinting.settings(MPNET, MPNET.by_role()[role]).get(name)
        }
        of_it = calibrated if name == "calibration_rows" else calibrated - {"qat", "tiny-qat"}
        # The naive way smooths nothing.
        assert by == of_it - ({"static-naive"} if name == "uneven" else set())
        for method in {MPNET.by_role()[role].method for role in by}:
            assert fingerprinting._METHOD_SETTINGS[method][name] == value
            monkeypatch.setitem(fingerprinting._METHOD_SETTINGS[method], name, value + 1)
        assert _changed(before, _prints(MPNET)) == by | CASCADES
        monkeypatch.undo()


@pytest.mark.parametrize(
    ("name", "kept"), [("mpnet", ("distil", "compact")), ("bert", ("compact",))]
)
def test_students_that_keep_layers_start_from_pretrained_ones_if_told(name, kept):
    family = FAMILIES[name]
    known = _known(family) | FROM_PRETRAINED
    checkpoint = family.by_role()["teacher"].start
    assert checkpoint.architecture == name
    before, after = _prints(family), fingerprinting.fingerprints(family, known)
    for role, model in family.by_role().items():
        by_it = role.startswith((*kept, "cascade-small"))
        assert (before[role] != after[role]) == by_it, role
        # Its inputs record this, and from them follows the same fingerprint.
        inputs = fingerprinting.inputs(family, role, known)
        assert (lineage.LAYERS_FROM in inputs) == by_it, role
        assert fingerprinting.fingerprints(family, inputs)[role] == after[role]
        if by_it and isinstance(model, Trained):
            assert lineage.starting_checkpoint(family, model, known) == checkpoint
            assert lineage.made_from(model, known) is None
            assert lineage.made_from(model, {}) == "teacher"


def test_titles_and_descriptions_are_not_in_the_fingerprint():
    family = FAMILIES["mpnet"]
    renamed = replace(family, models=tuple(replace(m, title="X") for m in family.models))
    assert _prints(family) == _prints(renamed)


def test_a_record_that_does_not_say_what_went_in_gives_no_fingerprint():
    assert fingerprinting.fingerprints(FAMILIES["mpnet"], {}) == {}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_members_of_a_cascade_come_before_it(family):
    roles = [model.role for model in family.models]
    for role in CASCADES:
        candidates = lineage.members(family.by_role()[role])
        assert len(candidates) > 1
        assert all(roles.index(member) < roles.index(role) for member in candidates)


def test_a_cascade_needs_whatever_may_be_its_member():
    needed = plan.roles_to_make(MPNET, ["cascade-dynamic"], {})
    assert needed == ["teacher", "tiny", "dynamic", "tiny-int8", "cascade-dynamic"]
    logits = plan.roles_to_make(MPNET, ["cascade-small"], {}, lambda role: True)
    assert "nano" in logits
    assert "compact-int4" in logits
