"""Find where the samples lie in WAV, RF64, W64, AIFF, CAF and AU files without decoding them.

A header says how many bytes of samples follow. Two things go wrong with that number. A file that was cut short has
fewer: it is damaged, and decoders do not complain. A writer that could not go back to its header (into a pipe, or
killed) never filled the number in: it is 0, or -1, or about the most that its bits hold. Then the samples reach to the
file's end, and `Layout.mended` puts a header before them that says so.

    RIFF, RIFX, RF64    chunks of a name and 32 bits, padded to even lengths; RF64 has 64 bits for them in `ds64`
    riff (W64)          chunks of a GUID and 64 bits that count these 24 bytes as well, padded to 8
    FORM (AIFF)         as RIFX; 8 bytes stand between the header of the samples' chunk and the samples
    caff (CAF)          chunks of a name and 64 bits, not padded; 4 bytes stand before the samples
    .snd (AU)           no chunks: where the samples are, and how many bytes
"""

import struct
from dataclasses import dataclass
from io import SEEK_END, SEEK_SET, RawIOBase
from typing import Any, BinaryIO

_MOST_CHUNKS = 4096
_MOST_HEAD = 1 << 20  # bytes before the samples that are looked at
_FOUR_GIB = 1 << 32
_UNFILLED = (  # lengths that stand for none, where the file is shorter: SoX, arecord, eSpeak, ffmpeg, mplayer...
    range(0x7F000000 - 64, 0x80010000),
    range(0xFFFF0000, 0x1_0000_0000),
    range(1 << 60, 1 << 64),
)


@dataclass(frozen=True)
class _Kind:
    """How chunks are written: the first one's place, a name's bytes, the length's format, padding, bytes skipped."""

    first: int
    name_bytes: int
    length: str
    pad: int
    skipped: int = 0  # between the header of the samples' chunk and the samples
    length_counts_header: bool = False


_KINDS = {
    b"RIFF": _Kind(12, 4, "<I", 2),
    b"RIFX": _Kind(12, 4, ">I", 2),
    b"RF64": _Kind(12, 4, "<I", 2),
    b"BW64": _Kind(12, 4, "<I", 2),
    b"riff": _Kind(40, 16, "<Q", 8, length_counts_header=True),
    b"FORM": _Kind(12, 4, ">I", 2, skipped=8),
    b"caff": _Kind(8, 4, ">Q", 1, skipped=4),
}


@dataclass(frozen=True)
class Layout:
    """Where the samples are: `sample_bytes` from `start` on.

    `missing_bytes`: how many more the header promises. `head`: a header for them, None where the file's own will do.
    """

    start: int
    sample_bytes: int
    missing_bytes: int = 0
    head: bytes | None = None

    @property
    def fault(self) -> str | None:
        """Why the file is damaged; None if it is not."""
        there = self.start + self.sample_bytes
        promised = there + self.missing_bytes
        return f"cut short ({there} bytes of the {promised} that its header promises)" if self.missing_bytes else None

    def mended(self, file: BinaryIO) -> RawIOBase | None:
        """Return `file` with `head` for its header; None where it needs none."""
        return None if self.head is None else _Spliced(self.head, file, self.start, self.sample_bytes)


def layout_of(file: BinaryIO, size: int) -> Layout | None:
    """Return where the samples of `file`, `size` bytes long, lie.

    None for other formats, and where no samples are found: decoders say more of such files.
    """
    file.seek(0)
    magic = file.read(4)
    if magic == b".snd":
        return _au(file, size)
    return _chunked(file, size, magic) if magic in _KINDS else None


def _au(file: BinaryIO, size: int) -> Layout | None:
    fields = file.read(8)
    if len(fields) < 8:
        return None
    start, claimed = struct.unpack(">II", fields)
    there = size - start
    if there < 0 or start > _MOST_HEAD:
        return None
    if not _unfilled(claimed, there, closed=False):
        return _known(start, claimed, there)
    file.seek(0)
    head = bytearray(file.read(start))
    head[8:12] = b"\xff" * 4  # what AU itself writes for a length that is not known
    return Layout(start, there, head=bytes(head))


