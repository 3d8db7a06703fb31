"""Colour a clip and limit its band, as the microphone that hears it does."""

from dataclasses import dataclass

import numpy as np

from kwsdata.effects.base import Effect, Take
from kwsdata.params.effects import BandLimitParams, EqualizerParams
from kwsdata.pools.materials import Materials
from kwsdata.transforms.filters import FREQUENCIES, apply_filter, butterworth_db

BANDS_HZ = (100.0, 300.0, 1000.0, 3000.0, 6500.0)
_ORDER = 4  # of the band's ends: 24 dB an octave


@dataclass(frozen=True)
class EqualizerDraw:
    """Gains at `BANDS_HZ`, dB."""

    gains_db: list[float]


class Equalizer(Effect[EqualizerParams, EqualizerDraw]):
    """Colour it as a microphone does: gains at five frequencies, joined smoothly."""

    name = "equalizer"
    params = EqualizerParams
    draw_type = EqualizerDraw

    def draw(self, rng: np.random.Generator, params: EqualizerParams, materials: Materials) -> EqualizerDraw:
        """Draw each band's gain uniform in dB."""
        return EqualizerDraw([params.gains_db.draw(rng) for _ in BANDS_HZ])

    def apply(self, take: Take, draw: EqualizerDraw, materials: Materials) -> Take:
        """Return the take [n], equalized: [n]. Between bands dB run straight over log frequency; level beyond them."""
        curve = np.interp(np.log(np.maximum(FREQUENCIES, 1.0)), np.log(BANDS_HZ), draw.gains_db)
        return take.with_wave(apply_filter(take.wave, curve))

    def describe(self, draw: EqualizerDraw) -> str:
        """Return the gains in words."""
        bands = ", ".join(f"{gain:+.1f} at {hz:g} Hz" for gain, hz in zip(draw.gains_db, BANDS_HZ, strict=True))
        return f"A microphone that colours, dB: {bands}."


@dataclass(frozen=True)
class BandLimitDraw:
    """Corners (-3 dB) in Hz."""

    low_hz: float
    high_hz: float


class BandLimit(Effect[BandLimitParams, BandLimitDraw]):
    """Keep the band of a cheap microphone or a small loudspeaker: nothing below one corner, nothing above another."""

    name = "band_limit"
    params = BandLimitParams
    draw_type = BandLimitDraw

    def draw(self, rng: np.random.Generator, params: BandLimitParams, materials: Materials) -> BandLimitDraw:
        """Draw both corners uniform in log frequency."""
        corners = (params.low_hz, params.high_hz)
        low, high = (float(np.exp(rng.uniform(np.log(hz.low), np.log(hz.high)))) for hz in corners)
        return BandLimitDraw(low, high)

    def apply(self, take: Take, draw: BandLimitDraw, materials: Materials) -> Take:
        """Return the take [n] between the corners: [n]."""
        curve = butterworth_db(FREQUENCIES, draw.low_hz, _ORDER, high_pass=True)
        curve = curve + butterworth_db(FREQUENCIES, draw.high_hz, _ORDER, high_pass=False)
        return take.with_wave(apply_filter(take.wave, curve))

    def describe(self, draw: BandLimitDraw) -> str:
        """Return the corners in words."""
        return f"Nothing below {draw.low_hz:.0f} Hz and above {draw.high_hz:.0f} Hz."
