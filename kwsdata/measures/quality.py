"""Decide whether a sound is usable: not empty, silent, clipped, too short or too long.

Levels follow `kwsdata.audio`: 0 dBFS is a full-scale square wave. A sound is measured as it was recorded, before its
channels are averaged and before it is resampled, because both round off the flat tops that clipping leaves.
"""

import numpy as np

from kwsdata.audio import FULL_SCALE, dbfs
from kwsdata.clips.corpus import Role
from kwsdata.errors import AudioError
from kwsdata.params import ImportParams
from kwsdata.soundfiles.channels import LARGEST

FRAME_S = 0.01  # silence is judged on the loudest 10 ms
CLIPPED = 1 - 1 / FULL_SCALE  # the largest 16-bit sample


class Gauge:
    """Measures of a sound that comes in blocks."""

    def __init__(self, rate: int, channels: int, params: ImportParams) -> None:
        """Begin a sound of `rate` Hz; `params` has the limits."""
        self._rate, self._params = rate, params
        self._frames = 0
        self._any = False
        self._clipped = np.zeros(channels, np.int64)
        self._level = LoudestFrame(rate)

    def check(self, block: np.ndarray) -> None:
        """Raise an AudioError where no sound has such samples, or the sound becomes too long with them."""
        size = np.abs(block)
        if not size.max(initial=0) <= LARGEST:  # also where it is no number
            raise AudioError(self._damage(block, size))
        self.check_duration(self._frames + len(block))

    def add(self, block: np.ndarray, mono: np.ndarray) -> None:
        """Take note of a block that was checked.

        Args:
            block: float32 [samples, channels] at the sound's own rate.
            mono: the one channel that becomes of it, [samples].
        """
        self._frames += len(block)
        self._any = self._any or bool(block.any())
        self._clipped += np.count_nonzero(np.abs(block) >= CLIPPED, axis=0)
        self._level.add(mono)

    def check_duration(self, frames: int) -> None:
        """Raise an AudioError where `frames` are more than a clip may have."""
        if frames > self._params.max_duration_s * self._rate:
            raise AudioError(
                f"too long (over import.max_duration_s = {self._params.max_duration_s:g}: cut it in parts)"
            )

    def _damage(self, block: np.ndarray, size: np.ndarray) -> str:
        first, channel = np.argwhere(~(size <= LARGEST))[0]
        at_s, value = (self._frames + int(first)) / self._rate, float(block[first, channel])
        if not np.isfinite(value):
            return f"not finite (the sample at {at_s:.3f} s is NaN or infinite)"
        return f"damaged (the sample at {at_s:.3f} s is {value:.3g}; full scale is 1)"

    def reason(self, role: Role) -> str | None:
        """Return why the sound cannot be used, with the value and the limit, or None if it can.

        Args:
            role: an impulse response (`rir`) may be short and quiet; it must only not be all zeros.
        """
        params = self._params
        if self._frames == 0:
            return "empty (0 samples)"
        if not self._any:
            return "silent (every sample is 0)"
        clipped = float(self._clipped.max() / self._frames)
        if clipped > params.max_clipped_fraction:
            return (
                f"clipped ({100 * clipped:.1f} % of samples at full scale, "
                f"import.max_clipped_fraction = {params.max_clipped_fraction:g})"
            )
        if role == "rir":
            return None
        duration_s = self._frames / self._rate
        if duration_s < params.min_duration_s:
            return f"too short ({duration_s:.3f} s, import.min_duration_s = {params.min_duration_s:g})"
        level = self._level.level_dbfs()
        if level < params.silence_dbfs:
            return f"silent (loudest 10 ms at {level:.1f} dBFS, import.silence_dbfs = {params.silence_dbfs:g})"
        return None


class LoudestFrame:
    """The RMS level of the loudest 10 ms of a sound that comes in blocks; a constant offset is not sound.

    Frames do not overlap; a last part of a frame is not heard, unless the sound is shorter than one frame.
    """

    def __init__(self, rate: int) -> None:
        self._frame = max(round(FRAME_S * rate), 1)
        self._sums: list[np.ndarray] = []
        self._squares: list[np.ndarray] = []
        self._kept = np.zeros(0)

    def add(self, mono: np.ndarray) -> None:
        """Take note of [samples]."""
        heard = np.concatenate([self._kept, mono])
        whole = heard.size // self._frame * self._frame
        frames = heard[:whole].reshape(-1, self._frame)
        self._sums.append(frames.sum(axis=1))
        self._squares.append(np.square(frames).sum(axis=1))
        self._kept = heard[whole:]

    def level_dbfs(self) -> float:
        """Return the level in dBFS."""
        sums = np.concatenate([np.zeros(0), *self._sums])
        squares = np.concatenate([np.zeros(0), *self._squares])
        samples = sums.size * self._frame + self._kept.size
        if not samples:
            return dbfs(0.0)
        offset = (sums.sum() + self._kept.sum()) / samples
        if sums.size:
            powers = (squares - 2 * offset * sums) / self._frame + offset**2  # the mean of (x - offset)^2
        else:
            powers = np.square(self._kept - offset).mean(keepdims=True)
        return dbfs(float(np.sqrt(max(powers.max(), 0.0))))


def reason_to_reject(waves: np.ndarray, rate: int, params: ImportParams, role: Role) -> str | None:
    """Return why a whole sound, float32 [samples] or [samples, channels], cannot be used, or None if it can."""
    waves = waves[:, None] if waves.ndim == 1 else waves
    gauge = Gauge(rate, waves.shape[1], params)
    try:
        gauge.check(waves)
    except AudioError as error:
        return str(error)
    gauge.add(waves, waves.mean(axis=1, dtype=np.float64))
    return gauge.reason(role)


def loudest_dbfs(wave: np.ndarray, rate: int) -> float:
    """Return the RMS level in dBFS of the loudest 10 ms of `wave` [samples]; see `LoudestFrame`."""
    level = LoudestFrame(rate)
    level.add(wave)
    return level.level_dbfs()
