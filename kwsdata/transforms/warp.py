"""Speed, tempo and pitch together: one stretch and one resampling for any mixture of the three.

Resampling by p multiplies pitch by p and divides duration by p; stretching changes duration alone. So a clip that shall
have pitch p and duration d is stretched by p * d and resampled by p, in the order that works on fewer samples.
"""

from collections.abc import Callable

from kwsdata.audio import Waveform
from kwsdata.transforms.resampling import resample
from kwsdata.transforms.tempo import fitted, stretch


def warp(
    wave: Waveform, pitch: float, duration: float, resample: Callable[[Waveform, float], Waveform] = resample
) -> Waveform:
    """Return `wave` [n] with every frequency times `pitch` and its length times `duration`: [round(n * duration)].

    `resample(wave, factor)` plays a wave `factor` times as fast.
    """
    samples = round(wave.size * duration)
    if wave.size == 0:
        return wave
    if pitch == 1.0:
        return stretch(wave, samples)
    if pitch > 1.0:
        return stretch(resample(wave, pitch), samples)
    return fitted(resample(stretch(wave, round(samples * pitch)), pitch), samples)
