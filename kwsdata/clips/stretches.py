"""Read any stretch of a sound file, in any format, at 16 kHz.

libsndfile goes to any sample of most formats. A file that can only be read from its start (what ffmpeg decodes, FLAC
that was streamed) is decoded once into the cache, as the 16-bit FLAC that an import would store, and read there.
"""

import math
from functools import partial
from pathlib import Path

import numpy as np

from kwsdata.audio import SAMPLE_RATE, Waveform, flac_writer, resample
from kwsdata.clips.content import file_hash
from kwsdata.errors import AudioError
from kwsdata.execution.cache import Step
from kwsdata.soundfiles.channels import ChannelPowers, at_project_rate, one_channel, sane
from kwsdata.soundfiles.formats import HEAD_BYTES, format_of
from kwsdata.soundfiles.reader import OpenSound, open_sound

COPIES = Step("decoded", __name__, suffix=".flac")
_GUARD = 1600  # samples read and thrown away at both ends of a resampled stretch
_LOOKS, _LOOK_S = 20, 5.0  # stretches of a file at which its channels are compared


def measure(path: Path) -> tuple[int, int | None]:
    """Return how many samples a sound file has at 16 kHz, and its loudest channel (from 0) where they cancel, or None.

    Raises:
        AudioError: it is no sound, damaged, or empty.
    """
    with open_sound(_seekable(path)) as sound:
        if not sound.frames:
            raise AudioError("is empty (0 samples)")
        if sound.fault is not None:
            raise AudioError(sound.fault)
        return math.floor(sound.frames * SAMPLE_RATE / sound.rate), _loudest_if_cancelling(sound)


def read_stretch(path: Path, first: int, last: int, channel: int | None = None) -> Waveform:
    """Return samples [first, last) at 16 kHz of a sound file: the mean of its channels, or `channel` (from 0).

    Fewer where the file ends before. A sample that is no sound is silence.

    Raises:
        AudioError: it is no sound.
    """
    with open_sound(_seekable(path)) as sound:
        assert sound.seek is not None
        rate = sound.rate
        if rate == SAMPLE_RATE:
            sound.seek(first)
            return _mono(sound.read(last - first), channel)
        # Positions where both rates have a sample, so that the grid does not depend on where reading starts.
        step = SAMPLE_RATE // math.gcd(rate, SAMPLE_RATE)
        low = max(0, (first - _GUARD) // step * step)
        sound.seek(low * rate // SAMPLE_RATE)
        wave = _mono(sound.read(math.ceil((last - low + _GUARD) * rate / SAMPLE_RATE)), channel)
    wave = resample(wave, rate)[first - low : last - low]
    return np.pad(wave, (0, min(last - first - wave.size, 2))) if 0 < last - first - wave.size <= 2 else wave


def _mono(block: np.ndarray, channel: int | None) -> Waveform:
    block, _ = sane(block)
    if channel is not None and channel >= block.shape[1]:
        raise AudioError(f"has {block.shape[1]} channels, and number {channel + 1} was asked for")
    return one_channel(block) if channel is None else np.ascontiguousarray(block[:, channel])


def _loudest_if_cancelling(sound: OpenSound) -> int | None:
    """Compare the channels of a sound at twenty places (all of it, if it is short)."""
    if sound.channels == 1 or sound.frames is None or sound.seek is None:
        return None
    powers = ChannelPowers(sound.channels)
    frames = round(_LOOK_S * sound.rate)
    starts = range(0, sound.frames, max(frames, -(-sound.frames // _LOOKS)))
    for start in starts:
        sound.seek(start)
        powers.add(sane(sound.read(frames))[0])
    return powers.loudest_if_cancelling()


def _seekable(path: Path) -> Path:
    """Return `path` if any stretch of it can be read, else a copy of its sound in the cache."""
    try:
        with path.open("rb") as file:
            kind = format_of(file.read(HEAD_BYTES))
    except OSError as error:
        raise AudioError(f"cannot be read ({error.strerror})") from None
    if kind is None or kind.libsndfile:
        with open_sound(path) as sound:
            if sound.seek is not None:
                return path
    return COPIES.get(partial(_decode, path), content=file_hash(path))


def _decode(path: Path, out: Path) -> None:
    """Write the sound of `path` to `out` as an import would: 16 kHz, one channel, 16 bits."""
    with open_sound(path) as sound:
        powers = ChannelPowers(sound.channels)
        for block in sound.blocks():
            powers.add(sane(block)[0])
    pick = powers.loudest_if_cancelling()
    with open_sound(path) as sound, out.open("wb") as file, flac_writer(file) as write:
        for wave in at_project_rate((_mono(block, pick) for block in sound.blocks()), sound.rate):
            write(wave)