def _chunked(file: BinaryIO, size: int, magic: bytes) -> Layout | None:
    kind = _KINDS[magic]
    header_bytes = kind.name_bytes + struct.calcsize(kind.length)
    kept: dict[bytes, bytes] = {}
    at, unpadded = kind.first, False
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        header = file.read(header_bytes)
        if len(header) < header_bytes or at > size:
            return None
        name = header[:4]
        (length,) = struct.unpack(kind.length, header[kind.name_bytes :])
        if kind.length_counts_header:
            length = max(length - header_bytes, 0)
        if name in (b"data", b"SSND"):
            return _samples(file, size, magic, kept, at, length, unpadded)
        at += header_bytes
        if length <= _MOST_HEAD:
            kept[name] = file.read(length)
        at += -(-length // kind.pad) * kind.pad
        if length % 2 and kind.pad == 2 and _named(file, at - 1) and not _named(file, at):
            at, unpadded = at - 1, True  # some writers forget the padding
    return None


def _named(file: BinaryIO, at: int) -> bool:
    """Return whether a chunk's name stands at `at`."""
    file.seek(at)
    name = file.read(4)
    return len(name) == 4 and all(0x20 <= byte < 0x7F for byte in name)


def _samples(
    file: BinaryIO, size: int, magic: bytes, kept: dict[bytes, bytes], at: int, length: int, unpadded: bool
) -> Layout | None:
    """Return the layout of a file whose samples' chunk is at `at` and promises `length` bytes."""
    kind = _KINDS[magic]
    header_bytes = kind.name_bytes + struct.calcsize(kind.length)
    start = at + header_bytes + kind.skipped
    there = max(size - start, 0)
    if magic in (b"RF64", b"BW64") and len(kept.get(b"ds64", b"")) >= 16:
        length = int.from_bytes(kept[b"ds64"][8:16], "little")
    claimed = max(length - kind.skipped, 0) if length < 1 << 60 else length
    file.seek(0)
    outer = file.read(kind.first)
    wrapped = magic in (b"RIFF", b"RIFX") and there - claimed >= _FOUR_GIB  # 32 bits held the rest of a division
    unfilled = wrapped or _unfilled(claimed, there, _closed(outer, magic, size))
    known = Layout(start, there) if unfilled else _known(start, claimed, there)
    refused = magic == b"BW64" or unpadded or (magic == b"caff" and known.missing_bytes)  # by libsndfile
    if not (unfilled or refused) or start > _MOST_HEAD:
        return known
    if magic in (b"FORM", b"caff"):
        file.seek(0)
        head = bytearray(file.read(start))
        if magic == b"caff":
            head[at + 4 : at + 12] = struct.pack(">Q", there + kind.skipped)
        else:  # libsndfile reads to the end where all three lengths are 0
            frames = head.find(b"COMM") + 10
            head[4:8] = head[frames : frames + 4] = head[at + 4 : at + 8] = bytes(4)
        return Layout(known.start, known.sample_bytes, known.missing_bytes, bytes(head))
    head_of_wav = _wav_head(magic, kept.get(b"fmt ", b""), known.sample_bytes)
    return Layout(known.start, known.sample_bytes, known.missing_bytes, head_of_wav)


def _known(start: int, claimed: int, there: int) -> Layout:
    missing = claimed - there if claimed > there + 1 else 0  # one pad byte may be missing
    return Layout(start, min(claimed, there), missing)


def _unfilled(claimed: int, there: int, closed: bool) -> bool:
    """Return whether a writer never filled in the length `claimed`, `there` bytes being there.

    `closed`: the file's header was written when it was closed, so that 0 means none.
    """
    if claimed == 0:
        return there > 0 and not closed
    return claimed > there and stands_for_none(claimed)


def stands_for_none(length: int) -> bool:
    """Return whether writers that know no length write `length`."""
    return any(length in lengths for lengths in _UNFILLED)


def _closed(outer: bytes, magic: bytes, size: int) -> bool:
    """Return whether the length of the whole, in the file's first bytes, is its length."""
    if magic == b"riff":
        return int.from_bytes(outer[16:24], "little") == size
    if magic == b"caff":
        return False
    order: Any = "little" if magic == b"RIFF" else "big"
    return abs(int.from_bytes(outer[4:8], order) + 8 - size) <= 1


def _wav_head(magic: bytes, fmt: bytes, sample_bytes: int) -> bytes:
    """Return the header of a WAV file, RF64 where 32 bits are too few."""
    order = ">" if magic == b"RIFX" else "<"
    format_chunk = b"fmt " + struct.pack(f"{order}I", len(fmt)) + fmt + bytes(len(fmt) % 2)
    whole = 4 + len(format_chunk) + 8 + sample_bytes
    if whole < _FOUR_GIB or magic == b"RIFX":
        sizes = [struct.pack(f"{order}I", min(number, _FOUR_GIB - 1)) for number in (whole, sample_bytes)]
        name = b"RIFX" if magic == b"RIFX" else b"RIFF"
        return b"".join((name, sizes[0], b"WAVE", format_chunk, b"data", sizes[1]))
    ds64 = b"ds64" + struct.pack("<IQQQI", 28, whole + 36, sample_bytes, 0, 0)
    return b"".join((b"RF64", b"\xff" * 4, b"WAVE", ds64, format_chunk, b"data", b"\xff" * 4))


class _Spliced(RawIOBase):
    """`head`, and then `length` bytes of `file` from `start` on, as one file."""

    def __init__(self, head: bytes, file: BinaryIO, start: int, length: int) -> None:
        super().__init__()
        self._head, self._file, self._start, self._length = head, file, start, length
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        base = {SEEK_SET: 0, SEEK_END: len(self._head) + self._length}.get(whence, self._at)
        self._at = max(base + offset, 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        if self._at < len(self._head):
            part = self._head[self._at : self._at + len(view)]
        else:
            inside = self._at - len(self._head)
            self._file.seek(self._start + inside)
            part = self._file.read(max(min(len(view), self._length - inside), 0))
        view[: len(part)] = part
        self._at += len(part)
        return len(part)
