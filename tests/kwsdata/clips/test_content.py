"""What a sound is, is told by its bytes, whatever its size, times and name say; and a file is read once."""

import hashlib
import os
import shutil
import tarfile
import time
from io import BytesIO
from pathlib import Path

import pytest

from kwsdata.clips import content
from kwsdata.clips.content import Contents, digest_at, file_hash

OLD, NEW = b"A" * 1000, b"B" * 1000


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def read(project, monkeypatch) -> list[Path]:
    """The files that were read, in order; all of them have rested."""
    found = []
    real = content.sha256_of

    def sha256_of(path: Path) -> str:
        found.append(path)
        return real(path)

    monkeypatch.setattr(content, "sha256_of", sha256_of)
    monkeypatch.setattr(content, "_REST_NS", 0)
    return found


def in_place(path: Path) -> None:
    """Write other bytes, and put the times back, as `touch -r` does."""
    stat = path.stat()
    path.write_bytes(NEW)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def replaced(path: Path) -> None:
    """Put another file of the same size and time in its place, as `rsync -t` does."""
    other = path.with_name("other")
    other.write_bytes(NEW)
    shutil.copystat(path, other)
    other.replace(path)


def older(path: Path) -> None:
    """Put an older file in its place, as `cp -p` of a backup does, or a clock that was set back."""
    path.write_bytes(NEW)
    os.utime(path, (1, 1))


def by_link(path: Path) -> None:
    """Let the name lead to another file."""
    other = path.with_name("other")
    other.write_bytes(NEW)
    shutil.copystat(path, other)
    path.unlink()
    path.symlink_to(other.name)


def mapped(path: Path) -> None:
    """Change bytes without a change of size."""
    with path.open("r+b") as file:
        file.write(NEW)


EDITS = [in_place, replaced, older, by_link, mapped, lambda path: path.write_bytes(NEW)]


@pytest.mark.parametrize("edit", EDITS)
def test_other_bytes_are_seen_whatever_the_times_say(read, edit):
    path = Path("a.wav")
    path.write_bytes(OLD)
    assert file_hash(path) == sha(OLD)
    edit(path)
    assert file_hash(path) == sha(NEW)
    assert len(read) == 2


@pytest.mark.parametrize(
    "edit",
    [
        lambda path: None,
        lambda path: path.read_bytes(),
        lambda path: os.utime(path.parent, (1, 1)),
        lambda path: path.with_name("beside").write_text("x"),
    ],
    ids=["nothing", "read", "its folder", "a neighbour"],
)
def test_the_same_file_is_read_once(read, edit):
    path = Path("sub/a.wav")
    path.parent.mkdir()
    path.write_bytes(OLD)
    for _ in range(3):
        assert file_hash(path) == sha(OLD)
        edit(path)
    assert len(read) == 1
    assert file_hash(path.absolute()) == sha(OLD)
    assert len(read) == 1


@pytest.mark.parametrize("edit", [lambda p: os.utime(p, (1, 1)), lambda p: p.chmod(0o444), lambda p: p.touch()])
def test_other_times_of_the_same_bytes_cost_a_reading(read, edit):
    path = Path("a.wav")
    path.write_bytes(OLD)
    file_hash(path)
    time.sleep(0.02)  # a tick of the file system's clock
    edit(path)
    assert file_hash(path) == sha(OLD)
    assert len(read) == 2


def test_a_file_that_was_just_written_is_not_trusted_to_stay(read, monkeypatch):
    monkeypatch.setattr(content, "_REST_NS", 10**18)
    path = Path("a.wav")
    path.write_bytes(OLD)
    for _ in range(2):
        assert file_hash(path) == sha(OLD)
    assert len(read) == 2


def test_a_file_of_the_future_is_not_trusted(read, monkeypatch):
    monkeypatch.setattr(content, "_REST_NS", 2 * 10**9)
    path = Path("a.wav")
    path.write_bytes(OLD)
    os.utime(path, (time.time() + 1000, time.time() + 1000))
    for _ in range(2):
        file_hash(path)
    assert len(read) == 2


