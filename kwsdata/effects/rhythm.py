"""Change the pace within a word: some syllables drawn out, others hurried; pitch stays.

Synthetic voices speak evenly. People who speak with care, or another first language, give each syllable a length of its
own.
"""

from dataclasses import dataclass

import numpy as np

from kwsdata.audio import SAMPLE_RATE
from kwsdata.effects.base import Effect, Take
from kwsdata.params.effects import RhythmParams
from kwsdata.pools.materials import Materials
from kwsdata.transforms.warp import stretch_unevenly

_PARTS = 16  # of different paces; then the first comes again


@dataclass(frozen=True)
class RhythmDraw:
    """`factors`: the pace of each part of `part_s`, times as fast, in turn and from the first again."""

    part_s: float
    factors: list[float]


class Rhythm(Effect[RhythmParams, RhythmDraw]):
    """Speak it unevenly: each tenth or third of a second at a pace of its own."""

    name = "rhythm"
    params = RhythmParams
    draw_type = RhythmDraw
    for_noise = False

    def draw(self, rng: np.random.Generator, params: RhythmParams, materials: Materials) -> RhythmDraw:
        """Draw the length of the parts uniform in seconds, and each one's pace uniform in log tempo."""
        low, high = np.log(params.factor.low), np.log(params.factor.high)
        return RhythmDraw(params.part_s.draw(rng), [float(np.exp(rng.uniform(low, high))) for _ in range(_PARTS)])

    def apply(self, take: Take, draw: RhythmDraw, materials: Materials) -> Take:
        """Return the take, each part at its pace. Its word's ends move with the sound."""
        samples = np.append(np.arange(0, take.wave.size, draw.part_s * SAMPLE_RATE), take.wave.size).astype(float)
        paces = np.resize(np.array(draw.factors), max(len(samples) - 1, 1))
        places = np.concatenate([[0.0], np.cumsum(np.diff(samples) / paces)]) if take.wave.size else np.zeros(2)
        wave = stretch_unevenly(take.wave, samples, places) if take.wave.size else take.wave
        start, end = (min(round(float(np.interp(edge, samples, places))), wave.size) for edge in take.span)
        return take.with_wave(wave, (start, end))

    def describe(self, draw: RhythmDraw) -> str:
        """Return the paces in words."""
        paces = ", ".join(f"{factor:.2f}" for factor in draw.factors)
        return f"Every {draw.part_s:.2f} s another pace: {paces} times as fast."
