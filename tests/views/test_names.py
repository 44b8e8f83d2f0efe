"""Names of models that pages show."""

import dataclasses

import pytest

from pipeline.recipes.families import FAMILIES
from tests import synthetic
from views.parts import names


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Tiny, 4 bits", "Tiny, 4-bit"),
        ("Teacher (MPNet-base)", "Teacher"),
        ("MiniLM, dynamic int8", "MiniLM, 8-bit dynamic"),
        ("Teacher, static int8 of everything", "Teacher, 8-bit everywhere"),
        ("Teacher, quantization-aware", "Teacher, 8-bit QAT"),
        ("TF-IDF with logistic regression", "TF-IDF"),
        ("Somebody's  own\nname", "Somebody's own name"),
    ],
)
def test_titles_become_names(title, name):
    assert names.shorten(title) == name


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_every_model_of_a_family_has_a_short_name_of_its_own(family):
    found = [names.shorten(model.title) for model in family.by_role().values()]
    assert len(set(found)) == len(found)
    assert max(map(len, found)) <= 40


def test_names_that_two_models_share_are_told_apart(tmp_path):
    run = synthetic.write_run(tmp_path / "cache", family="mpnet")
    same = [dataclasses.replace(m, role=f"{m.role}-x", title="Same") for m in run.record.models]
    run = dataclasses.replace(run, record=dataclasses.replace(run.record, models=same))
    assert set(names.names(run).values()) == {f"Same ({model.role})" for model in same}
    assert names.with_role(run, "minilm-x") == "Same · minilm-x"


def test_a_role_is_not_said_twice(tmp_path):
    run = synthetic.write_run(tmp_path / "cache")
    offered = names.names_with_roles(run)
    assert offered["teacher"] == "Teacher"
    assert offered["tiny-int8"] == "Tiny, 8-bit dynamic · tiny-int8"
