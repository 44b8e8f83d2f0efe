"""Several processes on the CPU, as accelerate starts them, train what one process would."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from pipeline import processes
from pipeline.errors import PipelineError
from pipeline.results.storage import list_runs
from tests import pipelines


def _launch(count):
    """Arguments of ``python -m`` that start ``count`` processes."""
    launch = ["accelerate.commands.launch", "--cpu", "--num_processes", count]
    launch += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    return [*launch, "--main_process_port", "0", "-m"]


def _start(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=pipelines.ROOT,
        env={**os.environ, **pipelines.NO_HUB, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stderr
    return done


COUNTS = (2, 4)


@pytest.fixture(scope="module")
def trained(checkpoints, tmp_path_factory):
    """A folder with what one process trains and what several train."""
    folder = tmp_path_factory.mktemp("trained")
    _start("tests.train_once", checkpoints, folder, 1, *COUNTS)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("count", COUNTS)
def test_several_processes_train_what_one_does(count, trained):
    for training in ("labels", "logits"):
        folders = [trained / "1" / training, trained / str(count) / training]
        one, several = (load_file(folder / "weights") for folder in folders)
        for name in one:
            # 6 steps of Adam at up to 1e-3; another order of sums changes far less than that.
            torch.testing.assert_close(several[name], one[name], atol=1e-4, rtol=0, msg=name)
        records = [json.loads((folder / "record.json").read_text()) for folder in folders]
        for name in ("rate", "epochs", "steps", "kept_step", "rows"):
            assert records[0][name] == records[1][name], name
        losses = [[entry["loss"] for entry in record["validation"]] for record in records]
        np.testing.assert_allclose(*losses, rtol=1e-4)
        # Each of the 30 validation rows counts once, even if some are answered twice.
        for record in records:
            (kept,) = (e for e in record["validation"] if e["step"] == record["kept_step"])
            assert kept["loss"] == pytest.approx(record["loss by hand"], rel=1e-5)


@pytest.mark.slow
def test_one_of_two_writes_a_whole_run(tmp_path):
    command = ("tests.brief", "run", "--family", "toy", "--only", "tiny-int8", "nano")
    done = _start(*_launch(2), *command, "--cache", tmp_path)
    assert done.stdout.count("is whole") == 1
    assert done.stderr.count("tiny: training") == 1
    runs, problems = list_runs(tmp_path)
    assert (len(runs), problems) == (1, [])
    assert list(runs[0].by_role) == ["teacher", "tiny", "tiny-int8", "nano"]
    assert not list((tmp_path / ".work").glob(".draft-*"))
    # As accurate as with one process (tests/runs/test_toy_run.py). Chance is 0.25.
    for role in ("teacher", "tiny"):
        assert runs[0].by_role[role].metrics.accuracy > 0.45, role
    assert pipelines.call("verify", "--cache", tmp_path).returncode == 0


def test_a_batch_that_cannot_be_shared_out_is_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(PipelineError, match="3 processes can't share batches of 64 rows"):
        processes.share(64)
    assert processes.share(66) == 22
