"""Bring a clip to a level: RMS over the active frames of its word, in dB relative to full scale."""

from dataclasses import dataclass

import numpy as np

from kwsdata.audio import Waveform
from kwsdata.params.base import Range
from kwsdata.transforms.levels import below_full_scale


@dataclass(frozen=True)
class LoudnessDraw:
    """The level of active speech after the effect, dBFS."""

    level_dbfs: float


def draw_loudness(rng: np.random.Generator, level_dbfs: Range) -> LoudnessDraw:
    """Draw a level uniform in dB."""
    return LoudnessDraw(level_dbfs.draw(rng))


def apply_loudness(wave: Waveform, draw: LoudnessDraw, level: float) -> Waveform:
    """Return `wave` [n], whose active level is `level`, at the level drawn.

    Lower where its peak would pass full scale. A silent clip (level 0) stays as it is.
    """
    if level == 0.0:
        return wave
    return below_full_scale(wave * np.float32(10 ** (draw.level_dbfs / 20) / level))
