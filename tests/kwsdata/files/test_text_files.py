"""Text files that people edit and git merges: damage is named with its line, and adding to them is all or nothing."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kwsdata.errors import StageInputError
from kwsdata.files.locks import LockedError, locked, take
from kwsdata.files.text_files import append_lines, lines_of, rewrite


@pytest.mark.parametrize(
    ("raw", "lines"),
    [
        (b"", []),
        (b"\n\n", []),
        (b"a\nb\n", ["a", "b"]),
        (b"a\nb", ["a", "b"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"\xef\xbb\xbfa\n", ["a"]),
        (b"  a \t\n\t\n b", ["a", "b"]),
        ("é\n日本\n".encode(), ["é", "日本"]),
        (b"== not git's\n=====\n", ["== not git's", "====="]),
    ],
)
def test_what_editors_do_to_a_text_file_is_read(tmp_path, raw, lines):
    (tmp_path / "file").write_bytes(raw)
    assert [line for _, line in lines_of(tmp_path / "file")] == lines


@pytest.mark.parametrize(
    ("raw", "number", "word"),
    [
        (b"a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> theirs\n", 2, "merge conflict"),
        (b"a\n=======\n", 2, "merge conflict"),
        (b"a\n||||||| merged common ancestors\n", 2, "merge conflict"),
        (b">>>>>>> theirs\r\n", 1, "merge conflict"),
        (b"a\nb\xff\n", 2, "byte 2 is 0xff"),
        ("a\nbü\n".encode("latin-1"), 2, "not UTF-8"),
        ("a\n".encode("utf-16"), 1, "not UTF-8"),
        ("a\u2028b\n".encode(), 1, "\\u2028"),
        ("a\u2029b\n".encode(), 1, "\\u2029"),
        ("a\x85b\n".encode(), 1, "\\x85"),
        (b"a\x0cb\n", 1, "\\x0c"),
        (b"a\rb\r", 1, "\\r"),
        (b"a\n\x00\x00\x00", 2, "\\x00"),
        (b"a\n\x1b[31mb\n", 2, "\\x1b"),
    ],
)
def test_what_no_line_may_hold_is_named_with_its_number(tmp_path, raw, number, word):
    (tmp_path / "file").write_bytes(raw)
    with pytest.raises(StageInputError) as raised:
        list(lines_of(tmp_path / "file"))
    assert f"file, line {number}: " in str(raised.value)
    assert word in str(raised.value)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, b"x\ny\n"),
        (b"", b"x\ny\n"),
        (b"a\n", b"a\nx\ny\n"),
        (b"a", b"a\nx\ny\n"),
        (b"a\r\nb", b"a\r\nb\r\nx\r\ny\r\n"),
        (b"\xef\xbb\xbf", b"\xef\xbb\xbfx\ny\n"),
        (b"a\n\n", b"a\n\nx\ny\n"),
    ],
)
def test_each_added_line_is_a_line_of_its_own(tmp_path, before, after):
    path = tmp_path / "folder" / "file"
    if before is not None:
        path.parent.mkdir()
        path.write_bytes(before)
    append_lines(path, ["x", "y"])
    assert path.read_bytes() == after
    assert [file.name for file in path.parent.iterdir()] == ["file"]


def test_mode_and_symbolic_link_stay(tmp_path):
    real = tmp_path / "elsewhere" / "real"
    real.parent.mkdir()
    real.write_text("a\n")
    real.chmod(0o640)
    (tmp_path / "link").symlink_to("elsewhere/real")
    append_lines(tmp_path / "link", ["b"])
    assert (tmp_path / "link").is_symlink()
    assert real.read_text() == "a\nb\n"
    assert real.stat().st_mode & 0o7777 == 0o640


@pytest.mark.parametrize("kind", ["directory", "fifo", "device"])
def test_what_is_no_regular_file_is_refused_and_never_opened(tmp_path, kind):
    path = tmp_path / "file"
    {"directory": path.mkdir, "fifo": lambda: os.mkfifo(path), "device": lambda: path.symlink_to("/dev/zero")}[kind]()
    with pytest.raises(StageInputError, match="no regular file"):
        list(lines_of(path))
    with pytest.raises(StageInputError, match="no regular file"):
        append_lines(path, ["x"])


def test_a_disk_that_fails_while_adding_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("a\n")

    def fsync(place):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError) as raised:
        append_lines(path, ["x"])
    assert (raised.value.errno, raised.value.filename) == (errno.ENOSPC, str(path))
    assert path.read_text() == "a\n"
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_writers_at_once_lose_no_line(tmp_path):
    """Twelve processes, each adding ten lines one by one to a file that begins without a last line end."""
    path = tmp_path / "file"
    path.write_text("first")
    code = (
        "import sys; from pathlib import Path; from kwsdata.files.text_files import append_lines\n"
        "for number in range(10): append_lines(Path(sys.argv[1]), [f'{sys.argv[2]}-{number}'])"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, path, str(number)]) for number in range(12)]
    assert {writer.wait() for writer in writers} == {0}
    lines = path.read_text().splitlines()
    assert lines[0] == "first"
    assert sorted(lines[1:]) == sorted(f"{writer}-{number}" for writer in range(12) for number in range(10))
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_a_lock_that_is_not_let_go_of_ends_in_a_clear_line(tmp_path):
    said = r"file has been locked by another process for 0"
    with locked(tmp_path / "file"), pytest.raises(LockedError, match=said), locked(tmp_path / "file", patience_s=0.05):
        pass
    with locked(tmp_path / "file", patience_s=0):
        pass


def test_the_lock_file_of_a_killed_process_is_taken_over(tmp_path):
    code = (
        "import os, signal, sys; from pathlib import Path; from kwsdata.files.locks import take\n"
        "lock = take(Path(sys.argv[1])); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "lock"], check=False)
    assert (tmp_path / "lock").exists()
    lock = take(tmp_path / "lock")
    assert lock is not None and lock.sure
    assert take(tmp_path / "lock") is None
    lock.release()
    assert not (tmp_path / "lock").exists()


def test_a_lock_file_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "precious").write_text("x")
    (tmp_path / ".file.lock").symlink_to("precious")
    with pytest.raises(OSError) as raised:
        rewrite(tmp_path / "file", lambda before: b"x")
    assert raised.value.errno == errno.ELOOP
    assert Path(tmp_path / "precious").read_text() == "x"
