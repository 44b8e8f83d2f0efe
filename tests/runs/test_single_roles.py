"""``run --only``: every role of a family by itself, in a new run and in an existing one."""

from types import SimpleNamespace

import pytest

from pipeline.__main__ import main
from pipeline.recipes.families import FAMILIES
from pipeline.results.storage import read_run
from pipeline.runs import execution, fingerprinting, lineage, plan
from pipeline.runs.fingerprinting import INT8_BITS

TOY = FAMILIES["toy"]
KNOWN = {"data": "d" * 64, INT8_BITS: "8"}
ROLES = [(family, role) for family in FAMILIES.values() for role in family.by_role()]


@pytest.mark.parametrize(("family", "role"), ROLES, ids=lambda part: getattr(part, "name", part))
def test_what_a_role_needs_is_made_before_it(family, role):
    """Only the checkpoints that the role needs are known, as in a run of this role alone."""
    known = KNOWN | dict.fromkeys(lineage.checkpoints(family, [role], KNOWN), "c" * 64)
    assert set(fingerprinting.inputs(family, role, known)) <= set(known)
    prints, models = fingerprinting.fingerprints(family, known), family.by_role()
    for has_logits in (False, True):
        made = plan.roles_to_make(family, [role], known, lambda _, has=has_logits: has)
        assert made[-1] == role
        for place, one in enumerate(made):
            assert one in prints
            source = lineage.made_from(models[one], known)
            assert source is None or source in made[:place]
            teacher = lineage.taught_by(models[one])
            assert has_logits or teacher is None or teacher in made[:place]


def test_a_role_that_needs_no_teacher_is_made_alone_and_once(tmp_path, capsys):
    """TF-IDF needs no checkpoint. In a run without a teacher, it has no agreement."""
    where = ["run", "--family", "toy", "--cache", str(tmp_path)]
    assert main([*where, "--only", "tfidf"]) == 0
    alone = read_run(tmp_path / "toy")
    assert list(alone.by_role) == ["tfidf"]
    assert alone.by_role["tfidf"].metrics.agreement is None
    assert "teacher" not in capsys.readouterr().err
    assert main([*where, "--only", "tfidf"]) == 0
    assert read_run(tmp_path / "toy").record == alone.record
    assert "fitting" not in capsys.readouterr().err


def test_a_model_that_is_only_trained_is_evaluated_by_a_later_command(tmp_path, capsys):
    """The second command has another cache, as on another machine with the work folder's copy."""
    here, there = tmp_path / "here", tmp_path / "there"
    where = ["run", "--family", "toy", "--only", "tfidf", "--work", str(tmp_path / "work")]
    assert main([*where, "--cache", str(here), "--train-only"]) == 0
    assert "without --train-only" in capsys.readouterr().err
    assert not (here / "toy").exists()
    assert main([*where, "--cache", str(there)]) == 0
    assert "fitting" not in capsys.readouterr().err
    assert list(read_run(there / "toy").by_role) == ["tfidf"]


def test_only_what_is_trained_is_made_where_nothing_else_shall_be(tmp_path):
    made = []
    stages = SimpleNamespace(models=TOY.by_role(), weights=made.append, work=tmp_path)
    execution._train(stages, ["teacher", "dynamic", "qat", "nano", "tfidf", "cascade-small"])
    assert made == ["teacher", "qat", "nano", "tfidf"]
