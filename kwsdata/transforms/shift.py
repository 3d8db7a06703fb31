"""Move a clip in time inside its own length; what leaves one end is lost, silence enters at the other."""

from dataclasses import dataclass

import numpy as np

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.params.base import Range


@dataclass(frozen=True)
class ShiftDraw:
    """Positive seconds are later."""

    seconds: float


def draw_shift(rng: np.random.Generator, seconds: Range) -> ShiftDraw:
    """Draw a shift uniform in seconds."""
    return ShiftDraw(seconds.draw(rng))


def shift_samples(draw: ShiftDraw, samples: int, span: tuple[int, int]) -> int:
    """Return the shift in samples, held back where it would push `span` past an end of a clip of `samples`."""
    wanted = round(draw.seconds * SAMPLE_RATE)
    return max(min(wanted, samples - span[1]), -span[0])


def apply_shift(wave: Waveform, shift: int) -> Waveform:
    """Return `wave` [n] moved by `shift` samples: [n]."""
    moved = np.zeros_like(wave)
    if abs(shift) < wave.size:
        if shift >= 0:
            moved[shift:] = wave[: wave.size - shift]
        else:
            moved[:shift] = wave[-shift:]
    return moved
