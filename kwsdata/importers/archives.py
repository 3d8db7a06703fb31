"""A corpus as it was downloaded: the archive's checksum is compared with the source's, then it is unpacked."""

import hashlib
import logging
import shutil
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kwsdata.errors import CorpusError
from kwsdata.importers.declaration import Remote

LOG = logging.getLogger(__name__)

ARCHIVE_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")


@contextmanager
def unpacked(path: Path, remotes: Sequence[Remote], scratch: Path) -> Iterator[Path]:
    """Yield `path` itself, or, for an archive, a directory below `scratch` with its contents, removed afterwards.

    Raises:
        CorpusError: the archive is damaged, or its checksum is not the one that its source publishes.
    """
    if not path.name.lower().endswith(ARCHIVE_SUFFIXES) or path.is_dir():
        yield path
        return
    check(path, remotes)
    directory = scratch / "unpacked"
    directory.mkdir(parents=True)
    try:
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive:
                archive.extractall(directory)
        else:
            with tarfile.open(path) as archive:
                archive.extractall(directory, filter="data")
    except (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError) as error:
        raise CorpusError(f"{path} cannot be unpacked ({error}): download it again.") from None
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


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
