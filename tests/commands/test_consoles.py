"""Every verb when its console goes away, and options that can't be combined."""

import os
import subprocess
import sys

import pytest

from pipeline import __main__ as command_line
from pipeline.__main__ import main
from tests import pipelines, synthetic

VERBS = (["--help"], ["status"], ["predict", "oil"])


@pytest.fixture
def closed_pipe():
    """The write end of a pipe whose read end is closed."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


def _run(command, **outputs):
    outputs = {"stderr": subprocess.PIPE} | outputs
    return subprocess.run(command, text=True, cwd=pipelines.ROOT, check=False, **outputs)


@pytest.mark.parametrize("arguments", VERBS, ids=lambda arguments: arguments[0])
def test_a_closed_pipe_is_no_trace(cache_folder, closed_pipe, arguments):
    arguments = [*arguments, *([] if arguments == ["--help"] else ["--cache", str(cache_folder)])]
    command = [sys.executable, "-m", "pipeline", *arguments]
    done = _run(command, stdout=closed_pipe)
    assert done.stderr == ""
    assert done.returncode == (0 if arguments == ["--help"] else 1)


@pytest.mark.parametrize("arguments", [["status"], ["predict", "--model", "none", "oil"]])
def test_both_outputs_closed(cache_folder, closed_pipe, arguments):
    """As in ``2>&1 | head -1``, also when there is an error to report."""
    command = [sys.executable, "-m", "pipeline", *arguments, "--cache", str(cache_folder)]
    done = _run(command, stdout=closed_pipe, stderr=closed_pipe)
    assert done.returncode == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_output_that_finds_no_space(cache_folder):
    command = [sys.executable, "-m", "pipeline", "status", "--cache", str(cache_folder)]
    with open("/dev/full", "w") as full:
        done = _run(command, stdout=full)
    assert done.returncode == 1
    assert done.stderr == "error: no space left on the disk; free some, then try again\n"


def _interrupt(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["predict"], "stopped\n"),
        (["classify", "a.txt", "b.parquet", "--model", "x"], "nothing is lost, the same command"),
        (["run", "--family", "toy"], "nothing is lost, the same command goes on where it stopped"),
    ],
)
def test_ctrl_c_is_one_line(arguments, said, monkeypatch, capsys, tmp_path):
    for place in ("predict.default_run", "classify.one_artifact", "run.check_name"):
        monkeypatch.setattr(f"pipeline.commands.{place}", _interrupt)
    assert main([*arguments, "--cache", str(tmp_path)]) == 130
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_ctrl_c_while_modules_are_imported(monkeypatch, capsys):
    monkeypatch.setattr(command_line, "parser", _interrupt)
    assert main(["status"]) == 130
    assert capsys.readouterr().err == "\nstopped\n"
    # Slow modules are imported later, where ctrl-C is handled.
    script = "import sys, pipeline.__main__; print({'numpy', 'pandas'} & set(sys.modules))"
    done = _run([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert done.stdout == "set()\n"


USAGE = {
    "run --family toy --dataset toy --data DIR": "--data does not apply to --dataset toy",
    "run --family toy --dataset agnews --data DIR --labels FILE": "--labels does not apply to",
    "run --family bert --label kind": "--label is about the files of --data",
    "run --family bert --test FILE": "--test is about the files of --data",
    "run --family toy --checkpoints DIR": "--checkpoints does not apply to family toy",
    "run --family bert --only tfidf --checkpoints DIR": "--checkpoints does not apply: tfidf",
    "run --family toy --only teacher tiny --no-teacher": "--no-teacher does not apply to teacher",
    "run --family bert --only tiny --pretrained-layers": "--pretrained-layers does not apply",
    "bench synthetic --train-rows 9 --turns 3": "--turns does not apply to --train-rows",
    "bench synthetic --train-rows 9 --rows 5": "--rows does not apply to --train-rows",
    "bench synthetic --train-rows 9 --work DIR": "--work does not apply to --train-rows",
    "bench synthetic --evaluation-rows 9 --rows 5": "--rows does not apply to --evaluation-rows",
    "bench synthetic --evaluation-rows 9 --work DIR": "--work does not apply",
    "bench synthetic --evaluation-rows 9 --checkpoints DIR": "--checkpoints does not apply",
    "bench a-toy --data DIR": "a-toy is a toy run",
    "bench a-toy --train-rows 9 --checkpoints DIR": "a-toy is a toy run",
    "verify a-toy --data DIR": "--data does not apply to toy runs",
}


@pytest.mark.parametrize("command", USAGE)
def test_a_flag_that_does_not_apply_is_a_usage_error(command, cache_folder, capsys):
    synthetic.write_run(cache_folder, "a-toy", family="toy")
    before = sorted(cache_folder.rglob("*"))
    assert main([*command.split(), "--cache", str(cache_folder)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: ")
    assert USAGE[command] in line
    assert f"python -m pipeline {command.split()[0]} --help" in line
    assert sorted(cache_folder.rglob("*")) == before


def test_two_things_to_time_at_once_are_a_usage_error(cache_folder, capsys):
    more = ["--train-rows", "9", "--evaluation-rows", "9", "--cache", str(cache_folder)]
    with pytest.raises(SystemExit) as stop:
        main(["bench", "synthetic", *more])
    assert stop.value.code == 2
    assert "not allowed with argument --train-rows" in capsys.readouterr().err
