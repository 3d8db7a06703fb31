"""Convolution by FFT in equal blocks, of the clip and of the filter (uniformly partitioned overlap-save).

The clip is cut into blocks of 4096 or 2048 samples (1024 for a filter as short as that), the filter into parts of as
many taps; a block of the result is the sum over the parts of (spectrum of the block that many blocks ago) x (spectrum
of the part). All transforms are of one small size, done together, and stay in the processor's cache; a filter's spectra
serve clips of every length, so a bank keeps them. Two to four times as fast as one transform of the whole clip.

T. Stockham, High-speed convolution and correlation, AFIPS 1966; F. Wefers, Partitioned convolution algorithms for
real-time auralization, 2015, ch. 5.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.fft import irfft, rfft

from kwsdata.audio import Waveform

BLOCKS, SHORT_BLOCK = (4096, 2048), 1024
_LANES = 4  # transforms that SciPy does at once


@dataclass(frozen=True)
class Filter:
    """A filter: `taps` float32 [m]; the spectra of its parts are kept once they were needed."""

    taps: Waveform
    _spectra: dict[int, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    def spectra(self, block: int) -> np.ndarray:
        """Return spectra of the parts of `block` taps, zero-padded to twice that: complex64 [parts, block + 1]."""
        if block not in self._spectra:
            parts = -(-self.taps.size // block)
            padded = np.zeros((parts, 2 * block), dtype=np.float32)
            for part in range(parts):
                taps = self.taps[part * block : (part + 1) * block]
                padded[part, : taps.size] = taps
            self._spectra[block] = rfft(padded)
        return self._spectra[block]


def convolve(wave: Waveform, by: Filter, length: int | None = None) -> Waveform:
    """Return the first `length` samples (default: n) of `wave` [n] convolved with a filter, float32.

    Silence at either end of `wave` costs nothing.
    """
    total = wave.size if length is None else length
    first, last = _sounding(wave)
    reach = min(last - first + by.taps.size - 1, total - first)  # results that are not zero
    if last == first or by.taps.size == 0 or reach <= 0:
        return np.zeros(total, dtype=np.float32)
    block = block_for(reach, by.taps.size)
    heard = _blocks(wave[first : min(last, total)], by.spectra(block), block, reach)
    if reach == total:
        return heard
    out = np.zeros(total, dtype=np.float32)
    out[first : first + reach] = heard
    return out


def _sounding(wave: Waveform) -> tuple[int, int]:
    """Return [first, last) of the samples of `wave` [n] that are not zero; (0, 0) where all are."""
    if wave.size and wave[0] != 0 and wave[-1] != 0:
        return 0, wave.size
    sounding = wave != 0
    first = int(sounding.argmax()) if wave.size else 0
    if not wave.size or not sounding[first]:
        return 0, 0
    return first, wave.size - int(sounding[::-1].argmax())


def block_for(length: int, taps: int) -> int:
    """Return how long blocks are best for `length` samples of a result: those that reach least beyond its end."""
    if taps <= SHORT_BLOCK:
        return SHORT_BLOCK
    return min(BLOCKS, key=lambda block: -(-length // (_LANES * block)) * block)


def _blocks(wave: Waveform, parts: np.ndarray, block: int, length: int) -> Waveform:
    count = -(-length // block)
    sounding = min(-(-wave.size // block) + 1, count)  # blocks that hold a sample of the clip, with the one before
    padded = np.zeros((lanes(sounding) + 1) * block, dtype=np.float32)
    padded[block : block + wave.size] = wave
    frames = np.ndarray((lanes(sounding), 2 * block), np.float32, padded, 0, (4 * block, 4))  # they overlap by half
    spectra = rfft(frames)[:sounding]
    heard = np.empty((lanes(count), block + 1), dtype=np.complex64)
    np.multiply(spectra, parts[0], out=heard[:sounding])
    heard[sounding:] = 0
    product = np.empty_like(spectra)
    for delay, part in enumerate(parts[1:count], start=1):
        until = min(sounding, count - delay)
        heard[delay : delay + until] += np.multiply(spectra[:until], part, out=product[:until])
    return irfft(heard, 2 * block)[:count, block:].reshape(-1)[:length]


def lanes(count: int) -> int:
    """Return how many transforms to do for `count`: four at once take as long as one of what is left over."""
    return count if count % _LANES == 1 else -(-count // _LANES) * _LANES
