"""A cascade is a classifier: its members lie beside it, and each answers what it is sure of."""

import json

import numpy as np
import pytest

from pipeline.cascade_rules import Rule
from pipeline.errors import PipelineError
from pipeline.inference import cascade, encoders
from pipeline.inference.classifier import Classifier, graph_bytes
from tests import synthetic

TEXTS = [
    *(" ".join(w for w in words) for words in synthetic.WORDS.values()),
    "",
    "unknown",
    "x" * 5_000,
]


@pytest.fixture
def folder(tmp_path):
    """A cascade of a model that is blind to one class and one that is not."""
    for role, blind_to in (("nano", ("Sports",)), ("tiny-int8", ())):
        (tmp_path / role).mkdir()
        synthetic.write_artifact(tmp_path / role, 3.0, blind_to)
    made = tmp_path / "cascade-small"
    made.mkdir()
    members = {role: tmp_path / role for role in ("nano", "tiny-int8")}
    cascade.write(made, members, [Rule(0.5)], Classifier(tmp_path / "nano").labels)
    return made


def test_each_member_answers_what_it_is_sure_of(folder):
    small, large = (Classifier(folder.parent / role) for role in ("nano", "tiny-int8"))
    expected = small.predict_proba(TEXTS)
    unsure = expected.max(axis=1) < 0.5
    assert 0 < unsure.sum() < len(TEXTS)
    expected[unsure] = large.predict_proba([t for t, u in zip(TEXTS, unsure, strict=True) if u])
    model = Classifier(folder)
    found = model.answer(TEXTS)
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-6)
    assert found.members.tolist() == unsure.astype(int).tolist()
    assert (model.roles, model.labels) == (["nano", "tiny-int8"], small.labels)


def test_answers_are_the_same_one_by_one_in_batches_and_by_many_workers(folder):
    model = Classifier(folder, threads=1)
    expected = model.predict_proba(TEXTS)
    one_by_one = np.concatenate([model.predict_proba([text]) for text in TEXTS])
    np.testing.assert_allclose(one_by_one, expected, atol=1e-6)
    np.testing.assert_allclose(model.predict_proba(TEXTS, 2, workers=2), expected, atol=1e-6)


def test_progress_counts_every_text_once(folder):
    done = []
    Classifier(folder).predict_proba(TEXTS, progress=done.append)
    assert sum(done) == len(TEXTS)


def test_no_texts_have_no_answers(folder):
    found = Classifier(folder).answer([])
    assert (found.probabilities.shape, found.members.shape) == ((0, 4), (0,))


def test_a_model_that_is_no_cascade_has_one_member(folder):
    model = Classifier(folder.parent / "nano")
    assert model.roles == []
    assert model.answer(TEXTS).members.tolist() == [0] * len(TEXTS)


def test_its_size_is_that_of_its_members(folder):
    sizes = [graph_bytes(folder.parent / role) for role in ("nano", "tiny-int8")]
    assert graph_bytes(folder) == sum(sizes)


def edit(folder, change):
    content = json.loads((folder / cascade.FILE).read_text("utf-8"))
    change(content)
    (folder / cascade.FILE).write_text(json.dumps(content), encoding="utf-8")


def test_a_member_that_is_missing_is_named(folder):
    (folder.parent / "tiny-int8" / "model.onnx").unlink()
    with pytest.raises(PipelineError, match=r"cascade-small needs tiny-int8, whose model\.onnx"):
        Classifier(folder)


def test_a_member_that_has_changed_is_named(folder):
    settings = folder.parent / "nano" / "classifier.json"
    settings.write_text(settings.read_text("utf-8") + " ", encoding="utf-8")
    with pytest.raises(PipelineError, match="was made with another nano"):
        Classifier(folder)


DAMAGE = {
    "a member outside the run": lambda c: c["members"][0].update(role="../elsewhere"),
    "a file outside the member": lambda c: c["members"][0]["files"].update({"../x": "0"}),
    "no rule": lambda c: c["members"][0].pop("threshold"),
    "one member": lambda c: c["members"].pop(),
    "no members": lambda c: c.update(members=[]),
    "a list": lambda c: c.update(members={"nano": 1}),
    "a threshold in words": lambda c: c["members"][0].update(threshold="high"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_file_that_says_anything_else_is_refused_in_one_line(folder, damage):
    edit(folder, damage)
    with pytest.raises(PipelineError, match="again") as error:
        Classifier(folder)
    assert "\n" not in str(error.value)


def test_members_that_tell_other_classes_apart_are_refused(folder):
    settings = folder.parent / "nano" / "classifier.json"
    content = json.loads(settings.read_text("utf-8"))
    settings.write_text(json.dumps(content | {"labels": ["a", "b", "c", "d"]}), encoding="utf-8")
    members = {role: folder.parent / role for role in ("nano", "tiny-int8")}
    cascade.write(folder, members, [Rule(0.5)], content["labels"])
    with pytest.raises(PipelineError, match="do not tell the same classes apart"):
        Classifier(folder)


def test_its_own_class_names_are_compared_with_the_runs(folder):
    labels = Classifier(folder).labels
    encoders.check_labels(folder, "cascade-small", labels)
    with pytest.raises(PipelineError, match="the artifact of cascade-small has the labels"):
        encoders.check_labels(folder, "cascade-small", labels[::-1])
