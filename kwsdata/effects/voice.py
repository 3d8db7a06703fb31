"""Change a voice: its speed (pitch moves with it), its tempo (pitch stays), its pitch (tempo stays).

The three only note what they ask for; the chain does those that stand side by side in one warp (`Take.settled`).
"""

from dataclasses import dataclass
from math import log2

import numpy as np

from kwsdata.effects.base import DrawT, Effect, ParamsT, Take
from kwsdata.params.base import Range
from kwsdata.params.effects import PitchParams, SpeedParams, TempoParams
from kwsdata.pools.materials import Materials


class Warp(Effect[ParamsT, DrawT]):
    """An effect whose `apply` is `Take.warped` and nothing else."""


@dataclass(frozen=True)
class SpeedDraw:
    """`factor` 1.1 is 10 % faster and 1.65 semitones higher."""

    factor: float


class Speed(Warp[SpeedParams, SpeedDraw]):
    """Play it faster or slower: duration is divided by the factor, pitch multiplied by it."""

    name = "speed"
    params = SpeedParams
    draw_type = SpeedDraw

    def draw(self, rng: np.random.Generator, params: SpeedParams, materials: Materials) -> SpeedDraw:
        """Draw a factor, uniform in log speed."""
        return SpeedDraw(_log_uniform(rng, params.factor))

    def apply(self, take: Take, draw: SpeedDraw, materials: Materials) -> Take:
        """Return the take [n] played `factor` times as fast: [round(n / factor)]. What would pass 8 kHz is removed."""
        return take.warped(pitch=draw.factor, pace=draw.factor)

    def describe(self, draw: SpeedDraw) -> str:
        """Return the factor, and the semitones it means."""
        return f"Played {draw.factor:.3f} times as fast, pitch with it ({12 * log2(draw.factor):+.1f} semitones)."


@dataclass(frozen=True)
class TempoDraw:
    """`factor` 1.1 is 10 % faster at the same pitch."""

    factor: float


class Tempo(Warp[TempoParams, TempoDraw]):
    """Speak it faster or slower at the same pitch."""

    name = "tempo"
    params = TempoParams
    draw_type = TempoDraw

    def draw(self, rng: np.random.Generator, params: TempoParams, materials: Materials) -> TempoDraw:
        """Draw a factor, uniform in log tempo."""
        return TempoDraw(_log_uniform(rng, params.factor))

    def apply(self, take: Take, draw: TempoDraw, materials: Materials) -> Take:
        """Return the take [n] at `factor` times its pace: [round(n / factor)]."""
        return take.warped(pace=draw.factor)

    def describe(self, draw: TempoDraw) -> str:
        """Return the factor in words."""
        return f"Spoken {draw.factor:.3f} times as fast at the same pitch."


@dataclass(frozen=True)
class PitchDraw:
    """Positive semitones are higher."""

    semitones: float


class Pitch(Warp[PitchParams, PitchDraw]):
    """Make the voice higher or lower at the same tempo."""

    name = "pitch"
    params = PitchParams
    draw_type = PitchDraw
    for_noise = False

    def draw(self, rng: np.random.Generator, params: PitchParams, materials: Materials) -> PitchDraw:
        """Draw a shift uniform in semitones."""
        return PitchDraw(params.semitones.draw(rng))

    def apply(self, take: Take, draw: PitchDraw, materials: Materials) -> Take:
        """Return the take [n], every frequency times 2 ** (semitones / 12): [n]. What would pass 8 kHz is removed."""
        return take.warped(pitch=float(2 ** (draw.semitones / 12)))

    def describe(self, draw: PitchDraw) -> str:
        """Return the shift in words."""
        return f"Pitch moved by {draw.semitones:+.1f} semitones at the same tempo."


def _log_uniform(rng: np.random.Generator, factor: Range) -> float:
    return float(np.exp(rng.uniform(np.log(factor.low), np.log(factor.high))))
