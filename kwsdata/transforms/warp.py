"""Speed, tempo and pitch together: one stretch and one resampling for any mixture of the three.

Resampling by p multiplies pitch by p and divides duration by p; stretching changes duration alone. So a clip that shall
have pitch p and duration d is stretched by p * d and resampled by p, in the order that works on fewer samples.
"""

import soxr

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.transforms.tempo import fitted, stretch

_QUALITY = "HQ"  # soxr: -120 dB of images and aliases, flat to 0.91 of the band


def warp(wave: Waveform, pitch: float, duration: float) -> Waveform:
    """Return `wave` [n] with every frequency times `pitch` and its length times `duration`: [round(n * duration)]."""
    samples = round(wave.size * duration)
    if wave.size == 0:
        return wave
    if pitch == 1.0:
        return stretch(wave, samples)
    if pitch > 1.0:
        return stretch(_played(wave, pitch), samples)
    return fitted(_played(stretch(wave, round(samples * pitch)), pitch), samples)


def _played(wave: Waveform, factor: float) -> Waveform:
    """Return `wave` [n] played `factor` times as fast: [n / factor], give or take a sample; 1 sample at least."""
    played = soxr.resample(wave, SAMPLE_RATE * factor, SAMPLE_RATE, quality=_QUALITY)
    return played if played.size else wave[:1]
