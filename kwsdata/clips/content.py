"""Content hashes of sound files and of places in tars, which cache keys name sound by.

A file is read once as long as it is the same file, which its `FileState` tells, and that only if it has rested
for two seconds: one that was just written may be written again within a tick of the clock. Hashes that a
manifest declares are not taken: it may be wrong, and what is made of other sound must not pass for that sound's.
"""

import hashlib
import tarfile
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from kwsdata.draws import digest_of
from kwsdata.execution.cache import Step
from kwsdata.files.atomic import FileState, sha256_of, state_of
from kwsdata.files.site import reach

FILES = Step("files", __name__, cheap=True)
_KEPT = 256  # files: of a tar, 50 kB
_REST_NS = 2 * 10**9  # the coarsest clock of a file system
_MISSING = "missing"  # stands for the hash of what is not there: making anything of it fails


class _ChangedError(Exception):
    """The file changed while it was read: what was `found` is not to be remembered."""

    def __init__(self, found: Any) -> None:
        self.found = found


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises:
        OSError: there is no such file, or it cannot be read.
    """
    return str(_remembered(sha256_of, path))


class Contents:
    """The SHA-256 of the bytes at places, one after the other; what was asked of last is kept in memory."""

    def __init__(self, root: Path = Path()) -> None:
        """Count relative paths from `root`."""
        self._root = root
        self._kept: OrderedDict[str, Any] = OrderedDict()

    def __call__(self, place: str) -> str:
        """Return the hash at "path.tar:offset:size" (`kwsdata.clips.shards`) or of a sound file, or "missing"."""
        path, *numbers = place.rsplit(":", 2)
        try:
            if len(numbers) < 2 or not all(number.isdecimal() for number in numbers):
                return str(self._of(place, sha256_of))
            found = self._of(path, _members).get(":".join(numbers))
            return found or _hash_of_range(reach(self._root / path), int(numbers[0]), int(numbers[1]))
        except OSError:
            return _MISSING

    def _of(self, path: str, read: Callable[[Path], Any]) -> Any:
        if path not in self._kept:
            self._kept[path] = _remembered(read, reach(self._root / path))
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return self._kept[path]


def digest_at(places: Iterable[str], root: Path = Path()) -> str:
    """Return one digest of the bytes at all `places`, in order; see `Contents`."""
    return digest_of(*map(Contents(root), places))


def _remembered(read: Callable[[Path], Any], path: Path) -> Any:
    """Return `read(path)`, from the cache if it was asked before of the same file."""
    state = state_of(path)
    if time.time_ns() - max(state.mtime_ns, state.ctime_ns) < _REST_NS:
        return read(path)
    try:
        make = partial(_read_still, read, path, state)
        return FILES.value(make, read=read.__name__, path=path.absolute().as_posix(), state=list(state))
    except _ChangedError as changed:
        return changed.found


def _read_still(read: Callable[[Path], Any], path: Path, state: FileState) -> Any:
    found = read(path)
    if state_of(path) != state:
        raise _ChangedError(found)
    return found


def _members(path: Path) -> dict[str, str]:
    """Return {"offset:size": SHA-256} of the files in a tar; of those before the damage where it is damaged."""
    found: dict[str, str] = {}
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                if member.isfile():
                    found[f"{member.offset_data}:{member.size}"] = _hash_of_range(path, member.offset_data, member.size)
    except tarfile.TarError:
        pass
    return found


def _hash_of_range(path: Path, offset: int, size: int) -> str:
    with path.open("rb") as file:
        file.seek(offset)
        return hashlib.sha256(file.read(size)).hexdigest()
