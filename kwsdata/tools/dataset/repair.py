"""Repair what DVC may have left half-written after a kill or a power cut.

The stages' own outputs appear whole or not at all. DVC's are another matter: it truncates `dvc.lock` and
`.dvc/tmp/rwlock`, then writes them, so that a kill in those milliseconds leaves a file that no later command can read.
Nothing is lost by it: what a stage made is in DVC's cache and run cache. What killed commands were writing is swept.
"""

import json
import os
from pathlib import Path

import yaml

from kwsdata.files.atomic import atomic_path
from kwsdata.files.scratch import sweep, sweep_locks, sweep_unlocked
from kwsdata.tools.dataset.trees import LOCK, git

RWLOCK = Path(".dvc/tmp/rwlock")
_WRITTEN = ("data", "review")  # where commands write
CACHE = ".cache"  # data/.cache


def repair(root: Path = Path()) -> dict[str, str]:
    """Mend what is broken at `root`; return {file or folder: what was done}, empty where all was well.

    A broken dvc.lock becomes the one of the last commit, or none: `dvc repro` then takes what it records no more from
    the run cache, without running it again. Scratch of killed commands goes; that of running ones stays.
    """
    done = {}
    lock = Path(root) / LOCK
    if lock.exists() and not _is_whole(lock.read_bytes()):
        committed = git(root, "show", f"HEAD:./{LOCK}").encode() + b"\n"
        if committed.strip() and _is_whole(committed):
            with atomic_path(lock) as scratch:
                scratch.write_bytes(committed)
            done[LOCK] = "was half-written; is that of the last commit again"
        else:
            lock.unlink()
            done[LOCK] = "was half-written, and no whole one is committed; removed"
    rwlock = Path(root) / RWLOCK
    if rwlock.exists() and not _is_json(rwlock):
        rwlock.unlink()
        done[str(RWLOCK)] = "was half-written; removed"
    return done | _swept(Path(root))


def _swept(root: Path) -> dict[str, str]:
    """Remove what killed commands of this version, and of those before, left below `root`; return {folder: what}."""
    folders = [root]
    for written in _WRITTEN:
        for place, below, _ in os.walk(root / written):
            below[:] = sorted(name for name in below if not name.startswith(".") or name == CACHE)
            folders.append(Path(place))
    done = {}
    for folder in folders:
        left = [*sweep(folder), *sweep_locks(folder)] + (sweep_unlocked(folder) if folder != root else [])
        if left:
            done[str(folder.relative_to(root))] = f"held what {len(left)} killed writers left; removed"
    return done


def _is_whole(lock: bytes) -> bool:
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA  # what DVC itself refuses
    from voluptuous import Invalid

    try:
        COMPILED_LOCKFILE_SCHEMA(yaml.safe_load(lock))
    except (yaml.YAMLError, Invalid, ValueError, TypeError, RecursionError):  # the last three: PyYAML's, of odd bytes
        return False
    return True


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return False
    return True
