"""Files that are whole or absent."""

import json
import tempfile

import pytest

from pipeline import files
from pipeline.errors import PipelineError
from pipeline.files import write_json


def test_json_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(PipelineError, match=r"a\.json can't be written: a\.1 is inf"):
        write_json(path, {"a": [1.0, float("inf")]})
    assert json.loads(path.read_text()) == {"a": 1}


def test_a_second_run_in_the_same_work_folder_is_told_so(tmp_path):
    work = tmp_path / ".work"
    with (
        files.locked(work),
        pytest.raises(PipelineError, match="another run is at work"),
        files.locked(work),
    ):
        pass
    with files.locked(work), files.locked(tmp_path / "run"):  # free again
        pass


def test_a_folder_that_can_not_be_written_to_is_said_before_anything_is_made(tmp_path, monkeypatch):
    """An earlier run left its lock file there, so the lock alone could still be taken."""

    def refuse(dir):
        raise PermissionError(13, "Permission denied", str(dir / "x"))

    with files.locked(tmp_path / "run"):
        pass
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    said = f"{tmp_path} can't be written to: Permission denied; "
    with pytest.raises(PipelineError, match=said), files.locked(tmp_path / "run"):
        pass
    monkeypatch.undo()
    with files.locked(tmp_path / "run"):  # nothing is held
        pass
