"""Change speed, tempo and pitch: one stretch and one resampling for any mixture of the three.

Resampling by p multiplies pitch by p and divides duration by p; stretching changes duration alone. So a clip that shall
have pitch p and duration d is stretched by p * d and resampled by p, in the order that works on fewer samples.

Stretching lays out segments of the clip at another pace, each joined where it fits best (SOLA). Segments are 30 to 82
ms long, the longer the nearer the factor is to 1, so that one never skips or repeats much more than 8 ms. Each may move
by +-7.5 ms to where its first 10 ms correlate best with what would have followed the segment before it; the two are
cross-faded there. Periods of a voice stay whole, so that pitch is kept (a tone to within 2 cents), and speech has none
of a phase vocoder's smear.

S. Roucos and A. Wilgus, High quality time-scale modification for speech, ICASSP 1985; W. Verhelst and M. Roelands, An
overlap-add technique based on waveform similarity (WSOLA), ICASSP 1993. SoX's `tempo` is of the same family.
"""

from collections.abc import Callable

import numpy as np

from kwsdata.audio import Waveform
from kwsdata.transforms.resampling import resample

_SHORTEST, _LONGEST = 480, 1312  # samples between segments of the result: 30 and 82 ms
_DRIFT = 128  # samples that a segment may skip or repeat: 8 ms
_OVERLAP = 160  # cross-faded: 10 ms
_SEARCH = 240  # places tried: 15 ms, one period of 67 Hz
_GRID = 20  # samples between the places where a window's energy is summed; straight lines between them
_ROUNDING = 2  # samples: a length this near is rounding, not tempo
_FADE_IN = (0.5 - 0.5 * np.cos(np.pi * (np.arange(_OVERLAP) + 0.5) / _OVERLAP)).astype(np.float32)
_FADE_OUT = 1 - _FADE_IN

# from the energy of blocks of _GRID samples to that of windows of _OVERLAP, and from every _GRID-th place to all
_BLOCKS, _EXACT = (_SEARCH + _OVERLAP) // _GRID, _SEARCH // _GRID + 1
_SUMS = np.array([[0 <= b - w < _OVERLAP // _GRID for w in range(_EXACT)] for b in range(_BLOCKS)], dtype=np.float32)
_LINES = np.maximum(0, 1 - np.abs(np.arange(_SEARCH) / _GRID - np.arange(_EXACT)[:, None])).astype(np.float32)


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
    return fit_length(resample(stretch(wave, round(samples * pitch)), pitch), samples)


def stretch(wave: Waveform, samples: int) -> Waveform:
    """Return `wave` [n] spread or squeezed to [samples] with its pitch kept."""
    if wave.size == 0 or samples <= 0 or abs(samples - wave.size) <= _ROUNDING:
        return fit_length(wave, max(samples, 0))
    factor = wave.size / samples
    hop = int(min(max(_DRIFT / abs(factor - 1), _SHORTEST), _LONGEST))
    segments = -(-samples // hop) + 1
    half = _SEARCH // 2
    reach = max(int(segments * hop * factor), wave.size) + _SEARCH + 2 * (hop + _OVERLAP)
    padded = np.zeros(half + reach, dtype=np.float32)
    padded[half : half + wave.size] = wave
    return _joined(padded, (np.arange(1, segments) * (hop * factor)).astype(np.int64), hop)[:samples]


def stretch_unevenly(wave: Waveform, samples: np.ndarray, places: np.ndarray) -> Waveform:
    """Return `wave` [n] at a pace that changes, its pitch kept: what was at `samples` comes at `places`.

    Args:
        wave: float32 [n].
        samples: rising places in `wave`, from 0 to n; between them the pace is even.
        places: where each comes in the result, rising from 0; the last is the length of the result.
    """
    length = round(float(places[-1]))
    if wave.size == 0 or length <= 0:
        return fit_length(wave, max(length, 0))
    hop = _SHORTEST
    segments = -(-length // hop) + 1
    lows = np.interp(np.arange(1, segments) * hop, places, samples).astype(np.int64)
    padded = np.zeros(_SEARCH // 2 + wave.size + _SEARCH + 2 * (hop + _OVERLAP), dtype=np.float32)
    padded[_SEARCH // 2 : _SEARCH // 2 + wave.size] = wave
    return _joined(padded, lows, hop)[:length]


def _joined(padded: Waveform, lows: np.ndarray, hop: int) -> Waveform:
    """Return segments of `padded` laid side by side every `hop` samples, each from about its place in `lows` on."""
    pieces = _windows(padded, hop + _OVERLAP)[_places(padded, lows, hop)]  # a copy
    pieces[1:, :_OVERLAP] *= _FADE_IN
    pieces[1:, :_OVERLAP] += pieces[:-1, hop:] * _FADE_OUT
    return pieces[:, :hop].reshape(-1)


def _places(padded: Waveform, lows: np.ndarray, hop: int) -> list[int]:
    """Return where in `padded` each segment starts: where it best continues the one before it.

    `lows` [segments - 1]: from where on each but the first is looked for.
    """
    regions = _windows(padded, _SEARCH + _OVERLAP)[lows]
    place = _SEARCH // 2
    places = [place]
    correlate, multiply = np.correlate, np.multiply  # a fifth of this loop's time is the interpreter's
    for low, region, reciprocal in zip(lows.tolist(), regions[:, :-1], _reciprocal_norms(regions), strict=True):
        follows = place + hop
        fit = correlate(region, padded[follows : follows + _OVERLAP])
        place = low + int(multiply(fit, reciprocal, fit).argmax())
        places.append(place)
    return places


def _reciprocal_norms(regions: np.ndarray) -> np.ndarray:
    """Return 1 / the norm of the `_OVERLAP` samples from each of the first `_SEARCH` places of each region on.

    Norms are exact every `_GRID` samples; the reciprocals run straight between. Without them the search would prefer
    loud places, with steps between them it would be drawn to the steps (8 cents at 80 Hz).

    Args:
        regions: [segments, _SEARCH + _OVERLAP].

    Returns:
        float32 [segments, _SEARCH].
    """
    blocks = regions.reshape(len(regions), -1, _GRID)
    energy = np.vecdot(blocks, blocks) @ _SUMS
    # The floor (1e-5 of the loudest window) keeps rounding in near-silence from winning.
    exact = 1 / np.sqrt(np.maximum(energy, energy.max() * np.float32(1e-5) + np.float32(1e-20)))
    return exact @ _LINES


def _windows(wave: Waveform, length: int) -> np.ndarray:
    """Return a view of `wave` [n] as all its windows: [n - length + 1, length]."""
    return np.ndarray((wave.size - length + 1, length), np.float32, wave, 0, (4, 4))


def fit_length(wave: Waveform, samples: int) -> Waveform:
    """Return `wave` [n] cut, or filled up with silence, to [samples]."""
    if wave.size >= samples:
        return wave[:samples]
    filled = np.zeros(samples, dtype=np.float32)  # np.pad takes ten times as long
    filled[: wave.size] = wave
    return filled
