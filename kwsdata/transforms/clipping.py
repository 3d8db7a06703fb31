"""Overdrive: a microphone or converter that cannot follow the loudest part of a clip."""

from dataclasses import dataclass

import numpy as np

from kwsdata.audio import Waveform
from kwsdata.params.base import Range


@dataclass(frozen=True)
class ClippingDraw:
    """`fraction` of the word's samples that are cut off."""

    fraction: float


def draw_clipping(rng: np.random.Generator, fraction: Range) -> ClippingDraw:
    """Draw a fraction uniform."""
    return ClippingDraw(fraction.draw(rng))


def apply_clipping(wave: Waveform, draw: ClippingDraw, span: tuple[int, int]) -> Waveform:
    """Return `wave` [n] with magnitudes above the (1 - fraction) quantile of its `span` cut to it: [n]."""
    level = np.abs(wave[span[0] : span[1]])
    if level.size == 0:
        return wave
    keep = min(int((1 - draw.fraction) * level.size), level.size - 1)
    limit = np.partition(level, keep)[keep]
    return np.clip(wave, -limit, limit)
