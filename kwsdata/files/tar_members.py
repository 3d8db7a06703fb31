"""Read the members of an untrusted tar one at a time, in bounded memory."""

import tarfile
from collections.abc import Iterator
from typing import Any, BinaryIO

BLOCK = 1 << 20  # bytes read at once; no header of a member (its name, its attributes) is longer


class _Blocks:
    """A binary file of which at most a `BLOCK` is read at once: tarfile would read a header of gigabytes whole."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell
        self.last = b""

    def read(self, size: int) -> bytes:
        if size > BLOCK:
            raise tarfile.ReadError(f"a header of {size} bytes")
        self.last = self._file.read(size)
        return self.last


def tar_members(file: BinaryIO) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Yield (the open tar, a member) for each member of `file`, which holds the bytes of a tar that is not compressed.

    Damaged and hostile tars raise what tarfile and the file raise: many kinds of exceptions. Where tarfile would take
    a damaged header, or the end of the file, for the end of the tar, a ReadError is raised.
    """
    blocks = _Blocks(file)
    opened: Any = blocks
    with tarfile.open(fileobj=opened, mode="r:") as tar:
        while (member := tar.next()) is not None:
            yield tar, member
            tar.members.clear()  # type: ignore[attr-defined] # not in the stubs; it would keep every member
        if blocks.last != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError(f"{'a damaged header' if blocks.last else 'no end mark'} at byte {tar.offset}")
