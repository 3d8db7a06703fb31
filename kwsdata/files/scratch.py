"""Hidden scratch directories beside a target, locked by their writer and swept after a crash.

    .NAME.RANDOM.part/        a directory beside NAME, which readers of that folder pass over (`list_visible`)
        NAME                  what is being written; after an exchange with an older NAME, the old one
        .lock                 held by the writer: where nobody holds it, the writer was killed
        .before               the older NAME, for a moment, where the file system cannot exchange (`move_into_place`)

Whoever next writes in a folder sweeps what killed writers left there; `kwsdata repair` sweeps the whole project.
"""

import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kwsdata.files.locks import Lock, take
from kwsdata.files.swap import swap

_LOCK = ".lock"
_BEFORE = ".before"
_NAME = re.compile(r"\.(?P<target>.+)\.[0-9a-f]{12}\.part", re.DOTALL)
_EARLIER = re.compile(r"\..+\.\d{1,10}\.(part|old|import)", re.DOTALL)  # the number: a process id
# Where no lock can tell whether a writer is alive, one that has written nothing for so long is not.
SILENT_S = 7 * 24 * 3600.0
_swept: set[tuple[int, Path]] = set()  # (process, folder): a folder is swept once a process


def list_visible(root: Path, pattern: str) -> list[Path]:
    """Return the paths below `root` that match the glob `pattern`, sorted, without hidden ones: scratch is hidden."""
    found = Path(root).glob(pattern)
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(root).parts))


@contextmanager
def scratch_beside(path: Path) -> Iterator[Path]:
    """Yield a new empty directory beside `path`, which is removed at the end, or swept later.

    Raises:
        OSError: the disk is full or read-only.
    """
    folder = path.parent
    folder.mkdir(parents=True, exist_ok=True)
    if (key := (os.getpid(), folder.resolve())) not in _swept:
        sweep(folder)
        _swept.add(key)
    scratch, lock = _begin(path)
    try:
        yield scratch
    finally:
        _end(scratch, lock)


def move_into_place(made: Path, path: Path) -> None:
    """Give what was `made` in a scratch directory the name `path`; what had it, is left in the scratch directory.

    There is no moment without anything at `path`, but where one of both is a directory and the file system cannot
    exchange names (NFS): a process killed between two renames then leaves the old one in the scratch directory, and the
    next sweep brings it back.

    Raises:
        OSError: it cannot be renamed; `path` is as it was.
    """
    while True:
        if not os.path.lexists(path):
            try:
                made.rename(path)
                return
            except OSError:
                if not os.path.lexists(path):
                    raise  # else another writer came first
        elif not made.is_dir() and (path.is_symlink() or not path.is_dir()):
            made.replace(path)
            return
        elif swap(made, path):
            return
        else:
            before = made.with_name(_BEFORE)
            path.rename(before)
            try:
                made.rename(path)
            except OSError:
                before.rename(path)
                raise
            return


def sweep(folder: Path) -> list[Path]:
    """Remove the scratch directories in `folder` whose writers are gone; return them.

    What cannot be removed stays, hidden, for the next sweep.
    """
    swept = []
    with os.scandir(folder) as entries:
        found = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    for scratch in found:
        if (match := _NAME.fullmatch(scratch.name)) and _is_left(scratch, folder / match["target"]):
            swept.append(scratch)
    return swept


def sweep_locks(folder: Path) -> list[Path]:
    """Remove the lock files of files in `folder` that nobody holds (`kwsdata.files.locks.locked`); return them."""
    names = {path.name for path in folder.iterdir()}
    swept = []
    for path in (folder / f".{name}.lock" for name in sorted(names) if f".{name}.lock" in names):
        with suppress(OSError):  # of another user, or on a read-only disk
            if path.is_file() and path.stat().st_size == 0 and (lock := take(path)) is not None:
                lock.release()
                swept.append(path)
    return swept


def sweep_unlocked(folder: Path) -> list[Path]:
    """Remove scratch in `folder` as versions before this one named it, which had no lock, if it is old; return it."""
    found = [path for path in folder.iterdir() if _EARLIER.fullmatch(path.name)]
    old = [path for path in found if time.time() - _last_written(path) > SILENT_S]
    for path in old:
        with suppress(OSError):  # of another user, or on a read-only disk
            _remove(path)
    return [path for path in old if not path.exists()]


def _begin(path: Path) -> tuple[Path, Lock]:
    while True:
        scratch = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
        scratch.mkdir()
        try:
            lock = take(scratch / _LOCK)
        except FileNotFoundError:
            continue  # a sweep took the directory before it was locked
        except OSError:
            scratch.rmdir()
            raise
        if lock is not None:
            return scratch, lock


def _end(scratch: Path, lock: Lock) -> None:
    """Remove all that is in `scratch`, then the lock, then `scratch`: wherever this is killed, a sweep goes on."""
    with suppress(OSError):  # what cannot be removed now, is left to a sweep
        for path in scratch.iterdir():
            if path.name != _LOCK:
                _remove(path)
    if [path.name for path in scratch.iterdir()] == [_LOCK]:
        lock.release()
    else:
        lock.leave()
    with suppress(OSError):
        scratch.rmdir()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _is_left(scratch: Path, target: Path) -> bool:
    """Remove `scratch`, which was to become `target`, and return True, if its writer is gone."""
    try:
        if not (scratch / _LOCK).exists():
            scratch.rmdir()  # empty: killed, or about to lock it, which then fails and begins again
            return True
        lock = take(scratch / _LOCK)
        if lock is None:
            return False
        if not lock.sure and time.time() - _last_written(scratch) < SILENT_S:
            lock.leave()
            return False
        if (scratch / _BEFORE).exists() and not os.path.lexists(target):
            (scratch / _BEFORE).rename(target)
        _end(scratch, lock)
    except OSError:  # of another user, on a read-only disk, or swept by somebody else meanwhile
        return False
    return not scratch.exists()


def _last_written(scratch: Path) -> float:
    return max(path.lstat().st_mtime for path in (scratch, *scratch.rglob("*")))
