"""Open a sound file, or its bytes, and read it block by block.

    with open_sound(path) as sound:
        for block in sound.blocks():    # float32 [frames, channels] at sound.rate
            ...

A file that is damaged gives what comes before the damage, and then an AudioError: whoever needs all of a file does not
keep what came before, and whoever listens to it has heard that.
"""

import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import numpy as np
import soundfile

from kwsdata.errors import AudioError
from kwsdata.soundfiles.ffmpeg import decoding
from kwsdata.soundfiles.formats import HEAD_BYTES, RAW, Format, format_of, what_else
from kwsdata.soundfiles.layout import layout_of
from kwsdata.soundfiles.mp3 import SLACK, mp3_blocks, promised_samples
from kwsdata.soundfiles.ogg import ogg_fault
from kwsdata.soundfiles.streams import sample_blocks

BLOCK_S = 1.0  # read at a time: of a block in which a file breaks off nothing is heard
BLOCK_SAMPLES = 1 << 19  # of all channels, at most: 2 MiB of float32
RATES = range(1000, 1_000_001)  # Hz; a header with another one is damaged, or of something that is no sound
_PLAINLY = {  # what libsndfile says of a file that it opened and cannot make anything of
    "File does not exist or is not a regular file (possibly a pipe?).": "no sound is found in it",
    "Internal error : SF_INFO struct incomplete.": "its header has a rate, or channels, that no sound has",
    "System error.": "it breaks off",
}
_MOST_FRAMES = 1 << 40  # libsndfile gives a number beyond it where a header gives none


