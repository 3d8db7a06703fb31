"""The band of a cheap microphone or a small loudspeaker: nothing below one corner, nothing above another."""

from dataclasses import dataclass

import numpy as np

from kwsdata.audio import Waveform
from kwsdata.params.base import Range
from kwsdata.transforms.filters import FREQUENCIES, apply_filter, butterworth_db

_ORDER = 4  # 24 dB an octave


@dataclass(frozen=True)
class BandLimitDraw:
    """Corners (-3 dB) in Hz."""

    low_hz: float
    high_hz: float


def draw_band_limit(rng: np.random.Generator, low_hz: Range, high_hz: Range) -> BandLimitDraw:
    """Draw both corners uniform in log frequency."""
    low, high = (float(np.exp(rng.uniform(np.log(hz.low), np.log(hz.high)))) for hz in (low_hz, high_hz))
    return BandLimitDraw(low, high)


def apply_band_limit(wave: Waveform, draw: BandLimitDraw) -> Waveform:
    """Return `wave` [n] between the corners: [n]."""
    curve = butterworth_db(FREQUENCIES, draw.low_hz, _ORDER, high_pass=True)
    return apply_filter(wave, curve + butterworth_db(FREQUENCIES, draw.high_hz, _ORDER, high_pass=False))
