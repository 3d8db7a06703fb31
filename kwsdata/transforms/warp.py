"""Speed, tempo and pitch together: one stretch and one resampling for any mixture of the three.

Resampling by p multiplies pitch by p and divides duration by p; stretching changes duration alone. So a clip that shall
have pitch p and duration d is stretched by p * d and resampled by p, in the order that works on fewer samples.
"""

from collections.abc import Callable
from fractions import Fraction

import soxr

from kwsdata.audio import Waveform
from kwsdata.transforms.tempo import fitted, stretch

_QUALITY = "HQ"  # soxr: -120 dB of images and aliases, flat to 0.91 of the band
_DENOMINATOR, _NEAR_ONE = 200, 1000  # largest denominators of a ratio; near 1 fractions are far apart


def resample(wave: Waveform, factor: float) -> Waveform:
    """Return `wave` [n] played `factor` times as fast: [n / factor], give or take a sample; 1 sample at least.

    The factor is rounded to a ratio of small numbers (by 0.4 cents at most), for which soxr designs its filter up to
    ten times as fast.
    """
    ratio = Fraction(factor).limit_denominator(_NEAR_ONE if abs(factor - 1) < 0.02 else _DENOMINATOR)
    played = soxr.resample(wave, ratio.numerator, ratio.denominator, quality=_QUALITY)
    return played if played.size else wave[:1]


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
