"""The spectrum by which copies are compared: logarithmic in level and frequency, trends removed.

A frame of 64 ms each 16 ms becomes 96 bands, 24 an octave, from 220 Hz on; so a change of speed or pitch moves it up or
down by some bands. What a gain, a filter, a microphone or a steady noise adds changes slowly along bands or frames, and
is taken away: the mean of the octave around a band, then that of the half second around a frame. What lies more than
25 dB under the loudest band of that half second is raised to that level, so that weak noise changes little, and frames
without anything above are empty. Neighbouring frames are averaged, which evens out what a change of tempo blurs, and
what stands out far is cut, since few bands would decide else.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from kwsdata.audio import SAMPLE_RATE, Waveform, resample

RATE = 8000  # Hz: what the bands need
HOP = 128  # samples at RATE
HOP_S = HOP / RATE
BANDS = 96
BANDS_AN_OCTAVE = 24
_LOW_HZ = 220.0
_WINDOW, _FFT = 512, 1024  # samples at RATE
_FLOOR = 10 ** (-25 / 10)
_NEAR_FRAMES = 31  # in which the loudest band is looked for
_TREND_BANDS, _TREND_FRAMES = 25, 31
_CLEAR = 10 ** (10 / 10)  # over the floor: there a frame counts in full
_SMOOTH_FRAMES = 3
_LEAST, _MOST = -1.0, 1.5  # nepers of power around the trend
_STEP = 1 / 80  # nepers, of the stored integers
_QUIET = 1e-5  # of the loudest frame's power: below, a frame says nothing (50 dB)
_TINY = 1e-12
_BLOCK = 4096  # frames at a time

_HANN = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)


@dataclass(frozen=True)
class Spectrum:
    """`levels` int8 [frames, BANDS], frame t centred at t HOP_S, in 1/80 neper; `power` float32 [frames]."""

    levels: np.ndarray
    power: np.ndarray

    @property
    def loud(self) -> np.ndarray:
        """Which frames say something, bool [frames]."""
        loudest = float(self.power.max(initial=0.0))
        return (self.power > _QUIET * loudest) & (loudest > 0)


def _bank() -> np.ndarray:
    """Return the weights of FFT bins in bands, float32 [bins, BANDS]: triangles as wide as two bands, or two bins."""
    centre = _LOW_HZ * 2 ** (np.arange(BANDS) / BANDS_AN_OCTAVE)
    reach = np.maximum(centre * (2 ** (1 / BANDS_AN_OCTAVE) - 1), RATE / _FFT)
    bins = np.arange(_FFT // 2 + 1)[:, None] * RATE / _FFT
    weights = np.maximum(0, 1 - np.abs(bins - centre) / reach)
    return (weights / weights.sum(axis=0)).astype(np.float32)


_BANK = _bank()


def spectrum_of(wave: Waveform) -> Spectrum:
    """Return the spectrum of `wave` [samples] at 16 kHz; no frame of an empty one."""
    heard = np.pad(resample(wave, SAMPLE_RATE, RATE), _WINDOW // 2) if wave.size else np.zeros(0, np.float32)
    if heard.size < _WINDOW:
        return Spectrum(np.zeros((0, BANDS), np.int8), np.zeros(0, np.float32))
    frames = np.lib.stride_tricks.sliding_window_view(heard, _WINDOW)[::HOP]
    power = np.empty((len(frames), BANDS), np.float32)
    for start in range(0, len(frames), _BLOCK):
        bins = scipy.fft.rfft(frames[start : start + _BLOCK] * _HANN, _FFT, axis=1)
        power[start : start + _BLOCK] = (np.square(bins.real) + np.square(bins.imag)) @ _BANK
    loudest = maximum_filter1d(power.max(axis=1), _NEAR_FRAMES)[:, None]
    level = np.log(power + _FLOOR * loudest + _TINY)
    level -= uniform_filter1d(level, _TREND_BANDS, axis=1, mode="nearest")
    level -= uniform_filter1d(level, _TREND_FRAMES, axis=0, mode="nearest")
    level *= np.clip(
        np.log(power.max(axis=1, keepdims=True) / (_FLOOR * loudest + _TINY) + _TINY) / np.log(_CLEAR), 0, 1
    )
    level = uniform_filter1d(np.clip(level, _LEAST, _MOST), _SMOOTH_FRAMES, axis=0, mode="nearest")
    return Spectrum(np.rint(level / _STEP).astype(np.int8), power.sum(axis=1))
