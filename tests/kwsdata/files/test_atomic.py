import errno
import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from kwsdata.files.atomic import atomic_path


def test_writers_with_one_process_id_never_meet(tmp_path, monkeypatch):
    """As in two containers on one disk, where the process ids of both count from 1."""
    monkeypatch.setattr(os, "getpid", lambda: 7)
    target = tmp_path / "entry"
    with ExitStack() as stack:
        first = stack.enter_context(atomic_path(target))
        first.write_bytes(b"first, half")
        with atomic_path(target) as second:
            assert not second.exists()
            second.write_bytes(b"second, whole")
        assert target.read_bytes() == b"second, whole"
        first.write_bytes(b"first, whole")
    assert target.read_bytes() == b"first, whole"
    assert [path.name for path in tmp_path.iterdir()] == ["entry"]


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_bytes_are_on_the_disk_before_they_have_their_name(tmp_path, monkeypatch, kind):
    target, flushed = tmp_path / "made", []
    real = os.fsync

    def fsync(place):
        flushed.append((Path(f"/proc/self/fd/{place}").readlink().name, target.exists()))
        real(place)

    monkeypatch.setattr(os, "fsync", fsync)
    with atomic_path(target) as scratch:
        if kind == "directory":
            (scratch / "below").mkdir(parents=True)
        for file in [scratch] if kind == "file" else [scratch / "a", scratch / "below" / "b"]:
            file.write_bytes(b"x" * 10)
    before = {name for name, named in flushed if not named}
    assert before >= ({scratch.name} if kind == "file" else {"a", "b", "below", scratch.name})
    assert flushed[-1] == (tmp_path.name, True)  # and then the folder, which holds the name


def test_a_disk_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    target = tmp_path / "made"
    target.write_text("old")

    def fsync(place):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="No space left"), atomic_path(target) as scratch:
        scratch.write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
    assert target.read_text() == "old"


def test_a_file_system_that_cannot_flush_is_no_fault(tmp_path, monkeypatch):
    def fsync(place):
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", fsync)
    with atomic_path(tmp_path / "made") as scratch:
        scratch.write_text("new")
    assert (tmp_path / "made").read_text() == "new"


def test_scratch_names_are_hidden_and_ignored_by_git(tmp_path):
    with atomic_path(tmp_path / "made") as scratch:
        assert scratch.parent.match(".*.part") and scratch.parent.parent == tmp_path
        scratch.mkdir()
    assert (tmp_path / "made").is_dir()