@dataclass(frozen=True)
class OpenSound:
    """A sound to be read once, from its start on.

    `frames`: how many the header says there are; None where it does not say. `seek`: go to a frame; None where that
    takes reading all before it. `fault`: what the header alone shows to be damaged, which reading to the end raises.
    """

    rate: int  # Hz
    channels: int
    frames: int | None
    _blocks: Callable[[int], Iterator[np.ndarray]]
    seek: Callable[[int], None] | None = None
    fault: str | None = None

    def blocks(self, most_frames: int | None = None) -> Iterator[np.ndarray]:
        """Yield the sound as float32 [frames, channels], at most `most_frames` (by default a second) at a time.

        Raises:
            AudioError: the file is damaged; what comes before the damage has been yielded.
        """
        return self._blocks(most_frames or max(min(BLOCK_SAMPLES // self.channels, round(BLOCK_S * self.rate)), 1))

    def read(self, frames: int | None = None) -> np.ndarray:
        """Return all of it, or the next `frames`, or fewer where it ends before: float32 [frames, channels].

        Raises:
            AudioError: the file is damaged.
        """
        parts, left = [np.zeros((0, self.channels), np.float32)], frames
        for block in self.blocks(frames):
            parts.append(block[:left])
            left = None if left is None else left - len(parts[-1])
            if left == 0:
                break
        return np.concatenate(parts)


def in_memory(waves: np.ndarray, rate: int) -> OpenSound:
    """Return decoded sound, float32 [frames, channels] at `rate` Hz, as if it were a file."""

    def blocks(most_frames: int) -> Iterator[np.ndarray]:
        for start in range(0, len(waves), most_frames):
            yield waves[start : start + most_frames]

    return OpenSound(rate, waves.shape[1], len(waves), blocks)


@contextmanager
def open_sound(source: Path | bytes) -> Iterator[OpenSound]:
    """Open the sound file `source`, or the bytes of one.

    Raises:
        AudioError: it is missing, no regular file, no sound, or in a format that nothing here reads. The message names
            no path and no address, so that it is the same on every machine.
    """
    with ExitStack() as stack:
        file: Any = stack.enter_context(io.BytesIO(source) if isinstance(source, bytes) else _opened(source))
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        head = file.read(HEAD_BYTES)
        if not head:
            raise AudioError("is empty (0 bytes)")
        kind = format_of(head)
        if kind is not None and not kind.libsndfile:
            sound = _by_ffmpeg(source, kind, stack)
        else:
            try:
                sound = _by_libsndfile(source, file, size, kind, stack)
            except soundfile.LibsndfileError as error:
                sound = _otherwise(source, head, kind, error, stack)
        yield check_sound(sound)


def _opened(path: Path) -> io.RawIOBase:
    """Open a regular file; nothing else is touched: a named pipe would wait for a writer."""
    try:
        kind = path.stat().st_mode
        if stat.S_ISREG(kind):
            return path.open("rb", buffering=0)
    except (OSError, ValueError) as error:
        raise AudioError(f"cannot be read ({getattr(error, 'strerror', error)})") from None
    raise AudioError(f"cannot be read (it is {kind_of_file(kind)})")


def kind_of_file(mode: int) -> str:
    """Return in words what `mode` (of `os.stat`) says a path is."""
    kinds = {
        stat.S_IFDIR: "a directory",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
        stat.S_IFREG: "a file",
    }
    return kinds.get(stat.S_IFMT(mode), "no regular file")


def check_sound(sound: OpenSound) -> OpenSound:
    """Return `sound`, or raise an AudioError where its header has channels or a rate that no sound has."""
    if sound.channels < 1:
        raise AudioError(f"cannot be decoded (its header says {sound.channels} channels)")
    if sound.rate not in RATES:
        limits = f"{RATES.start} to {RATES.stop - 1} Hz"
        raise AudioError(f"cannot be decoded (its header says {sound.rate} samples a second; sound has {limits})")
    return sound


class _Onwards(soundfile.SoundFile):
    """A sound file that is read on and on: soundfile would seek after each block, which streamed FLAC cannot."""

    def seekable(self) -> bool:
        return False


def _by_libsndfile(source: Path | bytes, file: BinaryIO, size: int, kind: Format | None, stack: ExitStack) -> OpenSound:
    layout = layout_of(file, size)
    fault = layout.fault if layout is not None else ogg_fault(file, size)
    mended = layout.mended(file) if layout is not None else None
    where: Any = mended or file
    if mended is None and isinstance(source, Path):
        # libsndfile looks at the suffix too, of MP3 that begins inside a frame; soundfile takes `.raw` for no format.
        where = file.fileno() if source.suffix.lower() == ".raw" else os.fsencode(source)
    file.seek(0)
    opened = stack.enter_context(_Onwards(where, closefd=False))
    rate, channels = opened.samplerate, opened.channels
    frames = opened.frames if 0 <= opened.frames < _MOST_FRAMES else None
    promised = promised_samples(source) if opened.format == "MP3" else 0
    if frames is not None and promised > frames + SLACK:
        return OpenSound(rate, channels, promised, partial(mp3_blocks, source, rate, channels))
    reading = _Reading(opened, promised, fault)
    if frames is None:
        return OpenSound(rate, channels, None, reading.blocks, fault=fault)
    reading.seek(0)  # of MP3 the last bits depend on it, and what has been imported was read so
    return OpenSound(rate, channels, frames, reading.blocks, reading.seek, fault)


class _Reading:
    """The way through a file that libsndfile reads: where it is, and what is to be said at the end."""

    def __init__(self, opened: _Onwards, promised: int, fault: str | None) -> None:
        self._opened, self._promised, self._fault = opened, promised, fault
        self._at = 0  # frames

    def seek(self, frame: int) -> None:
        self._at = self._opened.seek(frame)

    def blocks(self, most_frames: int) -> Iterator[np.ndarray]:
        while True:
            try:
                block = self._opened.read(most_frames, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                at_s = self._at / self._opened.samplerate
                raise AudioError(f"cannot be decoded past {at_s:.1f} s ({error.error_string})") from None
            if not len(block):
                break
            self._at += len(block)
            yield block
        if self._fault is not None:
            raise AudioError(self._fault)
        if self._at + SLACK < self._promised:
            raise AudioError(f"cut short ({self._at} samples of the {self._promised} that its header promises)")


def _otherwise(
    source: Path | bytes, head: bytes, kind: Format | None, error: soundfile.LibsndfileError, stack: ExitStack
) -> OpenSound:
    """Ask ffmpeg for a file that libsndfile does not open, and say of what neither reads what it is."""
    words = _PLAINLY.get(error.error_string, error.error_string.rstrip("."))
    if kind is None:
        other = what_else(head)
        if other is None and isinstance(source, Path) and source.suffix.lower() in RAW.suffixes:
            other = "raw sound, whose rate nothing says"
        raise AudioError(f"cannot be decoded ({f'it is {other}' if other else words})") from None
    if kind.demuxer is None:
        raise AudioError(f"cannot be decoded ({words})") from None
    try:
        return _by_ffmpeg(source, kind, stack)
    except AudioError:
        raise AudioError(f"cannot be decoded ({words})") from None


def _by_ffmpeg(source: Path | bytes, kind: Format, stack: ExitStack) -> OpenSound:
    assert kind.demuxer is not None
    if isinstance(source, bytes):
        copy = Path(stack.enter_context(TemporaryDirectory()), f"sound{kind.suffixes[0]}")
        copy.write_bytes(source)
        source = copy
    running = stack.enter_context(decoding(source, kind.demuxer, kind.name))

    def blocks(most_frames: int) -> Iterator[np.ndarray]:
        yield from sample_blocks(running.pipe, running.samples, most_frames)
        fault = running.fault()
        if fault is not None:
            raise AudioError(fault)

    return OpenSound(running.samples.rate, running.samples.channels, None, blocks)
