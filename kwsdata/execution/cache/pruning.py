"""Keep the cache within a size: remove entries unused for longest, never one that a running stage uses.

A command that uses the cache holds a lease, a locked file in `ROOT/.in_use`, for as long as it runs; a killed one holds
none. Entries that were used since the oldest lease began stay, whatever the limit. Only what has the shape of an entry
is looked at, so that other files in the folder are safe.
"""

import logging
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kwsdata.errors import CacheError, ParamsError
from kwsdata.execution.cache.entries import LIST, VALUE, remove
from kwsdata.execution.cache.root import cache_root, tag
from kwsdata.files.locks import Lock, take
from kwsdata.files.scratch import SILENT_S, sweep

LOG = logging.getLogger(__name__)
_GB = 1e9
_LEASES = ".in_use"
_SKEW_S = 60.0  # between the clocks of machines that share a cache
_ENTRY = re.compile(rf"[0-9a-f]{{62}}({re.escape(VALUE)})?")
# Entries of the time when their names did not cover their code: nothing finds them any more.
_EARLIER_STEPS = (
    "augment", "check", "embed", "embed_augmented", "espeak_voices", "fetched", "files", "heard", "pools", "scores",
    "synthesize", "teach", "train",
)  # fmt: skip
_EARLIER = re.compile(r"[0-9a-f]{24}([0-9a-f]{14,16})?(\.\w+)?")


@dataclass(frozen=True)
class Found:
    """One entry on disk, of `size` bytes, last used at `used_s` (Unix time)."""

    step: str
    path: Path
    size: int
    used_s: float


@contextmanager
def in_use(max_gb: float | None) -> Iterator[None]:
    """Hold a lease while the block runs; if it ends well, prune the cache to `max_gb` (None: leave it).

    Where the cache cannot be written, the block runs without a lease.
    """
    root = cache_root().absolute()
    lease: Lock | None = None
    with suppress(OSError):
        (tag(root) / _LEASES).mkdir(exist_ok=True)
        lease = take(root / _LEASES / secrets.token_hex(6))
    try:
        yield
    finally:
        if lease is not None:
            with suppress(OSError):
                lease.release()
    if max_gb is not None and lease is not None:
        done = prune(max_gb, root=root)
        if done["removed"]:
            LOG.warning(
                "the cache passed cache.max_gb = %g: %d entries (%.2f GB) that were not used for longest are removed",
                max_gb, done["removed"], done["freed_gb"],
            )  # fmt: skip


def survey(root: Path | None = None) -> list[Found]:
    """Return every entry in the cache, and every folder of work that is under way."""
    root = (root or cache_root()).absolute()
    found = []
    for step in _folders(root):
        for path in _inside(step):
            below = _inside(path) if re.fullmatch(r"[0-9a-f]{2}", path.name) and path.is_dir() else [path]
            found += [_measured(step.name, one) for one in below if _is_entry(step.name, one)]
    return found


def _inside(folder: Path) -> list[Path]:
    """Return what lies in a folder, sorted; nothing once another process has removed it."""
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


def summary(max_gb: float | None) -> dict[str, Any]:
    """Return where the cache lies, its limit and size, and of each step: entries, size, and when one was last used."""
    found = survey()
    steps = {}
    for name in sorted({one.step for one in found}):
        own = [one for one in found if one.step == name]
        last = time.strftime("%Y-%m-%d %H:%M", time.localtime(max(one.used_s for one in own)))
        steps[name] = {"entries": len(own), "gb": _gb(own), "last_used": last}
    return {"root": str(cache_root()), "max_gb": max_gb, "gb": _gb(found), "steps": steps}


def prune(max_gb: float, step: str | None = None, root: Path | None = None) -> dict[str, Any]:
    """Remove what was not used for longest until the cache holds at most `max_gb`; return counts.

    Args:
        max_gb: 1e9 bytes each; 0 removes all that no running command uses.
        step: look at the entries of this step alone.
        root: of the cache, if not `cache_root()`.

    Raises:
        ParamsError: nothing of such a step is in the cache.
        CacheError: an entry cannot be removed.
    """
    root = (root or cache_root()).absolute()
    for folder in _folders(root):
        for below in folder.glob("[0-9a-f][0-9a-f]"):
            with suppress(OSError):
                sweep(below)
    found = survey(root)
    if step is not None:
        names = sorted({one.step for one in found})
        if step not in names:
            raise ParamsError(
                f"the cache at {root} holds nothing of {step!r}, but of: {', '.join(names) or 'nothing'}."
            )
        found = [one for one in found if one.step == step]
    began_s = _oldest_lease_s(root)
    size, gone, kept = sum(one.size for one in found), [], 0
    for one in sorted(found, key=lambda one: one.used_s):
        if size <= max_gb * _GB:
            break
        if began_s is not None and one.used_s >= began_s - _SKEW_S:
            kept += 1
            continue
        _remove(one, root)
        size -= one.size
        gone.append(one)
    return {"removed": len(gone), "freed_gb": _gb(gone), "gb": round(size / _GB, 3), "in_use": kept}


def _remove(one: Found, root: Path) -> None:
    try:
        remove(one.path)
    except OSError as error:
        raise CacheError(
            f"{one.path} cannot be removed ({error.strerror}): `ls -ld {root}` shows who may write there."
        ) from None


def _folders(root: Path) -> Iterator[Path]:
    """Yield the folders of steps."""
    for step in _inside(root):
        if step.is_dir() and not step.is_symlink() and not step.name.startswith("."):
            yield step


def _is_entry(step: str, path: Path) -> bool:
    if _ENTRY.fullmatch(path.name):
        return path.is_file() == path.name.endswith(VALUE)
    return step in _EARLIER_STEPS and _EARLIER.fullmatch(path.name) is not None


def _measured(step: str, path: Path) -> Found:
    files = [path] if path.is_file() else [Path(folder) / name for folder, _, names in os.walk(path) for name in names]
    stats = [stat for stat in map(_stat, files) if stat is not None]
    listed = _stat(path / LIST) if path.is_dir() else None
    used_s = listed.st_mtime if listed is not None else max((stat.st_mtime for stat in stats), default=0.0)
    return Found(step, path, sum(stat.st_size for stat in stats), used_s)


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:  # removed meanwhile
        return None


def _oldest_lease_s(root: Path) -> float | None:
    """Return when the oldest command began that uses the cache now; None if none does."""
    began = []
    for path in (root / _LEASES).glob("*"):
        with suppress(OSError):
            began_s = path.stat().st_mtime
            lease = take(path)
            if lease is None:
                began.append(began_s)
            elif lease.sure or time.time() - began_s > SILENT_S:
                lease.release()
            else:  # no locks on this file system: who knows
                lease.leave()
                began.append(began_s)
    return min(began, default=None)


def _gb(found: list[Found]) -> float:
    return round(sum(one.size for one in found) / _GB, 3)
