"""Stages: complete or absent, done once, one run at a time."""

import os
from pathlib import Path

import pytest

from pipeline.files import fingerprint
from pipeline.runs import stage_folders


def test_a_stage_is_made_once(tmp_path):
    calls = []

    def make(draft):
        calls.append(draft)
        (draft / "result").write_text("made")

    first = stage_folders.complete(tmp_path, "stage", "f" * 64, make)
    assert stage_folders.complete(tmp_path, "stage", "f" * 64, make) == first
    assert (first / "result").read_text() == "made"
    assert len(calls) == 1
    assert stage_folders.complete(tmp_path, "stage", "e" * 64, make) != first


def test_a_stage_that_failed_is_absent_and_its_draft_is_given_again(tmp_path):
    def fail(draft):
        (draft / "checkpoint").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stage_folders.complete(tmp_path, "stage", "f" * 64, fail)
    assert not stage_folders.folder(tmp_path, "stage", "f" * 64).exists()

    def resume(draft):
        assert (draft / "checkpoint").read_text() == "half"
        stage_folders.clear(draft)
        (draft / "result").write_text("whole")

    made = stage_folders.complete(tmp_path, "stage", "f" * 64, resume)
    assert [path.name for path in made.iterdir()] == ["result"]


def test_a_kill_while_the_result_is_written_loses_no_checkpoint(tmp_path):
    def killed(draft):
        (draft / "checkpoint").write_text("hours")
        stage_folders.clear(draft)
        (draft / "result").write_text("ha")
        raise KeyboardInterrupt

    def resume(draft):
        assert [path.name for path in draft.iterdir()] == ["checkpoint"]
        stage_folders.clear(draft)
        (draft / "result").write_text("whole")

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            stage_folders.complete(tmp_path, "stage", "f" * 64, killed)
    made = stage_folders.complete(tmp_path, "stage", "f" * 64, resume)
    assert [path.name for path in made.iterdir()] == ["result"]
    assert list(tmp_path.iterdir()) == [made]


def test_fingerprints_depend_on_content_not_on_order():
    assert fingerprint(a=1, b=[1, 2]) == fingerprint(b=[1, 2], a=1)
    assert fingerprint(a=1) != fingerprint(a=2)
    assert fingerprint(a=[1, 2]) != fingerprint(a=[2, 1])


def test_a_stage_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    """The name says that it is complete, but a crash may lose what was not synced."""
    events = []

    def fsync(descriptor, real=os.fsync):
        events.append(os.fstat(descriptor).st_ino)
        real(descriptor)

    def rename(self, target, real=Path.rename):
        events.append(Path(target).name)
        return real(self, target)

    def make(draft):
        (draft / "inner").mkdir()
        (draft / "inner" / "result").write_text("made")

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", rename)
    made = stage_folders.complete(tmp_path, "stage", "f" * 64, make)
    synced = events[: events.index(made.name)]
    for path in (made, made / "inner", made / "inner" / "result"):
        assert path.stat().st_ino in synced, path
