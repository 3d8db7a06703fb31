"""The colour of a microphone: gains at five frequencies, joined smoothly."""

from dataclasses import dataclass

import numpy as np

from kwsdata.audio import Waveform
from kwsdata.params.base import Range
from kwsdata.transforms.filters import FREQUENCIES, apply_filter

BANDS_HZ = (100.0, 300.0, 1000.0, 3000.0, 6500.0)


@dataclass(frozen=True)
class EqualizerDraw:
    """Gains at `BANDS_HZ`, dB."""

    gains_db: list[float]


def draw_equalizer(rng: np.random.Generator, gain_db: Range) -> EqualizerDraw:
    """Draw each band's gain uniform in dB."""
    return EqualizerDraw([gain_db.draw(rng) for _ in BANDS_HZ])


def apply_equalizer(wave: Waveform, draw: EqualizerDraw) -> Waveform:
    """Return `wave` [n], equalized: [n]. Between bands dB run straight over log frequency; level beyond the ends."""
    curve = np.interp(np.log(np.maximum(FREQUENCIES, 1.0)), np.log(BANDS_HZ), draw.gains_db)
    return apply_filter(wave, curve)
