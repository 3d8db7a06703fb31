"""Resampling by FFT in blocks: a block of 16 b samples becomes one of 16 a, for a ratio a : b of small numbers.

The clip is cut into blocks that overlap; each block's spectrum is cut off, or continued with zeros, at the end of the
narrower band, and transformed back at its new size; of the result, a sixteenth at either end (what the filter smears
round the block's ends) is dropped. a and b have no prime factor above 41: such sizes pocketfft does fast.

Flat to 0.91 of the narrower band and zero from its end on, between them a Kaiser window's integral: a tone inside is
exact to -95 dB, and images and aliases stay below that; measured for factors of 0.76 to 4.

Overlap-save, as in `kwsdata.transforms.convolution`; J. F. Kaiser, Nonrecursive digital filter design using the I0-sinh
window function, 1974.
"""

from functools import lru_cache

import numpy as np
from scipy.fft import irfft, rfft

from kwsdata.audio import Waveform
from kwsdata.transforms.convolution import lanes

_SMALLEST, _LARGEST = 96, 1024  # of b
_SHORTEST = 64  # of a: what is dropped of a block is a part of it, the filter is as long in any
_PRIME = 41
_CLOSE = 2.3e-4  # 0.4 cents: the smallest b that comes as near as this is taken
_PARTS = 16  # of a block: one at either end is dropped
_FURTHEST = 4.0  # a factor beyond it, or below its reciprocal, is resampled in two steps
_FLAT = 0.91
_BETA = 8.0  # of Kaiser's window


def resample(wave: Waveform, factor: float) -> Waveform:
    """Return `wave` [n] played `played_factor(factor)` times as fast: [n / factor], rounded up; float32."""
    if not 1 / _FURTHEST <= factor <= _FURTHEST:
        return resample(resample(wave, factor**0.5), factor**0.5)
    b, a = _ratio(factor)
    if a == b or wave.size == 0:
        return wave
    hop, kept = (_PARTS - 2) * b, (_PARTS - 2) * a
    samples = -(-wave.size * a // b)
    count = -(-samples // kept)
    rows = lanes(count)
    padded = np.zeros(rows * hop + 2 * b, dtype=np.float32)
    padded[b : b + wave.size] = wave
    frames = np.ndarray((rows, _PARTS * b), np.float32, padded, 0, (4 * hop, 4))  # they overlap
    spectra = rfft(frames, norm="forward")  # a tone's line is its amplitude, whatever size goes back
    flat, ramp = _ramp(_PARTS * min(a, b) // 2)
    spectra[:, flat : flat + ramp.size] *= ramp
    played = irfft(spectra[:, : flat + ramp.size], _PARTS * a, norm="forward")
    return played[:count, a : a + kept].reshape(-1)[:samples]


def played_factor(factor: float) -> float:
    """Return the factor that `resample` gives a clip: within 0.4 cents; nearer to 1 than 0.4 % within 0.9 cents."""
    if not 1 / _FURTHEST <= factor <= _FURTHEST:
        return played_factor(factor**0.5) ** 2
    b, a = _ratio(factor)
    return b / a


def _ratio(factor: float) -> tuple[int, int]:
    """Return (b, a): b samples become a. Of the ratios that are close the one of the smallest b, else the closest."""
    factors, before, after = _ratios()
    first, last = factors.searchsorted((factor * (1 - _CLOSE), factor * (1 + _CLOSE))).tolist()
    if first == last:
        first, last = max(first - 1, 0), last + 1  # the neighbours on either side
        chosen = first + int(np.abs(factors[first:last] / factor - 1).argmin())
    else:
        chosen = first + int(before[first:last].argmin())
    return int(before[chosen]), int(after[chosen])


@lru_cache(maxsize=1)
def _ratios() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return all ratios b / a that are used, sorted, and their b and a: [ratios] each."""
    sizes = np.arange(round(_LARGEST * _FURTHEST) + 1, dtype=np.int16)
    left = sizes.copy()
    for prime in range(2, _PRIME + 1):
        while (divisible := (left % prime == 0) & (left > 0)).any():
            left[divisible] //= prime
    fast = sizes[left == 1]
    before, after = fast[(fast >= _SMALLEST) & (fast <= _LARGEST)][:, None], fast[fast >= _SHORTEST]
    factors = before / after.astype(np.float64)
    order = np.argsort(factors, axis=None, kind="stable")  # of equal ones the first, of the smallest b
    before, after = (np.broadcast_to(side, factors.shape).reshape(-1)[order] for side in (before, after))
    return factors.reshape(-1)[order], before, after


@lru_cache(maxsize=64)
def _ramp(band: int) -> tuple[int, np.ndarray]:
    """Return up to which of `band` lines nothing is taken away, and the factors of the rest: float32."""
    flat = round(_FLAT * band)
    place = (np.arange(flat, band) - flat) / (band - flat)
    return flat, (1 - np.interp(place, *_kaiser_integral())).astype(np.float32)


@lru_cache(maxsize=1)
def _kaiser_integral() -> tuple[np.ndarray, np.ndarray]:
    """Return places in [0, 1], and the integral of Kaiser's window up to each, of [0, 1] as well."""
    place = np.linspace(0, 1, 4097)
    total = np.cumsum(np.kaiser(place.size, _BETA))
    return place, total / total[-1]
