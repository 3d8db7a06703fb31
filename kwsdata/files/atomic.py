"""Write files and directories whole or not at all; read and write JSON; hash files."""

import errno
import gzip
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from kwsdata.errors import StageInputError
from kwsdata.files.bounded_json import UNREADABLE, bounded_lines, open_plain, parse_json
from kwsdata.files.os_errors import with_file
from kwsdata.files.scratch import move_into_place, scratch_beside
from kwsdata.files.site import appeared, reach

_ROWS = 64  # compressed at once
_TO_JSON = json.JSONEncoder(ensure_ascii=False, check_circular=False)  # made once: json.dumps would make one a row


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a scratch path beside `path`; on success it replaces `path`, else it is removed.

    The scratch path may become a file or a directory. An existing `path` is replaced whole, in one step: a reader, a
    kill -9 and a power cut leave the old or the new. Any number of processes may write one path; the last one stays.

    Raises:
        OSError: the disk is full, read-only or fails; `path` is as it was.
    """
    path = Path(path)
    try:
        with scratch_beside(path) as scratch:
            made = scratch / path.name
            yield made
            to_disk(made)
            move_into_place(made, path)
            fsync(path.parent)
            appeared(path)
    except OSError as error:
        raise with_file(error, path) from None


def to_disk(path: Path) -> None:
    """Return when the file `path`, or all of the directory `path`, is on the disk and not in memory alone.

    Raises:
        OSError: the disk is full or fails.
    """
    if path.is_dir():
        for folder, _, files in os.walk(path):
            for name in files:
                fsync(Path(folder) / name)
            fsync(Path(folder))
    else:
        fsync(path)


def fsync(path: Path) -> None:
    """Flush one file or directory; nothing where the system cannot open a directory or the file system cannot flush."""
    if path.is_symlink() or (os.name == "nt" and path.is_dir()):
        return
    place = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(place)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(place)


def link_or_copy(source: Path, target: Path) -> None:
    """Make `target` the same file as `source`, or a copy where the file system cannot; both are only ever replaced."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


class FileState(NamedTuple):
    """What differs once a file was written again or replaced, even with its size and time put back (`cp -p`)."""

    size: int
    mtime_ns: int
    ctime_ns: int  # of the system's clock: no program sets it
    inode: int
    device: int


def state_of(path: Path) -> FileState:
    """Return the state of the file `path` (of what a link leads to).

    Raises:
        OSError: there is no such file.
    """
    stat = path.stat()
    return FileState(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, stat.st_dev)


def stamp_of(*paths: Path) -> tuple[tuple[str, FileState], ...]:
    """Return name and state of each file (of a directory: of those in it) that exists: of a remade one others.

    What a process keeps of a file is kept under this: a worker may outlive many runs.
    """
    files = [file for path in paths for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    return tuple((file.name, state_of(file)) for file in files if file.is_file())


def sha256_of(path: Path) -> str:
    """Return the SHA-256 hex digest of a file's bytes, read in 1 MiB blocks."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write_json(path: Path, value: Any) -> None:
    """Write `value` as sorted, indented JSON, atomically."""
    with atomic_path(path) as scratch:
        scratch.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        StageInputError: the file is missing or is not JSON.
    """
    try:
        return load_json(reach(Path(path)).read_bytes(), path)
    except FileNotFoundError:
        raise StageInputError(f"{path} is missing: type `dvc repro` to make it.") from None


def load_json(data: bytes, path: Path | str) -> Any:
    """Return the value of JSON bytes that were read from `path`.

    Raises:
        StageInputError: they are not JSON, or nested too deep.
    """
    try:
        return parse_json(data)
    except ValueError as error:
        raise StageInputError(f"{path} is not valid JSON ({error}): remake it with `dvc repro`.") from None


def write_jsonl_gz(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """Write one JSON object a line, gzipped with no time stamp (same rows, same bytes).

    Returns:
        The number of rows written.
    """
    count = 0
    with (
        atomic_path(path) as scratch,
        scratch.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0, compresslevel=6) as packed,
    ):
        source = iter(rows)
        while batch := [_TO_JSON.encode(row) for row in islice(source, _ROWS)]:
            packed.write("\n".join([*batch, ""]).encode())
            count += len(batch)
    return count


def read_jsonl_gz(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a (gzipped) JSON-lines file.

    Raises:
        StageInputError: the file is missing or truncated, or a line is no JSON object, too long or nested too deep.
    """
    path = reach(Path(path))
    if not path.exists():
        raise StageInputError(f"{path} is missing: type `dvc repro` to make it.")
    number = 0
    try:
        if path.suffix == ".gz" and path.stat().st_size == 0:  # even no lines at all take some bytes
            raise EOFError("the file is empty")
        with open_plain(path) as file:
            for number, line in bounded_lines(file):
                yield _row(line, path, number)
    except UNREADABLE as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # not the file's fault: no right to read it, too many open files
        raise _damaged(path, number + 1, error) from None


def _row(line: bytes, path: Path, number: int) -> dict[str, Any]:
    try:
        row = parse_json(line)
        if not isinstance(row, dict):
            raise ValueError("it is no JSON object")
    except ValueError as error:
        raise _damaged(path, number, error) from None
    return row


def _damaged(path: Path, number: int, error: Exception) -> StageInputError:
    return StageInputError(f"{path}, line {number}: {error}. The file is damaged: remake it with `dvc repro`.")
