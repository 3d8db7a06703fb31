"""Bring a clip to a level, and overdrive it, as the amplifier behind a microphone does."""

from dataclasses import dataclass

import numpy as np

from kwsdata.effects.base import Effect, Take
from kwsdata.params.effects import ClippingParams, LoudnessParams
from kwsdata.pools.materials import Materials
from kwsdata.transforms.levels import below_full_scale


@dataclass(frozen=True)
class LoudnessDraw:
    """The level of active speech after the effect, dBFS."""

    level_dbfs: float


class Loudness(Effect[LoudnessParams, LoudnessDraw]):
    """Bring it to a level: RMS over the active frames of its word, in dB relative to full scale."""

    name = "loudness"
    params = LoudnessParams
    draw_type = LoudnessDraw

    def draw(self, rng: np.random.Generator, params: LoudnessParams, materials: Materials) -> LoudnessDraw:
        """Draw a level uniform in dB."""
        return LoudnessDraw(params.level_dbfs.draw(rng))

    def apply(self, take: Take, draw: LoudnessDraw, materials: Materials) -> Take:
        """Return the take [n] at the level drawn, lower where its peak would pass full scale; silence stays silence."""
        level = take.word_level()
        if level == 0.0:
            return take
        return take.with_wave(below_full_scale(take.wave * np.float32(10 ** (draw.level_dbfs / 20) / level)))

    def describe(self, draw: LoudnessDraw) -> str:
        """Return the level in words."""
        return f"Brought to {draw.level_dbfs:.1f} dBFS over its active frames."


@dataclass(frozen=True)
class ClippingDraw:
    """`fraction` of the word's samples that are cut off."""

    fraction: float


class Clipping(Effect[ClippingParams, ClippingDraw]):
    """Cut off its loudest samples, as a microphone or converter does that cannot follow them (overdrive)."""

    name = "clipping"
    params = ClippingParams
    draw_type = ClippingDraw

    def draw(self, rng: np.random.Generator, params: ClippingParams, materials: Materials) -> ClippingDraw:
        """Draw a fraction uniform."""
        return ClippingDraw(params.fraction.draw(rng))

    def apply(self, take: Take, draw: ClippingDraw, materials: Materials) -> Take:
        """Return the take [n] with magnitudes above the (1 - fraction) quantile of its word cut to it: [n]."""
        start, end = take.span
        level = np.abs(take.wave[start:end])
        if level.size == 0:
            return take
        keep = min(int((1 - draw.fraction) * level.size), level.size - 1)
        limit = np.partition(level, keep)[keep]
        return take.with_wave(np.clip(take.wave, -limit, limit))

    def describe(self, draw: ClippingDraw) -> str:
        """Return the share of samples in words."""
        return f"Overdriven: the loudest {draw.fraction:.1%} of the word's samples cut off."
