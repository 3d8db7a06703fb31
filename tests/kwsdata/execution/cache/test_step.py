"""Entries: made once, found whole or not at all, whatever happened to them, and by however many at once."""

import errno
import json
import multiprocessing
import os
import shutil
import signal
import threading
import time
from functools import partial
from pathlib import Path

import pytest
from small_disks import fill, read_only, small_disk

from kwsdata.errors import CacheError
from kwsdata.execution.cache import STEPS, Step, is_whole, read_sealed, write_sealed
from kwsdata.execution.cache.entries import LIST, write_entry
from kwsdata.execution.cache.root import SIGNATURE, TAG

FILE = Step("toy_file", "kwsdata.consistent_hash", suffix=".npy")
FOLDER = Step("toy_folder", "kwsdata.consistent_hash")
VALUE = Step("toy_value", "kwsdata.consistent_hash")
CHEAP = Step("toy_cheap", "kwsdata.consistent_hash", cheap=True)
CONTENT = bytes(range(256)) * 8


@pytest.fixture
def made(project, monkeypatch):
    """What was made, in order."""
    return []


def write_file(made: list, path: Path) -> None:
    made.append(path)
    path.write_bytes(CONTENT)


def write_folder(made: list, path: Path) -> None:
    made.append(path)
    (path / "shar").mkdir(parents=True)
    (path / "shar" / "a.tar").write_bytes(CONTENT)
    (path / "counts.json").write_text('{"clips": 1}')


def asked(kind: str, made: list, **key):
    """Ask for the entry of a kind; return its content."""
    if kind == "file":
        return FILE.get(partial(write_file, made), **key).read_bytes()
    if kind == "folder":
        path = FOLDER.get(partial(write_folder, made), **key)
        return {found.name: found.read_bytes() for found in sorted(path.rglob("*")) if found.is_file()}
    return VALUE.value(lambda: made.append(1) or {"b": [1, 2.5, None], "a": "ü"}, **key)


KINDS = ["file", "folder", "value"]


def files_of(project: Path) -> list[Path]:
    """All files of entries."""
    return sorted(path for path in (project / "cache").glob("toy_*/**/*") if path.is_file())


@pytest.mark.parametrize("kind", KINDS)
def test_an_entry_is_made_once(project, made, kind):
    first = asked(kind, made, x=1)
    assert asked(kind, made, x=1) == first
    assert len(made) == 1
    assert not [path for path in (project / "cache").rglob("*") if ".part" in path.name or ".old" in path.name]


KEYS = [
    {}, {"x": 1}, {"x": 2}, {"y": 1}, {"x": 1.5}, {"x": "1"}, {"x": None}, {"x": True}, {"x": "None"}, {"x": [1]},
    {"x": [1, 2]}, {"x": [[1], 2]}, {"x": ["1", "2"]}, {"x": "1, 2"}, {"x": {"a": 1}}, {"x": {"a": 2}},
    {"x": 1, "y": 1}, {"x": ""}, {"x": "ü"}, {"x": "u\u0308"}, {"x": "\udcff"}, {"x": 10**20}, {"x": 0.1 + 0.2},
    {"x": 0.3},
]  # fmt: skip


def test_whatever_differs_in_a_key_is_another_entry(project, made):
    paths = {FILE.get(partial(write_file, made), **key) for key in KEYS}
    assert len(paths) == len(made) == len(KEYS)
    assert {FILE.get(partial(write_file, made), **key) for key in reversed(KEYS)} == paths
    assert len(made) == len(KEYS)


def test_the_order_of_names_and_of_mappings_is_of_no_consequence(project):
    assert FILE.path(a=1, b={"c": 1, "d": 2}) == FILE.path(b={"d": 2, "c": 1}, a=1)


@pytest.mark.parametrize(
    "value",
    [Path("x"), {1, 2}, float("nan"), object()],
    ids=["path", "set", "nan", "object"],
)
def test_what_is_no_plain_value_is_no_key(project, value):
    with pytest.raises((TypeError, ValueError)):
        FILE.path(x=value)


def test_steps_share_nothing(project):
    with pytest.raises(ValueError, match="two steps are called 'toy_file'"):
        Step("toy_file", "kwsdata.audio")
    assert STEPS["toy_file"] is FILE
    assert FILE.path(x=1).parent.name != FOLDER.path(x=1).parent.name


