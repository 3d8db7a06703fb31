"""Change tempo and keep pitch: segments of the clip laid out at another pace, each joined where it fits best (SOLA).

Segments of 30 ms are taken every 30 * factor ms. Each may move by +-7.5 ms to where its first 10 ms correlate best with
what would have followed the segment before it; the two are cross-faded there. Periods of a voice stay whole, so that
pitch is kept (a tone to within 1 cent), and speech has none of a phase vocoder's smear.

S. Roucos and A. Wilgus, High quality time-scale modification for speech, ICASSP 1985; W. Verhelst and M. Roelands, An
overlap-add technique based on waveform similarity (WSOLA), ICASSP 1993. SoX's `tempo` is of the same family.
"""

from dataclasses import dataclass

import numpy as np

from kwsdata.audio import Waveform
from kwsdata.params.base import Range

_HOP = 480  # samples between segments of the result: 30 ms
_OVERLAP = 160  # cross-faded: 10 ms
_SEARCH = 240  # places tried: 15 ms, one period of 67 Hz
_ROUNDING = 2  # samples: a length this near is rounding, not tempo
_FADE_IN = (0.5 - 0.5 * np.cos(np.pi * (np.arange(_OVERLAP) + 0.5) / _OVERLAP)).astype(np.float32)


@dataclass(frozen=True)
class TempoDraw:
    """`factor` 1.1 is 10 % faster at the same pitch."""

    factor: float


def draw_tempo(rng: np.random.Generator, factor: Range) -> TempoDraw:
    """Draw a factor, uniform in log tempo."""
    return TempoDraw(float(np.exp(rng.uniform(np.log(factor.low), np.log(factor.high)))))


def apply_tempo(wave: Waveform, draw: TempoDraw) -> Waveform:
    """Return `wave` [n] at `factor` times its pace: [round(n / factor)]."""
    return stretch(wave, round(wave.size / draw.factor))


def stretch(wave: Waveform, samples: int) -> Waveform:
    """Return `wave` [n] spread or squeezed to [samples] with its pitch kept."""
    if wave.size == 0 or abs(samples - wave.size) <= _ROUNDING:
        return fitted(wave, samples)
    factor = wave.size / samples
    segments = -(-samples // _HOP) + 1
    half = _SEARCH // 2
    reach = max(int(segments * _HOP * factor), wave.size) + _SEARCH + 2 * (_HOP + _OVERLAP)
    padded = np.zeros(half + reach, dtype=np.float32)
    padded[half : half + wave.size] = wave
    loudness = _reciprocal_norms(padded)
    out = np.empty(segments * _HOP + _OVERLAP, dtype=np.float32)
    place = half  # of the current segment in `padded`
    out[: _HOP + _OVERLAP] = padded[place : place + _HOP + _OVERLAP]
    for number in range(1, segments):
        follows = padded[place + _HOP : place + _HOP + _OVERLAP]
        low = int(number * _HOP * factor)
        fit = np.correlate(padded[low : low + _SEARCH + _OVERLAP - 1], follows, "valid")
        fit *= loudness[low : low + _SEARCH]
        place = low + int(fit.argmax())
        start = number * _HOP
        joint = out[start : start + _OVERLAP]
        joint += _FADE_IN * (padded[place : place + _OVERLAP] - joint)
        out[start + _OVERLAP : start + _OVERLAP + _HOP] = padded[place + _OVERLAP : place + _OVERLAP + _HOP]
    return out[:samples]


def fitted(wave: Waveform, samples: int) -> Waveform:
    """Return `wave` [n] cut, or filled up with silence, to [samples]."""
    return wave[:samples] if wave.size >= samples else np.pad(wave, (0, samples - wave.size))


def _reciprocal_norms(wave: Waveform) -> np.ndarray:
    """Return 1 / the norm of every window of `_OVERLAP` samples of `wave` [n]: float32 [n - _OVERLAP + 1]."""
    energy = np.cumsum(np.square(wave, dtype=np.float64))
    windows = energy[_OVERLAP - 1 :].copy()
    windows[1:] -= energy[:-_OVERLAP]
    # The floor (1e-6 of the loudest window) keeps rounding in near-silence from winning.
    return (1 / np.sqrt(np.maximum(windows, max(float(windows.max()) * 1e-6, 1e-30)))).astype(np.float32)
