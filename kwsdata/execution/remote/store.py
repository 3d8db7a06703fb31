"""An object store (any URL that fsspec knows) of files under the hash of their bytes.

    URL/blobs/ab/cdef...      the bytes whose SHA-256 is abcdef...
    URL/names/NAME.json       what files a result of the cache consists of: {path below it: [sha256, size]}

A blob never changes, so it is sent once, whoever sends it, and what arrives is compared with its name. A name is
written after its blobs. Nothing here is the only copy of anything: the prefix may be deleted whenever no stage runs.
"""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from kwsdata.errors import WorkerError
from kwsdata.files.atomic import FileState, atomic_path, sha256_of, state_of
from kwsdata.files.bounded_json import parse_json

Answer = TypeVar("Answer")

_TRIES = 3
_PAUSE_S = 0.5  # before the second try; twice as long before each further one
_WITH_FOLDERS = {"file", "local", "ssh", "sftp", "smb", "hdfs"}  # protocols; object stores would make a bucket instead


@dataclass(frozen=True)
class Blob:
    """The SHA-256 of some bytes, in hex, and how many there are."""

    sha256: str
    size: int


def _blob_from(row: Any) -> Blob:
    """Return what [sha256, size] of a record says, or raise ValueError or TypeError."""
    sha256, size = row
    if not re.fullmatch(r"[0-9a-f]{64}", sha256) or type(size) is not int or size < 0:
        raise ValueError(f"{row} is no hash and size")
    return Blob(sha256, size)


def blob_of(path: Path) -> Blob:
    """Return what `path` holds, read once a process as long as it is the same file."""
    return _blob_of(path, state_of(path))


@lru_cache(maxsize=100_000)
def _blob_of(path: Path, state: FileState) -> Blob:
    return Blob(sha256_of(path), state.size)


class Store:
    """The objects below `url`. Every transfer is tried three times."""

    def __init__(self, url: str) -> None:
        """Connect.

        Raises:
            WorkerError: the protocol is unknown or its package is missing.
        """
        import fsspec  # and with it the protocol's package: only where a store is used

        self.url = url.rstrip("/")
        try:
            self._fs, self._root = fsspec.url_to_fs(self.url)
        except (ImportError, ValueError) as error:
            raise WorkerError(f"executor.store = {url}: {error}. For s3://, `pip install 'kwsdata[s3]'`.") from None
        self._sent: dict[str, int] | None = None

    def _blob(self, sha256: str) -> str:
        return f"{self._root}/blobs/{sha256[:2]}/{sha256[2:]}"

    def look(self) -> None:
        """List the blobs once, so that none of them is asked for by itself before it is sent."""
        folder = f"{self._root}/blobs"
        self._fs.invalidate_cache()
        rows = self._again(folder, lambda: self._fs.find(folder, detail=True), missing={})
        self._sent = {name.removeprefix(f"{folder}/").replace("/", ""): row["size"] for name, row in rows.items()}

    def put(self, path: Path) -> Blob:
        """Send the file at `path`, unless its bytes are there in full length."""
        blob = blob_of(path)
        there = self._blob(blob.sha256)
        if self._size(blob.sha256) != blob.size:
            self._again(there, lambda: self._fs.put_file(str(path), self._with_folder(there)))
            if self._sent is not None:
                self._sent[blob.sha256] = blob.size
        return blob

    def _size(self, sha256: str) -> int | None:
        if self._sent is not None:
            return self._sent.get(sha256)
        there = self._blob(sha256)
        return self._again(there, lambda: int(self._fs.size(there)), missing=None)

    def get(self, blob: Blob, path: Path) -> None:
        """Put the bytes of `blob` at `path`, atomically.

        Raises:
            WorkerError: they are not in the store, or what arrives is something else, three times.
        """
        there = self._blob(blob.sha256)

        def fetch() -> None:
            with atomic_path(path) as scratch:
                self._fs.get_file(there, str(scratch))
                if sha256_of(scratch) != blob.sha256:
                    raise OSError(f"{scratch.stat().st_size} bytes came that are not the {blob.size} of its name")

        self._again(there, fetch)

    def name(self, name: str, files: dict[str, Blob]) -> None:
        """Record that the result `name` consists of `files`, which are in the store."""
        there = f"{self._root}/names/{name}.json"
        data = json.dumps({path: [blob.sha256, blob.size] for path, blob in files.items()}).encode()
        self._again(there, lambda: self._fs.pipe_file(self._with_folder(there), data))

    def named(self, name: str) -> dict[str, Blob] | None:
        """Return the files of the result `name`, or None where there is no such result (or half a record of it)."""
        there = f"{self._root}/names/{name}.json"
        data = self._again(there, lambda: bytes(self._fs.cat_file(there)), missing=None)
        try:
            return None if data is None else {path: _blob_from(row) for path, row in parse_json(data).items()}
        except (ValueError, TypeError, AttributeError):
            return None

    def _with_folder(self, there: str) -> str:
        protocols = (self._fs.protocol,) if isinstance(self._fs.protocol, str) else self._fs.protocol
        if _WITH_FOLDERS & set(protocols):
            self._fs.makedirs(str(PurePosixPath(there).parent), exist_ok=True)
        return there

    def _again(self, there: str, transfer: Callable[[], Answer], **otherwise: Any) -> Answer:
        """Return `transfer()`, tried again where it fails; or `missing`, if that is given and nothing is there."""
        for number in range(_TRIES):
            try:
                return transfer()
            except FileNotFoundError:
                if "missing" in otherwise:
                    return otherwise["missing"]
                raise WorkerError(
                    f"{there} is not in the store any more: run the stage again, which sends it again."
                ) from None
            except Exception as error:  # the libraries behind fsspec share no base class
                if number == _TRIES - 1:
                    raise WorkerError(
                        f"{there} of executor.store = {self.url} failed {_TRIES} times ({type(error).__name__}: "
                        f"{error}): look at the store, its keys and its endpoint; what is done is kept."
                    ) from error
                time.sleep(_PAUSE_S * 2**number)
        raise AssertionError("unreachable")
