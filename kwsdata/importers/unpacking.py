"""Unpack an untrusted archive below one directory, within limits."""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from kwsdata.clips.corpus import Reject
from kwsdata.errors import CorpusError, NamedPathError, OutsidePathError
from kwsdata.files.named_paths import printable, quote, relative_parts
from kwsdata.files.tar_members import BLOCK
from kwsdata.params import ArchiveParams
from kwsdata.soundfiles.formats import SUFFIXES

LOG = logging.getLogger(__name__)

_SMALL = 64 << 20  # bytes that an archive of any size may unpack to: silence packs to a thousandth


class Unpacking:
    """One archive on its way to `directory`, which is made.

    Links are made last, so that nothing is written through one. A member whose name leads elsewhere ends it: no honest
    program writes such a name. Members that are no files (named pipes, devices, links out of the archive) are left out,
    and are rejects where their name is that of a sound.
    """

    def __init__(self, archive: Path, directory: Path, limits: ArchiveParams) -> None:
        self.rejects: list[Reject] = []
        self._archive, self._directory, self._limits = archive, directory, limits
        self._bytes = self._members = 0
        self._links: dict[Path, tuple[str, str]] = {}
        self._left_out: list[str] = []
        packed = archive.stat().st_size
        self._most_bytes = min(limits.max_unpacked_gb * 1e9, max(limits.max_ratio * packed, _SMALL))
        directory.mkdir(parents=True)

    def folder(self, name: str) -> None:
        """Make a folder."""
        self._count(name)
        if name.strip("./\\") and (path := self._path(name)) is not None:
            with self._writing(name):
                path.mkdir(parents=True, exist_ok=True)

    def file(self, name: str, size: int, data: BinaryIO) -> None:
        """Write a file of `size` bytes, as its header says, from `data`.

        Raises:
            CorpusError: it leads elsewhere, is there already, is damaged, or is too much for the limits or the disk.
        """
        self._count(name)
        self.make_room(name, size)
        if (path := self._path(name)) is not None:
            with self._writing(name):
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("xb") as file:
                    for block in self._blocks(name, size, data):
                        file.write(block)
            self._bytes += size

    def _blocks(self, name: str, size: int, data: BinaryIO) -> Iterator[bytes]:
        left = size
        while left:
            try:
                block = data.read(min(BLOCK, left))
            except Exception as error:  # over damaged bytes, the archive libraries raise nearly anything
                said = f"{type(error).__name__}: {error}"
                raise CorpusError(f"{self._archive} is damaged at {quote(name)} ({said}): download it again.") from None
            if not block:
                raise CorpusError(f"{self._archive} is damaged: {quote(name)} lacks {left} bytes. Download it again.")
            left -= len(block)
            yield block

    def make_room(self, name: str, size: int) -> None:
        """Check that `size` more bytes are within the limits and fit on the disk.

        Raises:
            CorpusError: they are not, or do not.
        """
        total = self._bytes + size
        if size < 0 or total > self._most_bytes:
            times = total / max(self._archive.stat().st_size, 1)
            raise CorpusError(
                f"{self._archive} unpacks to {total / 1e9:.3g} GB and more (at {quote(name)}), {times:.0f} times its "
                f"size: past import.archive.max_unpacked_gb = {self._limits.max_unpacked_gb:g} or "
                f"import.archive.max_ratio = {self._limits.max_ratio:g}. If you expect that, raise them in params.yaml."
            )
        free = shutil.disk_usage(self._directory).free
        if size > free:
            raise CorpusError(
                f"{self._archive}: {quote(name)} takes {size / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free at "
                f"{self._directory}: free some space, or unpack it elsewhere and import the folder."
            )

    def link(self, name: str, target: str) -> None:
        """Note a symbolic link, to be made by `finish`."""
        self._count(name)
        if (path := self._path(name)) is not None and self._links.setdefault(path, (name, target))[1] != target:
            raise self._twice(name)

    def same(self, name: str, target: str) -> None:
        """Make a second name of a file that came before (a hard link)."""
        self._count(name)
        path, there = self._path(name), self._path(target)
        if path is None or there is None or not there.is_file():
            self.leave_out(name, f"a link to {quote(target)}, which is no file before it")
            return
        with self._writing(name):
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(there, path)

    def leave_out(self, name: str, why: str) -> None:
        """Note a member that is not made."""
        if Path(name).suffix.lower() in SUFFIXES:
            self.rejects.append(Reject(printable(name), f"not unpacked ({why})"))
        else:
            self._left_out.append(f"{quote(name)}, {why}")

    def finish(self) -> None:
        """Make the links that lead to something in the archive, and tell what was left out."""
        root = Path(os.path.realpath(self._directory))
        for path, (name, target) in self._links.items():
            if os.path.realpath(path.parent) != str(root / path.parent.relative_to(self._directory)):
                raise self._twice(name)  # below a link: it may lead elsewhere
            with self._writing(name):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.symlink_to(target)
        while bad := [path for path in self._links if not _leads_inside(path, root)]:
            for path in bad:  # without it, others may lead nowhere
                name, target = self._links.pop(path)
                path.unlink()
                self.leave_out(name, f"a link to {quote(target)}, which is no file of the archive")
        if self._left_out:
            LOG.warning(
                "%s: %d members were left out; the first is %s.", self._archive, len(self._left_out), self._left_out[0]
            )

    def _count(self, name: str) -> None:
        self._members += 1
        if self._members > self._limits.max_members:
            raise CorpusError(
                f"{self._archive} holds more than import.archive.max_members = {self._limits.max_members} members (now "
                f"{quote(name)}): raise the limit in params.yaml if it is what you expect."
            )

    def _path(self, name: str) -> Path | None:
        """Return the path of a member or link, None (and a note) where no file can have its name."""
        try:
            return self._directory.joinpath(*relative_parts(name))
        except OutsidePathError as error:
            raise CorpusError(
                f"{self._archive} {error}: no honest program writes that, so nothing of it is imported."
            ) from None
        except NamedPathError as error:
            self.leave_out(name, f"it {error}")
            return None

    @contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        try:
            yield
        except (FileExistsError, NotADirectoryError):
            raise self._twice(name) from None
        except OSError as error:
            raise CorpusError(
                f"{self._archive}: {quote(name)} cannot be written to {self._directory} ({error.strerror})."
            ) from None

    def _twice(self, name: str) -> CorpusError:
        return CorpusError(
            f"{self._archive} holds {quote(name)} twice, or as a file and as a folder or link (here, names that differ "
            "in case may be one): unpack it yourself, look which is meant, and import the folder."
        )


def _leads_inside(path: Path, root: Path) -> bool:
    return path.exists() and Path(os.path.realpath(path)).is_relative_to(root)
