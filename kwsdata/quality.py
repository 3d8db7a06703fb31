"""Whether one sound can be used at all: not empty, not silent, not clipped, not too short.

Levels follow `kwsdata.audio`: 0 dBFS is a full-scale square wave. A clip is measured as it was recorded, before its
channels are averaged and before it is resampled, because both round off the flat tops that clipping leaves.
"""

import numpy as np

from kwsdata.audio import FULL_SCALE, dbfs
from kwsdata.corpus import Role
from kwsdata.params import ImportParams

FRAME_S = 0.01  # silence is judged on the loudest 10 ms
CLIPPED = 1 - 1 / FULL_SCALE  # the largest 16-bit sample


def reason_to_reject(waves: np.ndarray, rate: int, params: ImportParams, role: Role) -> str | None:
    """Return why a sound cannot be used, with the value and the limit, or None if it can.

    Args:
        waves: float32 [samples] or [samples, channels] at the sound's own rate.
        rate: in Hz.
        params: the limits `min_duration_s`, `silence_dbfs`, `max_clipped_fraction`.
        role: an impulse response (`rir`) may be short and quiet; it must only not be all zeros.
    """
    waves = waves[:, None] if waves.ndim == 1 else waves
    if waves.size == 0:
        return "empty (0 samples)"
    finite = np.isfinite(waves)
    if not finite.all():
        return f"not finite ({finite.size - np.count_nonzero(finite)} samples are NaN or infinite)"
    if not waves.any():
        return "silent (every sample is 0)"
    clipped = float(np.mean(np.abs(waves) >= CLIPPED, axis=0).max())
    if clipped > params.max_clipped_fraction:
        return (
            f"clipped ({100 * clipped:.1f} % of samples at full scale, "
            f"import.max_clipped_fraction = {params.max_clipped_fraction:g})"
        )
    if role == "rir":
        return None
    duration_s = len(waves) / rate
    if duration_s < params.min_duration_s:
        return f"too short ({duration_s:.3f} s, import.min_duration_s = {params.min_duration_s:g})"
    level = loudest_dbfs(waves.mean(axis=1, dtype=np.float64), rate)
    if level < params.silence_dbfs:
        return f"silent (loudest 10 ms at {level:.1f} dBFS, import.silence_dbfs = {params.silence_dbfs:g})"
    return None


def loudest_dbfs(wave: np.ndarray, rate: int) -> float:
    """Return the RMS level in dBFS of the loudest 10 ms of `wave` [samples]; a constant offset is not sound.

    Frames do not overlap; a last part of a frame is not heard, unless the wave is shorter than one frame.
    """
    wave = wave - wave.mean()
    frame = min(max(round(FRAME_S * rate), 1), wave.size)
    frames = wave[: wave.size // frame * frame].reshape(-1, frame)
    return dbfs(float(np.sqrt(np.mean(np.square(frames), axis=1).max())))
