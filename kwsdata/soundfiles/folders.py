"""List the sound files of a folder, by the same rules for every corpus and pool.

- Names that begin with a dot, and files that systems leave (`kwsdata.files.system_files`), are nobody's recordings.
- A folder that is a link is read once, after all folders that are none, unless it leads back to what is read anyway.
- Pipes, sockets and devices are never opened, and a link may lead nowhere: what was meant to be sound is named.
- A file is sound by its suffix or, where it has another or none, by its first bytes.
- Keys are paths below the folder with `/`; bytes that are no UTF-8 stand in them as `\\xe9`.
"""

import logging
import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kwsdata.files.system_files import is_system_file
from kwsdata.soundfiles.formats import HEAD_BYTES, SUFFIXES, sure_format_of
from kwsdata.soundfiles.reader import kind_of_file

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """Something in a folder: `key` names it; `fault` says why it cannot be read, None if it may be."""

    key: str
    path: Path
    fault: str | None = None


def sound_files(root: Path, others: Counter[str] | None = None) -> Iterator[Found]:
    """Yield every sound file below `root`, and what was meant to be one and cannot be opened.

    All other files are counted by their suffix in `others`.
    """
    for found in walk(root):
        if found.fault is not None or is_sound_file(found.path):
            yield found
        elif others is not None:
            others[found.path.suffix.lower() or found.path.name] += 1


def is_sound_file(path: Path) -> bool:
    """Return whether a file is meant to be sound by its suffix, or begins as sound does."""
    return path.suffix.lower() in SUFFIXES or _begins_as_sound(path)


def walk(root: Path) -> Iterator[Found]:
    """Yield every file below `root`, folder by folder, sorted.

    Also what holds no sound although it should: links that lead nowhere, folders that stay shut, and pipes, sockets and
    devices with the suffix of a sound file, each with its `fault`.
    """
    seen = {_identity(above): "a folder above" for above in root.resolve().parents}
    links: list[Found] = []
    yield from _folder(Found("", root), seen, links)
    while links:
        link = links.pop(0)
        before = seen.get(_identity(link.path))
        if before is not None:
            LOG.warning("%s links to %s, which is not read a second time.", link.key, before)
        else:
            yield from _folder(link, seen, links)


def _folder(start: Found, seen: dict[tuple[int, int], str], links: list[Found]) -> Iterator[Found]:
    """Yield what is in a folder and in those below it; add links to folders to `links`, folders to `seen`."""
    waiting = [start]
    while waiting:
        folder = waiting.pop()
        if _identity(folder.path) in seen:
            continue
        seen[_identity(folder.path)] = folder.key or "the folder itself"
        try:
            with os.scandir(folder.path) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError as error:
            yield Found(folder.key or ".", folder.path, f"cannot be read ({error.strerror})")
            continue
        inside = []
        for entry in entries:
            if entry.name.startswith(".") or is_system_file(entry.name):
                continue
            found = Found(_key(folder.key, entry.name), folder.path / entry.name)
            if entry.is_dir(follow_symlinks=False):
                inside.append(found)
            elif entry.is_file(follow_symlinks=False):
                yield found
            else:
                yield from _special(found, links)
        waiting += reversed(inside)


def _special(found: Found, links: list[Found]) -> Iterator[Found]:
    """Yield what is to be said of something that is neither file nor folder, but perhaps a link to one."""
    try:
        mode = found.path.stat().st_mode
    except FileNotFoundError:
        yield Found(found.key, found.path, "cannot be read (a link to what is not there)")
    except OSError as error:
        yield Found(found.key, found.path, f"cannot be read ({error.strerror})")
    else:
        if stat.S_ISDIR(mode):
            links.append(found)
        elif stat.S_ISREG(mode):
            yield found
        elif found.path.suffix.lower() in SUFFIXES:
            yield Found(found.key, found.path, f"cannot be read (it is {kind_of_file(mode)})")


def _identity(path: Path) -> tuple[int, int]:
    info = path.stat()
    return info.st_dev, info.st_ino


def _key(folder: str, name: str) -> str:
    readable = os.fsencode(name).decode("utf-8", "backslashreplace")
    return f"{folder}/{readable}" if folder else readable


def _begins_as_sound(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return sure_format_of(file.read(HEAD_BYTES)) is not None
    except OSError:
        return False
