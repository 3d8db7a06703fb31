"""Convolution by FFT in equal blocks, of the clip and of the filter (uniformly partitioned overlap-save).

The clip is cut into blocks of 4096 samples, the filter into parts of 4096 taps (1024 for a filter as short as that); a
block of the result is the sum over the parts of (spectrum of the block that many blocks ago) x (spectrum of the part).
All transforms are of one small size, done together, and stay in the processor's cache; a filter's spectra serve clips
of every length, so a bank keeps them. Two to four times as fast as one transform of the whole clip.

T. Stockham, High-speed convolution and correlation, AFIPS 1966; F. Wefers, Partitioned convolution algorithms for
real-time auralization, 2015, ch. 5.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.fft import irfft, rfft

from kwsdata.audio import Waveform

BLOCK, SHORT_BLOCK = 4096, 1024
_LANES = 4  # transforms that SciPy does at once


@dataclass(frozen=True)
class Filter:
    """A filter: `taps` float32 [m], and the spectra of its parts, made when first needed."""

    taps: Waveform

    @property
    def block(self) -> int:
        """Samples in a block."""
        return SHORT_BLOCK if self.taps.size <= SHORT_BLOCK else BLOCK

    @cached_property
    def spectra(self) -> np.ndarray:
        """Spectra of the parts of `block` taps, zero-padded to twice that: complex64 [ceil(m / block), block + 1]."""
        block = self.block
        parts = -(-self.taps.size // block)
        padded = np.zeros((parts, 2 * block), dtype=np.float32)
        for part in range(parts):
            taps = self.taps[part * block : (part + 1) * block]
            padded[part, : taps.size] = taps
        return rfft(padded)


def convolve(wave: Waveform, by: Filter, length: int | None = None) -> Waveform:
    """Return the first `length` samples (default: n) of `wave` [n] convolved with a filter, float32.

    Silence at either end of `wave` costs nothing.
    """
    total = wave.size if length is None else length
    out = np.zeros(total, dtype=np.float32)
    sounding = wave != 0
    if wave.size == 0 or by.taps.size == 0 or not sounding.any():
        return out
    first = int(sounding.argmax())
    last = wave.size - int(sounding[::-1].argmax())
    reach = min(last - first + by.taps.size - 1, total - first)  # results that are not zero
    if reach > 0:
        out[first : first + reach] = _blocks(wave[first : min(last, total)], by.spectra, by.block, reach)
    return out


def _blocks(wave: Waveform, parts: np.ndarray, block: int, length: int) -> Waveform:
    count = -(-length // block)
    sounding = min(-(-wave.size // block) + 1, count)  # blocks that hold a sample of the clip, with the one before
    padded = np.zeros((_rows(sounding) + 1) * block, dtype=np.float32)
    padded[block : block + wave.size] = wave
    frames = np.ndarray((_rows(sounding), 2 * block), np.float32, padded, 0, (4 * block, 4))  # they overlap by half
    spectra = rfft(frames)
    heard = np.zeros((_rows(count), block + 1), dtype=np.complex64)
    for delay, part in enumerate(parts[:count]):
        until = min(sounding, count - delay)
        heard[delay : delay + until] += spectra[:until] * part
    return irfft(heard, 2 * block)[:count, block:].reshape(-1)[:length]


def _rows(count: int) -> int:
    """Return how many transforms to do for `count`: four at once take as long as one of what is left over."""
    return count if count % _LANES == 1 else -(-count // _LANES) * _LANES