def flipped(at: float):
    def damage(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[min(int(at * len(data)), len(data) - 1)] ^= 0x41
        path.write_bytes(data)

    return damage


def cut(at: float):
    return lambda path: path.write_bytes(path.read_bytes()[: int(at * path.stat().st_size)])


def by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def by_dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "half": cut(0.5),
    "one byte short": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "one byte more": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "text": lambda path: path.write_text("{}"),
    "gone": Path.unlink,
    "a folder": by_folder,
    "a dangling link": by_dangling_link,
    **{f"flip at {at}": flipped(at) for at in (0, 0.03, 0.1, 0.25, 0.5, 0.66, 0.9, 1)},
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_entry_is_made_again(project, made, kind, damage):
    wanted = asked(kind, made, x=1)
    for number, path in enumerate(files_of(project), 2):
        DAMAGES[damage](path)
        assert asked(kind, made, x=1) == wanted
        assert asked(kind, made, x=1) == wanted
        assert len(made) == number, path  # once, and not on every later run


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda folder, other: (folder / "more").write_text("a file more"),
        lambda folder, other: shutil.copy(other / LIST, folder / LIST),
        lambda folder, other: shutil.rmtree(folder) or folder.mkdir(),
        lambda folder, other: shutil.rmtree(folder) or folder.write_text("a file"),
        lambda folder, other: shutil.rmtree(folder) or folder.symlink_to("nowhere"),
        lambda folder, other: [path.unlink() for path in folder.rglob("*") if path.is_file()],
    ],
    ids=["a file more", "another's list", "empty folder", "a file in its place", "a link in its place", "no files"],
)
def test_a_damaged_folder_is_made_again(project, made, kind, damage):
    wanted = asked(kind, made, x=1)
    write_sealed(project / "other" / LIST, json.dumps({"files": {}}).encode())
    (folder,) = (path.parent for path in files_of(project) if path.name == LIST)
    damage(folder, project / "other")
    assert asked(kind, made, x=1) == wanted
    assert len(made) == 2
    assert is_whole(folder)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError, SystemExit, MemoryError])
@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_is_no_entry(project, made, kind, error):
    def fail(path: Path | None = None) -> None:
        if kind == "file":
            path.write_bytes(b"half of")
        elif kind == "folder":
            path.mkdir()
        raise error("of it")

    step = {"file": FILE, "folder": FOLDER, "value": VALUE}[kind]
    for _ in range(2):
        with pytest.raises(error, match="of it"):
            step.value(fail, x=1) if kind == "value" else step.get(fail, x=1)
        assert not files_of(project)
    asked(kind, made, x=1)
    assert len(made) == 1


def test_what_makes_nothing_is_a_failure(project):
    with pytest.raises(ValueError, match=r"nothing was made for .*toy_file"):
        FILE.get(lambda path: None, x=1)
    assert not files_of(project)


@pytest.mark.parametrize("damaged", [False, True], ids=["missing", "damaged"])
@pytest.mark.parametrize("kind", KINDS)
def test_two_writers_at_once_with_one_process_id(project, kind, damaged, monkeypatch):
    monkeypatch.setattr(os, "getpid", lambda: 7)
    wanted = asked(kind, [], x=1)
    for path in files_of(project):
        path.write_bytes(b"") if damaged else path.unlink()
    both, results, made = threading.Barrier(4), [], []
    check = Step._check

    def meet(self, make):
        check(self, make)
        both.wait(10)  # all have seen that it is missing, and begin to make it

    monkeypatch.setattr(Step, "_check", meet)
    threads = [threading.Thread(target=lambda: results.append(asked(kind, made, x=1))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [wanted] * 4
    assert len(made) == 4
    assert asked(kind, made, x=1) == wanted
    assert len(made) == 4  # what they left is whole
    assert not [path for path in (project / "cache").rglob("*") if ".part" in path.name or ".old" in path.name]


def _write_slowly(root: str, number: int) -> None:
    def slowly(path: Path) -> None:
        with path.open("wb") as file:
            for _ in range(8):
                file.write(CONTENT)
                file.flush()
                time.sleep(0.02)

    os.environ["KWSDATA_CACHE"] = root
    FILE.get(slowly, x=1)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system")
def test_a_writer_that_is_killed_leaves_nothing_that_a_reader_finds(project):
    context = multiprocessing.get_context("fork")
    folder = FILE.path(x=1).parent
    for delay_s in (0.02, 0.08, 0.12):
        writer = context.Process(target=_write_slowly, args=(str(project / "cache"), 0))
        writer.start()
        time.sleep(delay_s)
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        assert not folder.exists() or is_whole(folder)
    assert FILE.get(lambda path: path.write_bytes(b"again"), x=1).exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM])
@pytest.mark.parametrize("kind", KINDS)
def test_a_cache_that_cannot_be_written_is_one_line(project, made, kind, code, monkeypatch):
    real = Path.mkdir

    def mkdir(self, *args, **kwargs):
        if self.is_relative_to(project / "cache") and self != project / "cache":
            raise OSError(code, os.strerror(code), str(self))
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    with pytest.raises(CacheError, match=rf"cache at {project}/cache cannot be written \({os.strerror(code)}\): make"):
        asked(kind, made, x=1)


def test_a_full_disk_says_so_however_it_is_met(project):
    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")  # of write(): it names no file

    with pytest.raises(CacheError, match="No space left"):
        FILE.get(full, x=1)


