"""Which models are timed by which peers, and why others are left out."""

import pytest

from pipeline import hardware
from pipeline.bench import contestants, turns
from pipeline.bench.untrained import untrained_networks
from pipeline.cascade_rules import Rule
from pipeline.errors import PipelineError
from pipeline.models import networks
from pipeline.results.storage import read_run
from tests import synthetic

pytestmark = pytest.mark.slow


@pytest.fixture
def run(cache_folder):
    """A run of minilm, tiny-int8 and a cascade of them; the teacher is not installed."""
    made = read_run(cache_folder / "synthetic")
    return synthetic.add_cascade(made, {"tiny-int8": Rule(0.9), "minilm": None})


@pytest.fixture
def weights(monkeypatch, tmp_path):
    """A folder that counts as the teacher's weights, even while it is empty."""
    found = {"teacher": tmp_path}
    monkeypatch.setattr(contestants, "_weights", lambda run, role, work: found.get(role))
    return tmp_path


def asked(found):
    return [(person.role, person.kind) for person in found]


INSTALLED = [
    ("minilm", "onnxruntime"),
    ("minilm", "ours"),
    ("tiny-int8", "onnxruntime"),
    ("tiny-int8", "ours"),
    ("cascade-small", "ours"),
]


def test_all_installed_models_and_cascades_are_timed(run, tmp_path):
    found, missing = contestants.contestants(run, tmp_path)
    assert asked(found) == INSTALLED
    assert "teacher is not installed" in missing
    assert [line.rpartition("; ")[2] for line in missing if line.startswith("no weights of t")] == [
        "left out: PyTorch"
    ]


def test_models_that_are_asked_for_are_timed_beside_what_all_are_compared_with(run, weights):
    found, _ = contestants.contestants(run, None, ["cascade-small"])
    assert asked(found) == [("teacher", "transformers"), ("cascade-small", "ours")]
    with pytest.raises(PipelineError, match="no installed model 'teacher'; there are minilm"):
        contestants.contestants(run, None, ["teacher"])


def test_peers_that_do_not_work_here_are_left_out_with_a_line_each(run, weights, monkeypatch):
    monkeypatch.setattr(hardware, "cpu_flags", lambda: [])
    monkeypatch.setattr(contestants, "PYTORCH", ("transformers", "bf16", "torch.ao"))
    found, missing = contestants.contestants(run, None)
    assert asked(found) == [("teacher", "transformers"), *INSTALLED]
    without_hardware, failing = (line for line in missing if line.startswith("left out: "))
    assert without_hardware == "left out: the same, bf16, `teacher`: this processor has no bf16"
    # It fails because the folder of the weights is empty.
    assert failing.startswith("left out: the same, torch.ao int8, `teacher`: torch.ao on ")
    assert f"{weights} fails: " in failing
    assert "\n" not in failing


def test_peers_that_work_are_timed(run, weights, checkpoints, monkeypatch):
    name = "google-bert/bert-base-uncased"
    networks.save(*networks.load_checkpoint(name, "bert", checkpoints, run.labels), weights)
    monkeypatch.setattr(hardware, "cpu_flags", lambda: ["avx512_bf16"])
    monkeypatch.setattr(contestants, "PYTORCH", ("transformers", "bf16"))
    found, _ = contestants.contestants(run, None)
    peers = [kind for role, kind in asked(found) if role == "teacher"]
    assert peers == ["transformers", "bf16"]


def test_networks_without_weights_are_timed_untrained(run, checkpoints, tmp_path, monkeypatch):
    monkeypatch.setattr(contestants, "PYTORCH", ("transformers",))
    lacking = contestants.without_weights(run, tmp_path)
    assert lacking == ["teacher", "minilm"]
    with untrained_networks(run, lacking, checkpoints) as folders:
        found, missing = contestants.contestants(run, tmp_path, None, folders)
        titles = {person.title: person.trained for person in found if person.kind == "transformers"}
        assert titles == {
            "transformers' pipeline, `teacher`, untrained": False,
            "transformers' pipeline, `minilm`, untrained": False,
        }
        assert not [line for line in missing if "weights" in line]
        rows = turns.compare(found, 64, [["coach"], ["shares"]], 1, turns=2)
    compared = {(row["role"], row["peer"]) for row in rows if "same_labels" in row}
    # The two ways of running one artifact, and no answer of an untrained network.
    ways = ("onnxruntime", "ours")
    assert compared == {(role, way) for role in ("minilm", "tiny-int8") for way in ways}


def test_without_checkpoints_nothing_stands_in(run):
    with untrained_networks(run, ["teacher"], None) as folders:
        assert folders == {}


def test_a_role_that_starts_from_no_whole_checkpoint_is_one_line(run, checkpoints):
    with (
        pytest.raises(PipelineError, match="distil of synthetic does not start from a whole"),
        untrained_networks(run, ["distil"], checkpoints),
    ):
        pass
