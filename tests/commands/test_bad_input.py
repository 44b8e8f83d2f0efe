"""Mistakes of users and failures of the system: each ends in one line and a non-zero exit."""

import os
import shutil
import socket
import subprocess
import threading
import time

import pytest

from pipeline.__main__ import main
from tests import pipelines, synthetic


@pytest.fixture
def fails(capsys):
    """Runs the command line and returns the one line that it failed with."""

    def run(*arguments):
        assert main([str(argument) for argument in arguments]) == 1
        lines = capsys.readouterr().err.strip().splitlines()
        assert lines[-1].startswith("error: ")
        return lines[-1]

    return run


def _bert(tmp_path, *more):
    return ("run", "--family", "bert", "--cache", tmp_path / "cache", *more)


def test_missing_data_folder(fails, tmp_path):
    assert "no data folder at" in fails(*_bert(tmp_path, "--data", tmp_path / "none"))


def test_unknown_role(fails, tmp_path):
    said = fails(*_bert(tmp_path, "--only", "huge"))
    assert "has no role 'huge'; its roles are teacher, distil" in said


@pytest.mark.parametrize("name", ["../escape", ".hidden", "a/b", "", "x" * 101])
def test_a_run_name_that_leads_elsewhere(fails, tmp_path, name):
    if name:
        assert "can't be used" in fails(*_bert(tmp_path, "--run", name))
    assert not list(tmp_path.parent.glob("escape"))


def test_missing_checkpoints_folder(fails, tmp_path, data_folder):
    more = ("--data", data_folder, "--checkpoints", tmp_path / "none")
    assert "which --checkpoints names" in fails(*_bert(tmp_path, *more))


def test_checkpoint_without_safetensors(fails, tmp_path, checkpoints, data_folder):
    mine = shutil.copytree(checkpoints, tmp_path / "mine")
    (mine / "google-bert" / "bert-base-uncased" / "model.safetensors").unlink()
    said = fails(*_bert(tmp_path, "--data", data_folder, "--checkpoints", mine))
    assert "has no model.safetensors; only safetensors are read" in said


def test_damaged_checkpoint(fails, tmp_path, checkpoints, data_folder):
    mine = shutil.copytree(checkpoints, tmp_path / "mine")
    os.truncate(mine / "google-bert" / "bert-base-uncased" / "model.safetensors", 1000)
    said = fails(*_bert(tmp_path, "--data", data_folder, "--checkpoints", mine))
    assert "can't read the checkpoint" in said


def test_nothing_to_predict_with_or_on(fails, tmp_path, monkeypatch):
    assert "no run" in fails("predict", "a headline", "--cache", tmp_path)
    assert "nothing to classify" in fails("predict", "  ", "--cache", tmp_path)
    synthetic.write_run(tmp_path)
    shutil.rmtree(tmp_path / "synthetic" / "artifacts")
    assert "no model of synthetic is installed" in fails(
        "predict", "a headline", "--cache", tmp_path
    )


def test_verify_names_a_run_that_is_not_whole(fails, cache_folder):
    os.truncate(cache_folder / "synthetic" / "run.json", 100)
    assert "1 of the runs" in fails("verify", "--cache", cache_folder)


def test_status_serves_the_whole_and_names_the_damaged(cache_folder, capsys):
    shutil.copytree(cache_folder / "synthetic", cache_folder / "other")
    assert main(["status", "--cache", str(cache_folder)]) == 1
    shown = capsys.readouterr()
    assert "synthetic" in shown.out
    assert "other is left out" in shown.err


def test_unknown_family_and_verb_are_usage_errors(capsys):
    for arguments in (["run", "--family", "gpt"], ["train"], []):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2
    assert "invalid choice: 'gpt'" in capsys.readouterr().err


@pytest.fixture
def silent_hub():
    """The address of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held = []

        def accept():
            try:
                while True:
                    held.append(server.accept()[0])
            except OSError:
                pass

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        for connection in held:
            connection.close()


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["data set", "checkpoint"])
def test_a_hub_that_does_not_answer(silent_hub, tmp_path, data_folder, missing):
    more = () if missing == "data set" else ("--data", data_folder)
    started = time.monotonic()
    process = pipelines.run(
        *_bert(tmp_path, *more), env={"HF_ENDPOINT": silent_hub, "HF_HOME": str(tmp_path / "hf")}
    )
    assert time.monotonic() - started < 60
    assert process.returncode == 1
    assert "the Hugging Face Hub does not answer" in process.stderr.splitlines()[-1]
    assert "Traceback" not in process.stderr


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 3 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a small file system can't be mounted here (it takes root)")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow
def test_no_space_left(small_disk):
    process = pipelines.run("run", "--family", "toy", "--only", "tiny", "--cache", small_disk)
    assert process.returncode == 1
    assert process.stderr.strip().splitlines()[-1].startswith("error: no space left on the disk")
    assert "Traceback" not in process.stderr
    assert not (small_disk / "toy").exists()


@pytest.fixture
def read_only_cache(cache_folder):
    """The cache, read-only. It is a read-only mount for root, whom permissions do not stop."""
    if os.geteuid():
        cache_folder.chmod(0o555)
        yield cache_folder
        cache_folder.chmod(0o755)
        return
    for options in (["--bind", str(cache_folder)], ["-o", "remount,ro,bind"]):
        command = ["mount", *options, str(cache_folder)]
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("a file system can't be mounted here")
    yield cache_folder
    subprocess.run(["umount", str(cache_folder)], check=True)


@pytest.mark.parametrize("work", ["in the cache", "elsewhere"])
def test_a_read_only_cache_is_said_before_anything_is_made(read_only_cache, tmp_path, work):
    more = () if work == "in the cache" else ("--work", tmp_path / "work")
    process = pipelines.call("run", "--family", "toy", "--cache", read_only_cache, *more)
    assert process.returncode == 1
    (said,) = process.stderr.strip().splitlines()
    assert said.startswith("error: ")
    assert str(read_only_cache) in said
    assert not list((tmp_path / "work").glob("toy-teacher*"))
    assert [path.name for path in read_only_cache.iterdir() if path.is_dir()] == ["synthetic"]


def test_a_read_only_cache_is_served(read_only_cache, open_page, capsys):
    for page in ("compare", "confusion", "errors", "calibration", "about"):
        assert not open_page(page).error
    app = open_page("try", text="coach wins the cup")
    assert app.dataframe[0].value["Answer"].tolist() == ["Sports", "Sports"]
    assert main(["status", "--cache", str(read_only_cache)]) == 0
    assert main(["predict", "coach", "--cache", str(read_only_cache)]) == 0


@pytest.mark.parametrize("flag", [("--column", "text"), ("--text", "a", "b"), ("--no-header",)])
def test_what_is_said_of_files_that_are_not_there_is_a_usage_error(flag, tmp_path, capsys):
    arguments = ["run", "--family", "bert", *flag, "--cache", str(tmp_path / "cache")]
    assert main(arguments) == 2
    assert "is about the files of --data" in capsys.readouterr().err
