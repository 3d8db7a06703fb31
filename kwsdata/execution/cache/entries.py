"""One cache entry on disk: a folder with the result and a list of its files with their hashes.

    ROOT/STEP/ab/cdef.../entry.json     sealed: {"files": {"abcdef.npy": [size, SHA-256], ...}, "made_by": {...}}
    ROOT/STEP/ab/cdef.../abcdef.npy     what was made: a file or a folder, called by the beginning of its key
    ROOT/STEP/ab/cdef....value          instead: a small value, sealed

A folder is an entry if every file in the list is there with its hash; else it counts as nothing, and is replaced.
Writers of one entry never wait for each other: the first to be ready gives the folder its name, and the others, whose
files are the same, leave it.
"""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from kwsdata.execution.cache.sealed import read_sealed, write_sealed
from kwsdata.files.atomic import fsync, sha256_of, to_disk
from kwsdata.files.scratch import move_into_place, scratch_beside
from kwsdata.files.site import appeared

LIST = "entry.json"
VALUE = ".value"  # how the name of an entry ends that is one sealed value (JSON)


def is_whole(path: Path) -> bool:
    """Return whether `path` is an entry: a sealed value, or a folder of the files in its list, with their hashes."""
    if path.suffix == VALUE:
        return read_sealed(path) is not None
    listed = _listed(path)
    if listed is None:
        return False
    try:
        return listed == _files_of(path)
    except OSError:
        return False


def write_entry(folder: Path, name: str, make: Callable[[Path], object], made_by: dict[str, Any]) -> None:
    """Make the entry `folder`: `make(path)` writes the file or folder `path`, which is called `name` there.

    If `make` raises, or the process dies, nothing is left at `folder`. A whole entry that is there stays.

    Raises:
        ValueError: `make` wrote nothing.
        OSError: the disk is full, or cannot be written.
    """
    with scratch_beside(folder) as scratch:
        made = scratch / folder.name
        made.mkdir()
        make(made / name)
        if not (made / name).exists():
            raise ValueError(f"nothing was made for {folder}")
        row = {"files": _files_of(made), "made_by": made_by}
        write_sealed(made / LIST, json.dumps(row, sort_keys=True).encode(), flush=False)
        to_disk(made)
        _place(made, folder)
        appeared(folder)


def remove(path: Path) -> None:
    """Remove the entry (or whatever else) `path`, if it is there, so that a reader finds it whole or not at all."""
    with scratch_beside(path) as scratch, suppress(FileNotFoundError):
        path.rename(scratch / path.name)


def note_use(path: Path) -> None:
    """Note that an entry was used now: pruning takes those first that were not for longest."""
    with suppress(OSError):  # a cache that may only be read
        os.utime(path / LIST if path.is_dir() else path)


def _place(made: Path, folder: Path) -> None:
    """Give `made` the name `folder`, unless a whole entry has it; what else has it goes, and is never missed."""
    if not is_whole(folder):
        move_into_place(made, folder)
        fsync(folder.parent)


def _listed(folder: Path) -> dict[str, list[Any]] | None:
    data = read_sealed(folder / LIST)
    try:
        return None if data is None else json.loads(data)["files"]
    except (ValueError, KeyError, TypeError):
        return None


def _files_of(folder: Path) -> dict[str, list[Any]]:
    """Return {path below `folder`: [size, SHA-256]} of all files but the list."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / LIST)
    return {path.relative_to(folder).as_posix(): [path.stat().st_size, sha256_of(path)] for path in files}