def test_a_disk_that_is_full_or_only_to_be_read(tmp_path, monkeypatch):
    with small_disk(tmp_path / "disk", "400k") as disk:
        monkeypatch.setenv("KWSDATA_CACHE", str(disk / "cache"))
        made: list = []
        wanted = {kind: asked(kind, made, x=1) for kind in KINDS}
        fill(disk)
        for kind in KINDS:
            with pytest.raises(CacheError, match="No space left on device"):
                asked(kind, made, x=2)
            assert asked(kind, made, x=1) == wanted[kind]
        assert CHEAP.value(lambda: [1], x=1) == [1]
        (disk / "fill").unlink()
        assert {kind: asked(kind, made, x=2) for kind in KINDS} == wanted  # nothing half-made was left
        read_only(disk)
        for kind in KINDS:
            assert asked(kind, made, x=2) == wanted[kind]
            with pytest.raises(CacheError, match="Read-only file system"):
                asked(kind, made, x=3)
        assert CHEAP.value(lambda: [2], x=2) == [2]


def test_an_input_that_may_not_be_read_is_not_the_caches_fault(project):
    def closed(path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "/elsewhere/a.wav")

    with pytest.raises(PermissionError, match=r"elsewhere/a\.wav"):
        FILE.get(closed, x=1)


@pytest.mark.parametrize("kind", KINDS)
def test_entries_of_a_cache_that_may_only_be_read_are_found(project, made, kind, monkeypatch):
    wanted = asked(kind, made, x=1)

    def closed(*args, **kwargs):
        raise OSError(errno.EROFS, "Read-only file system")

    for name in ("mkdir", "write_bytes", "write_text", "rename", "replace", "unlink"):
        monkeypatch.setattr(Path, name, closed)
    monkeypatch.setattr(os, "utime", closed)
    assert asked(kind, made, x=1) == wanted
    assert len(made) == 1


def test_a_cheap_value_does_not_need_a_cache(project, monkeypatch):
    def closed(self, *args, **kwargs):
        raise OSError(errno.EROFS, "Read-only file system", str(self))

    monkeypatch.setattr(Path, "mkdir", closed)
    assert CHEAP.value(lambda: [1], x=1) == [1]


def test_the_cache_may_go_at_any_time(project, made):
    first = asked("file", made, x=1)
    shutil.rmtree(project / "cache")
    assert asked("file", made, x=1) == first

    def lost(path: Path) -> None:
        shutil.rmtree(project / "cache")
        path.write_bytes(b"1")

    with pytest.raises(CacheError, match="cannot be written"):
        FILE.get(lost, x=2)


def test_it_may_lie_on_another_file_system(project, made, monkeypatch):
    other = Path(f"/dev/shm/kwsdata-test-{os.getpid()}")
    if not other.parent.is_dir() or other.parent.stat().st_dev == project.stat().st_dev:
        pytest.skip("no /dev/shm of its own")
    monkeypatch.setenv("KWSDATA_CACHE", str(other))
    try:
        assert asked("folder", made, x=1) == asked("folder", made, x=1)
        assert len(made) == 1
    finally:
        shutil.rmtree(other)


def test_whose_code_makes_an_entry_is_checked(project):
    from kwsdata.files.atomic import write_json

    with pytest.raises(TypeError, match=r"kwsdata\.files\.atomic makes entries of the step 'toy_file'"):
        FILE.get(partial(write_json, value=1), x=1)


def test_the_folder_says_what_it_is(project, made):
    asked("file", made, x=1)
    assert (project / "cache" / TAG).read_text().startswith(SIGNATURE)


def test_using_an_entry_is_noted(project, made):
    asked("file", made, x=1)
    (listed,) = (path for path in files_of(project) if path.name == LIST)
    os.utime(listed, (1, 1))
    asked("file", made, x=1)
    assert listed.stat().st_mtime > 1


def test_an_entry_made_by_another_stays(project):
    folder = FILE.path(x=1).parent

    def meanwhile(path: Path) -> None:
        write_entry(folder, path.name, lambda other: other.write_bytes(b"first"), {})
        path.write_bytes(b"second")

    assert FILE.get(meanwhile, x=1).read_bytes() == b"first"


@pytest.mark.parametrize("damage", DAMAGES)
def test_sealed_files(tmp_path, damage):
    path = tmp_path / "sealed"
    write_sealed(path, CONTENT)
    assert read_sealed(path) == CONTENT
    DAMAGES[damage](path)
    assert read_sealed(path) is None


@pytest.mark.parametrize("data", [b"", b"\n", b"kwsdata sealed 1 ", CONTENT])
@pytest.mark.parametrize("flush", [True, False])
def test_sealed_files_hold_any_bytes(tmp_path, data, flush):
    write_sealed(tmp_path / "below" / "sealed", data, flush)
    assert read_sealed(tmp_path / "below" / "sealed") == data
