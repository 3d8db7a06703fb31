"""Read a detector's input (files, standard input, named pipes, raw samples) as 16 kHz mono blocks.

Memory does not grow with the sound. A sample that is no sound (NaN, infinite, far beyond full scale) is heard as
silence and said. Several channels are averaged, unless one is asked for; of a file whose channels cancel each other the
loudest is heard.
"""

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from kwsdata.audio import Waveform
from kwsdata.errors import AudioError
from kwsdata.files.named_paths import printable
from kwsdata.soundfiles.channels import ChannelPowers, at_project_rate, one_channel, sane
from kwsdata.soundfiles.formats import COMMON
from kwsdata.soundfiles.pipes import open_pipe, raw_sound
from kwsdata.soundfiles.reader import OpenSound, open_sound

STANDARD_INPUT = ("-", "/dev/stdin")


@dataclass(frozen=True)
class Listening:
    """How sounds are heard: `raw_rate` in Hz where they have no header, and the one `channel` (from 1), if any."""

    raw_rate: int | None = None
    channel: int | None = None


def sound_blocks(name: str, how: Listening, warn: Callable[[str], None]) -> Iterator[Waveform]:
    """Yield the sound called `name` as blocks float32 [samples] at 16 kHz, from a pipe as they come.

    Args:
        name: a file, a named pipe, or `-`, standard input.
        how: of raw sound, and of channels.
        warn: what to do with a line on what was heard otherwise than it is.

    Raises:
        AudioError: it is missing or no sound, or it breaks off; what comes before has been yielded.
    """
    try:
        with _opened(name, how) as (sound, pick):
            ears = _Ears(sound, pick)
            yield from at_project_rate(ears.heard(), sound.rate)
            for line in ears.remarks():
                warn(f"{printable(name)}: {line}")
    except AudioError as error:
        raise AudioError(f"{printable(name)} {error}{_next_step(str(error), how)}") from None


@contextmanager
def _opened(name: str, how: Listening) -> Iterator[tuple[OpenSound, int | None]]:
    """Open a sound; also return the number (from 0) of the one channel to hear, None: all."""
    with ExitStack() as stack:
        path, pipe = _source(name, stack)
        pick = None if how.channel is None else how.channel - 1
        if how.raw_rate is not None:
            sound = raw_sound(pipe or stack.enter_context(_file(path)), how.raw_rate)
        elif pipe is not None:
            sound = stack.enter_context(open_pipe(pipe))
        else:
            if pick is None:
                pick = _loudest_if_cancelling(path)
            sound = stack.enter_context(open_sound(path))
        if how.channel is not None and not 1 <= how.channel <= sound.channels:
            raise AudioError(f"has {sound.channels} channels, --channel asks for number {how.channel}")
        yield sound, pick


def _source(name: str, stack: ExitStack) -> tuple[Path, BinaryIO | None]:
    """Return the path called `name`, and what comes through it if it is a pipe."""
    if name in STANDARD_INPUT:
        number = sys.stdin.fileno()
        if os.isatty(number):
            raise AudioError("is a terminal: send sound into it (`... | kwstrain detect -`), or give sound files")
        if not stat.S_ISREG(os.fstat(number).st_mode):
            return Path("/dev/stdin"), stack.enter_context(os.fdopen(os.dup(number), "rb", buffering=0))
        return Path("/dev/stdin"), None
    path = Path(name)
    if not path.exists():
        raise AudioError(f"is missing: give sound files ({COMMON})")
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise AudioError(f"is a directory: give sound files ({COMMON})")
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        return path, stack.enter_context(path.open("rb", buffering=0))
    return path, None


def _file(path: Path) -> AbstractContextManager[BinaryIO]:
    try:
        return path.open("rb")
    except OSError as error:
        raise AudioError(f"cannot be read ({error.strerror})") from None


def _loudest_if_cancelling(path: Path) -> int | None:
    """Return the channel (from 0) to hear of a file whose channels cancel each other; None: all."""
    with open_sound(path) as sound:
        if sound.channels == 1:
            return None
        powers = ChannelPowers(sound.channels)
        try:
            for block in sound.blocks():
                powers.add(sane(block)[0])
        except AudioError:  # it is told when the sound is heard
            pass
        return powers.loudest_if_cancelling()


class _Ears:
    """Hears a sound, and remembers what was wrong with it."""

    def __init__(self, sound: OpenSound, pick: int | None) -> None:
        self._sound, self._pick = sound, pick
        self._powers = ChannelPowers(sound.channels)
        self._frames = self._insane = 0
        self._first_s: float | None = None

    def heard(self) -> Iterator[Waveform]:
        """Yield one channel, float32 [samples] at the sound's own rate."""
        for block in self._sound.blocks():
            block, insane = sane(block)
            if insane.size:
                if self._first_s is None:
                    self._first_s = (self._frames + int(insane[0])) / self._sound.rate
                self._insane += insane.size
            self._frames += len(block)
            if self._pick is None:
                self._powers.add(block)
                yield one_channel(block)
            else:
                yield np.ascontiguousarray(block[:, self._pick])

    def remarks(self) -> Iterator[str]:
        """Yield a line for each thing that was heard otherwise than it is."""
        if self._first_s is not None:
            yield (
                f"samples that are no sound (NaN, infinite or far beyond full scale): {self._insane}, the first at "
                f"{self._first_s:.3f} s; heard as silence."
            )
        if self._pick is None and self._powers.loudest_if_cancelling() is not None:
            yield "its channels cancel each other, and their mean was heard: choose one with --channel."


def _next_step(reason: str, how: Listening) -> str:
    """Return what to do after `reason`, unless it says so itself."""
    if ": " in reason or not reason.startswith("cannot be decoded ("):
        return "."
    return ": convert it to WAV or FLAC" + (", or say --raw RATE of raw samples." if how.raw_rate is None else ".")
