"""Change speed by resampling: duration is divided by the factor, pitch multiplied by it."""

from dataclasses import dataclass

import numpy as np

from kwsdata.audio import Waveform
from kwsdata.params.base import Range
from kwsdata.transforms.warp import warp


@dataclass(frozen=True)
class SpeedDraw:
    """`factor` 1.1 is 10 % faster and 1.65 semitones higher."""

    factor: float


def draw_speed(rng: np.random.Generator, factor: Range) -> SpeedDraw:
    """Draw a factor, uniform in log speed."""
    return SpeedDraw(float(np.exp(rng.uniform(np.log(factor.low), np.log(factor.high)))))


def apply_speed(wave: Waveform, draw: SpeedDraw) -> Waveform:
    """Return `wave` [n] played `factor` times as fast: [round(n / factor)]. What would pass 8 kHz is removed."""
    return warp(wave, pitch=draw.factor, duration=1 / draw.factor)
