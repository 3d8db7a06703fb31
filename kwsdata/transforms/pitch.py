"""Change pitch and keep tempo: the clip is spread in time (`kwsdata.transforms.tempo`), then played faster."""

from dataclasses import dataclass

import numpy as np

from kwsdata.audio import Waveform
from kwsdata.params.base import Range
from kwsdata.transforms.warp import warp


@dataclass(frozen=True)
class PitchDraw:
    """Positive semitones are higher."""

    semitones: float


def draw_pitch(rng: np.random.Generator, semitones: Range) -> PitchDraw:
    """Draw a shift uniform in semitones."""
    return PitchDraw(semitones.draw(rng))


def pitch_factor(draw: PitchDraw) -> float:
    """Return the factor on every frequency: 2 ** (semitones / 12)."""
    return float(2 ** (draw.semitones / 12))


def apply_pitch(wave: Waveform, draw: PitchDraw) -> Waveform:
    """Return `wave` [n], every frequency times 2 ** (semitones / 12): [n]. What would pass 8 kHz is removed."""
    return warp(wave, pitch=pitch_factor(draw), duration=1.0)
