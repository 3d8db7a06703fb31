"""Decode WAV and raw sound chunk by chunk from a pipe, which cannot be rewound."""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import soundfile

from kwsdata.errors import AudioError
from kwsdata.soundfiles.layout import stands_for_none

_SUBTYPES = {
    (1, 8): "PCM_U8",
    (1, 16): "PCM_16",
    (1, 24): "PCM_24",
    (1, 32): "PCM_32",
    (3, 32): "FLOAT",
    (3, 64): "DOUBLE",
    (6, 8): "ALAW",
    (7, 8): "ULAW",
}  # (format tag, bits): one sample is one number, wherever a chunk of them begins
_EXTENSIBLE = 0xFFFE
_MOST_HEAD = 1 << 20  # bytes before the samples


class Pipe(Protocol):
    """What bytes come through."""

    def read(self, most: int, /) -> bytes | None:
        """Return at most `most` bytes, b"" at the end."""


@dataclass(frozen=True)
class Samples:
    """How samples are written: one number each, channels side by side."""

    rate: int  # Hz
    channels: int
    subtype: str  # libsndfile's name
    big_endian: bool = False
    length: int | None = None  # bytes of them; None: to the end

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return self.channels * {"PCM_U8": 1, "ALAW": 1, "ULAW": 1, "PCM_16": 2, "PCM_24": 3, "DOUBLE": 8}.get(
            self.subtype, 4
        )

    def decode(self, data: bytes) -> np.ndarray:
        """Return whole frames of `data` as float32 [frames, channels], as libsndfile decodes a file of them."""
        kind: Any = {"samplerate": self.rate, "channels": self.channels, "subtype": self.subtype, "format": "RAW"}
        kind["endian"] = "BIG" if self.big_endian else "LITTLE"
        return soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True, **kind)[0]


def wav_samples(pipe: Pipe) -> Samples | None:
    """Read a WAV header from `pipe`, up to the first sample; return how the samples are written.

    None where they are compressed, so that they cannot be decoded from anywhere on.

    Raises:
        AudioError: it is no whole WAV header.
    """
    outer = exactly(pipe, 12)
    big = outer[:4] == b"RIFX"
    if outer[:4] not in (b"RIFF", b"RIFX", b"RF64", b"BW64") or outer[8:] != b"WAVE":
        raise AudioError("cannot be decoded (it does not begin as WAV does)")
    read, chunks = 12, dict[bytes, bytes]()
    while read < _MOST_HEAD:
        header = exactly(pipe, 8)
        (length,) = struct.unpack(">I" if big else "<I", header[4:])
        read += 8
        if header[:4] == b"data":
            if length == 0xFFFFFFFF and len(chunks.get(b"ds64", b"")) >= 16:
                length = int.from_bytes(chunks[b"ds64"][8:16], "little")
            whole = int.from_bytes(outer[4:8], "big" if big else "little")
            endless = stands_for_none(length) or (length == 0 and (stands_for_none(whole) or whole + 8 <= read))
            return _samples(chunks.get(b"fmt ", b""), big, None if endless else length)
        chunks[header[:4]] = exactly(pipe, min(length + length % 2, _MOST_HEAD))
        read += len(chunks[header[:4]])
    raise AudioError(f"cannot be decoded (no samples in the first {_MOST_HEAD} bytes)")


def _samples(fmt: bytes, big: bool, length: int | None) -> Samples | None:
    if len(fmt) < 16:
        raise AudioError("cannot be decoded (its WAV header has no whole `fmt ` chunk)")
    tag, channels, rate, _, _, bits = struct.unpack((">" if big else "<") + "HHIIHH", fmt[:16])
    if tag == _EXTENSIBLE and len(fmt) >= 26:
        (tag,) = struct.unpack((">" if big else "<") + "H", fmt[24:26])
    subtype = _SUBTYPES.get((tag, bits))
    return Samples(rate, channels, subtype, big, length) if subtype and channels else None


def sample_blocks(pipe: Pipe, samples: Samples, most_frames: int) -> Iterator[np.ndarray]:
    """Yield float32 [frames, channels] as they arrive, never more than `most_frames` at a time.

    A frame of which a part is missing at the end is left out.

    Raises:
        AudioError: the pipe ends before all that its header promises has come; what came has been yielded.
    """
    kept, left = b"", samples.length
    while left is None or left > 0:
        most = most_frames * samples.frame_bytes - len(kept)
        data = read_some(pipe, most if left is None else min(most, left))
        if not data:
            break
        left = None if left is None else left - len(data)
        data = kept + data
        whole = len(data) // samples.frame_bytes * samples.frame_bytes
        kept = data[whole:]
        if whole:
            yield samples.decode(data[:whole])
    if left:
        raise AudioError(f"cut short ({left} bytes less than its header promises)")


def read_some(pipe: Pipe, most: int) -> bytes:
    """Return what has arrived, waiting for at least one byte; b"" at the end."""
    read_now = getattr(pipe, "read1", pipe.read)  # a buffered pipe's `read` would wait for all of it
    return bytes(read_now(most) or b"")


def exactly(pipe: Pipe, count: int) -> bytes:
    """Return `count` bytes.

    Raises:
        AudioError: the pipe ends before.
    """
    data = b""
    while len(data) < count:
        more = read_some(pipe, count - len(data))
        if not more:
            raise AudioError("cannot be decoded (it ends inside its header)" if data or count else "is empty (0 bytes)")
        data += more
    return data
