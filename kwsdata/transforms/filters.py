"""Filters from a magnitude curve: minimum-phase FIR, which rings after a sound and never before it.

The phase comes from the folded cepstrum (A. Oppenheim and R. Schafer, Discrete-Time Signal Processing, ch. 13): the
logarithm of the magnitude has a cepstrum, and keeping its causal part twice gives the filter whose energy comes first.
"""

import numpy as np
from scipy.fft import irfft, rfft, rfftfreq

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.transforms.convolution import Filter, convolve

_SIZE = 2048  # points of the design
_TAPS = 512  # kept: 32 ms, which resolves 100 Hz
_FLOOR_DB = -80.0

FREQUENCIES = rfftfreq(_SIZE, 1 / SAMPLE_RATE)  # Hz [1025]: where a magnitude curve is given


def minimum_phase(magnitude_db: np.ndarray) -> Waveform:
    """Return the taps [512] of the minimum-phase filter with `magnitude_db` [1025] at `FREQUENCIES`."""
    log_magnitude = np.maximum(magnitude_db, _FLOOR_DB) * (np.log(10) / 20)
    cepstrum = irfft(log_magnitude, _SIZE)
    cepstrum[1 : _SIZE // 2] *= 2
    cepstrum[_SIZE // 2 + 1 :] = 0
    taps = irfft(np.exp(rfft(cepstrum)), _SIZE)[:_TAPS]
    taps[_TAPS // 2 :] *= np.linspace(1, 0, _TAPS // 2)
    return taps.astype(np.float32)


def apply_filter(wave: Waveform, magnitude_db: np.ndarray) -> Waveform:
    """Return `wave` [n] through the filter of `magnitude_db` [1025]: [n], no delay to speak of."""
    return convolve(wave, Filter(minimum_phase(magnitude_db)))


def butterworth_db(frequencies: np.ndarray, corner_hz: float, order: int, high_pass: bool) -> np.ndarray:
    """Return the magnitude in dB of a Butterworth filter: -3 dB at `corner_hz`, 6 * `order` dB an octave beyond."""
    ratio = np.maximum(frequencies, 1e-3) / corner_hz
    return -10 * np.log10(1 + (1 / ratio if high_pass else ratio) ** (2 * order))