def test_what_changes_while_it_is_read_is_not_remembered(read, monkeypatch):
    path = Path("a.wav")
    path.write_bytes(OLD)
    real = content.sha256_of

    def sha256_of(path: Path) -> str:
        found = real(path)
        if len(read) == 1:
            path.write_bytes(NEW + b"and more")
        return found

    monkeypatch.setattr(content, "sha256_of", sha256_of)
    file_hash(path)
    assert file_hash(path) == sha(NEW + b"and more")


@pytest.mark.parametrize(
    "name", ["a b.wav", "ü.wav", "u\u0308.wav", os.fsdecode(b"\xff\xfe.wav"), "x" * 200 + ".wav", "\n"]
)
def test_any_name(read, name):
    Path(name).write_bytes(OLD)
    assert file_hash(Path(name)) == file_hash(Path(name)) == sha(OLD)
    assert len(read) == 1


def test_a_file_that_is_missing_is_an_error_and_a_place_without_one_is_not(read):
    with pytest.raises(FileNotFoundError):
        file_hash(Path("gone.wav"))
    contents = Contents()
    assert contents("gone.wav") == contents("gone.tar:0:10") == "missing"
    Path("gone.wav").write_bytes(OLD)
    assert Contents()("gone.wav") == sha(OLD)


def write_tar(path: Path, members: dict[str, bytes]) -> dict[str, str]:
    """Write an uncompressed tar; return {name: its place}."""
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, BytesIO(data))
    with tarfile.open(path) as tar:
        return {member.name: f"{path}:{member.offset_data}:{member.size}" for member in tar}


def test_a_place_in_a_tar_is_its_bytes_and_not_its_neighbours(read):
    places = write_tar(Path("a.tar"), {"x": OLD, "y": NEW, "empty": b""})
    contents = Contents()
    assert [contents(places[name]) for name in ("x", "y", "empty")] == [sha(OLD), sha(NEW), sha(b"")]
    before = digest_at([places["x"]])
    places = write_tar(Path("a.tar"), {"first": b"1" * 3000, "x": OLD, "y": OLD})
    assert digest_at([places["x"]]) == before
    assert Contents()(places["y"]) == sha(OLD)


@pytest.mark.parametrize("length", [0.2, 0.5, 0.8])
def test_a_tar_that_is_cut_short_has_other_bytes_where_it_is_cut(read, length):
    path = Path("a.tar")
    places = list(write_tar(path, {str(n): bytes([n]) * 5000 for n in range(8)}).values())
    whole = [Contents()(place) for place in places]
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * length)])
    found = [Contents()(place) for place in places]
    kept = sum(one == other for one, other in zip(found, whole, strict=True))
    assert found[:kept] == whole[:kept]
    assert 0 < kept < len(places)
    path.write_bytes(data)
    assert [Contents()(place) for place in places] == whole


def test_what_is_no_tar_is_read_by_its_places(read):
    Path("a.tar").write_bytes(b"no tar at all" + OLD)
    assert Contents()("a.tar:13:1000") == sha(OLD)


def test_the_order_of_places_counts(read):
    places = write_tar(Path("a.tar"), {"x": OLD, "y": NEW})
    assert digest_at([places["x"], places["y"]]) != digest_at([places["y"], places["x"]])
    assert digest_at([]) != digest_at([places["x"]])


def test_relative_places_are_counted_from_the_root(read):
    Path("below").mkdir()
    places = write_tar(Path("below/a.tar"), {"x": OLD})
    assert Contents(Path("below"))(places["x"].removeprefix("below/")) == sha(OLD)


def test_many_files_need_little_memory(read, monkeypatch):
    monkeypatch.setattr(content, "_KEPT", 3)
    contents = Contents()
    for number in range(10):
        Path(f"{number}.wav").write_bytes(bytes([number]))
    for _ in range(2):
        assert [contents(f"{number}.wav") for number in range(10)] == [sha(bytes([number])) for number in range(10)]
    assert len(contents._kept) == 3
