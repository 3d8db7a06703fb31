"""Check the checksum of a downloaded archive, then unpack it."""

import bz2
import gzip
import hashlib
import io
import logging
import lzma
import shutil
import stat
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from kwsdata.clips.corpus import Reject
from kwsdata.errors import CorpusError, KwsError
from kwsdata.files.named_paths import quote
from kwsdata.files.tar_members import BLOCK, tar_members
from kwsdata.importers.declaration import Remote
from kwsdata.importers.unpacking import Unpacking
from kwsdata.params import ArchiveParams

LOG = logging.getLogger(__name__)

ARCHIVE_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".zip")
_NOT_READ = (".7z", ".rar", ".tar.zst", ".tzst", ".tar.lz4", ".tar.lz", ".tar.lzma", ".tar.z")
_METHODS = {9: "Deflate64", 93: "Zstandard", 95: "XZ", 97: "WavPack", 98: "PPMd"}  # of zips, which Python cannot read
_READ_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
_ENCRYPTED_METHOD = 99
_LONGEST_LINK = 4096  # bytes


@dataclass(frozen=True)
class Tree:
    """A corpus as files: its directory (or the one file that it is), and members of its archive that are none."""

    path: Path
    rejects: tuple[Reject, ...] = ()


@contextmanager
def unpack_archive(path: Path, remotes: Sequence[Remote], scratch: Path, limits: ArchiveParams) -> Iterator[Tree]:
    """Yield `path` itself, or, for an archive, a directory below `scratch` with its contents, removed afterwards.

    Raises:
        CorpusError: the archive is of a kind that is not read, encrypted, damaged, hostile or too large, its checksum
            is not the one that its source publishes, or the disk is full. Nothing of it is left then.
    """
    name = path.name.lower()
    if path.is_dir() or not name.endswith((*ARCHIVE_SUFFIXES, *_NOT_READ)):
        yield Tree(path)
        return
    if name.endswith(_NOT_READ):
        raise CorpusError(f"{path} is an archive that is not read: unpack it, and import the folder.")
    check(path, remotes)
    directory = scratch / "unpacked"
    try:
        unpacking = Unpacking(path, directory, limits)
        try:
            (_unzip if name.endswith(".zip") else _untar)(path, unpacking)
        except KwsError:
            raise
        except Exception as error:  # over damaged bytes, the archive libraries raise nearly anything
            said = str(error) or type(error).__name__
            raise CorpusError(f"{path} cannot be unpacked ({said}): download it again.") from None
        unpacking.finish()
        yield Tree(directory, tuple(unpacking.rejects))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _unzip(path: Path, unpacking: Unpacking) -> None:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        for member in members:
            if fault := _unreadable(member):
                raise CorpusError(f"{path}: {quote(member.filename)} {fault}: unpack it, and import the folder.")
        unpacking.make_room("all of it", sum(member.file_size for member in members))
        for member in members:
            name, kind = member.filename, stat.S_IFMT(member.external_attr >> 16)
            if member.is_dir():
                unpacking.folder(name)
            elif kind == stat.S_IFLNK and member.file_size <= _LONGEST_LINK:
                unpacking.link(name, archive.read(member).decode(errors="surrogateescape"))
            elif kind in (0, stat.S_IFREG):
                with archive.open(member) as data:
                    unpacking.file(name, member.file_size, data)  # type: ignore[arg-type] # it has `read`
            else:
                unpacking.leave_out(name, "a named pipe or device")


def _unreadable(member: zipfile.ZipInfo) -> str | None:
    """Return why Python cannot read a member of a zip, or None."""
    method = member.compress_type
    if member.flag_bits & 0x41 or method == _ENCRYPTED_METHOD:
        return "is encrypted"
    if method not in _READ_METHODS:
        return f"is packed with {_METHODS.get(method, f'method {method}')}, which Python cannot read"
    return None


def _untar(path: Path, unpacking: Unpacking) -> None:
    with path.open("rb") as packed, _decompressed(packed) as file:
        for archive, member in tar_members(file):
            if member.isdir():
                unpacking.folder(member.name)
            elif member.isreg():
                data = archive.extractfile(member)
                assert data is not None  # a regular file's is not
                unpacking.file(member.name, member.size, data)  # type: ignore[arg-type] # it has `read`
            elif member.issym():
                unpacking.link(member.name, member.linkname)
            elif member.islnk():
                unpacking.same(member.name, member.linkname)
            else:
                unpacking.make_room(member.name, member.size)  # it would be read to get past it
                unpacking.leave_out(member.name, "a named pipe or device")


def _decompressed(packed: BinaryIO) -> Any:
    """Return the bytes of a tar, whichever way it is packed, as a file of which tarfile takes the parts it needs."""
    head = packed.read(6)
    packed.seek(0)
    if head.startswith(b"\x1f\x8b"):
        return io.BufferedReader(gzip.GzipFile(fileobj=packed), BLOCK)
    if head.startswith(b"BZh"):
        return bz2.open(packed)
    if head.startswith(b"\xfd7zXZ\0"):
        return lzma.open(packed)
    return packed


def check(path: Path, remotes: Sequence[Remote]) -> None:
    """Compare an archive with the published checksum of its name.

    Raises:
        CorpusError: they differ.
    """
    remote = next((remote for remote in remotes if remote.name == path.name), None)
    if remote is None:
        LOG.warning("%s: the source publishes no checksum for this name, so it is not checked.", path.name)
        return
    algorithm, expected = remote.checksum.split(":")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    if found != expected:
        raise CorpusError(
            f"{path} has the {algorithm} {found}, its source publishes {expected}: download it again from {remote.url}"
        )
