"""Mix channels to one: their mean, or the loudest where they cancel each other.

The mean of n channels that have nothing to do with each other has 1/n of their mean power, and more where they hear the
same. It has less only where they are each other's inverse in part: a cable with its wires swapped, or a "surround"
effect. Where less than half of that 1/n is left, the loudest channel stands for the sound, at the level it was recorded
at. Powers are those of the whole sound, without its constant offset.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from kwsdata.audio import FULL_SCALE, SAMPLE_RATE, Waveform

LARGEST = 2 * FULL_SCALE  # a larger sample is damage, even in floats that were scaled as 16-bit integers
_LEAST_SHARE = 0.5  # of the power that the mean of unrelated channels would have
_AS_LOUD = 0.99  # of the loudest one's power: rounding does not choose between equal channels


class ChannelPowers:
    """The powers of a sound's channels and of their mean, of any number of blocks."""

    def __init__(self, channels: int) -> None:
        self._count = 0
        self._sums = np.zeros(channels + 1)  # the last is of the mean
        self._squares = np.zeros(channels + 1)

    def add(self, block: np.ndarray) -> None:
        """Take note of a block, float32 [frames, channels]."""
        if block.shape[1] == 1:
            return  # cancels nothing
        mean = block.mean(axis=1, dtype=np.float64)
        self._count += len(block)
        self._sums += [*block.sum(axis=0, dtype=np.float64), mean.sum()]
        self._squares += [*np.square(block, dtype=np.float64).sum(axis=0), np.square(mean).sum()]

    def loudest_if_cancelling(self) -> int | None:
        """Return the number (from 0) of the first loudest channel where the channels cancel each other, else None."""
        channels = len(self._sums) - 1
        if channels < 2 or self._count == 0:
            return None
        power = self._squares / self._count - np.square(self._sums / self._count)
        unrelated = power[:-1].mean() / channels
        if unrelated <= 0 or power[-1] >= _LEAST_SHARE * unrelated:
            return None
        return int(np.argmax(power[:-1] >= _AS_LOUD * power[:-1].max()))


def one_channel(block: np.ndarray) -> Waveform:
    """Return the mean of the channels of a block [frames, channels]: float32 [frames]."""
    return np.asarray(block.mean(axis=1, dtype=np.float32))


def sane(block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a block [frames, channels] with silence for what is no sound, and the frames that had some of it.

    No sound is what is NaN, infinite, or larger than `LARGEST`.
    """
    good = np.abs(block) <= LARGEST  # False where it is no number
    if good.all():
        return block, np.zeros(0, np.int64)
    return np.where(good, block, np.float32(0)), np.flatnonzero(~good.all(axis=1))


def at_project_rate(blocks: Iterable[Waveform], rate: int) -> Iterator[Waveform]:
    """Yield `blocks` [samples] at `rate` Hz as blocks at 16 kHz: the samples of resampling all at once, however cut."""
    if rate == SAMPLE_RATE:
        yield from blocks
        return
    stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)
