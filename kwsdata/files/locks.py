"""Locks between processes as small files, released when the holder ends in any way.

The lock is the kernel's (`flock`) on an open file, so a killed process leaves none behind; the empty file that may stay
is taken over by the next one. Where the system or the file system knows no such locks (Windows, some network disks),
work goes on without.
"""

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from pathlib import Path

from kwsdata.errors import KwsError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

PATIENCE_S = 30.0  # holders only rewrite a small file: one that takes longer hangs
_HELD = {errno.EAGAIN, errno.EACCES}
_NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK}


class _Answer(Enum):
    OURS = auto()
    HELD = auto()  # by another process or thread
    NO_LOCKS = auto()


class LockedError(KwsError):
    """Another process holds a lock, and does not let go."""


class Lock:
    """A lock file that this process holds; `sure` is False where the file system knows no locks."""

    def __init__(self, path: Path, descriptor: int, sure: bool) -> None:
        self.path, self.sure = path, sure
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go, and remove the file."""
        try:
            self.path.unlink(missing_ok=True)  # before the lock ends: nobody else can hold this file
        finally:
            self.leave()

    def leave(self) -> None:
        """Let go; the file stays."""
        os.close(self._descriptor)


def take(path: Path) -> Lock | None:
    """Return the lock file `path`, made if it is missing; None while another process or thread holds it.

    Raises:
        OSError: the file cannot be made.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        lock = None
        try:
            answer = _lock(descriptor)
            if answer is _Answer.HELD:
                return None
            if _is_still(path, descriptor):  # else its holder removed it between our two steps
                lock = Lock(path, descriptor, answer is _Answer.OURS)
                return lock
        finally:
            if lock is None:
                os.close(descriptor)


@contextmanager
def locked(path: Path, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Work alone on the file `path`: hold `.NAME.lock` beside it.

    Raises:
        LockedError: another process has held it for `patience_s`.
        OSError: the lock file cannot be made.
    """
    beside = path.with_name(f".{path.name}.lock")
    until = time.monotonic() + patience_s
    while (lock := take(beside)) is None:
        if time.monotonic() > until:
            raise LockedError(
                f"{path} has been locked by another process for {patience_s:g} s ({beside}): wait for it or end it, "
                "then try again."
            )
        time.sleep(0.01)
    try:
        yield
    finally:
        lock.release()


def _lock(descriptor: int) -> _Answer:
    if fcntl is None:
        return _Answer.NO_LOCKS
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            return _Answer.HELD
        if error.errno in _NO_LOCKS:
            return _Answer.NO_LOCKS
        raise
    return _Answer.OURS


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        there = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    ours = os.fstat(descriptor)
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)
