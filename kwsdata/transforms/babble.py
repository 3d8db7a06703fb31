"""Mix a babble under a clip: several people talking at once, none of them understood."""

from dataclasses import dataclass

import numpy as np

from kwsdata.audio import Waveform
from kwsdata.params.base import Range
from kwsdata.sounds import SoundPool
from kwsdata.sources import SourceId


@dataclass(frozen=True)
class BabbleDraw:
    """`voices`: recordings of speech, each from its own `positions` in [0, 1) on; together at `snr_db`."""

    voices: list[SourceId]
    positions: list[float]
    snr_db: float


def draw_babble(rng: np.random.Generator, pool: SoundPool, voices: Range, snr_db: Range) -> BabbleDraw:
    """Draw how many voices, which, where in each, and an SNR uniform in dB."""
    count = int(rng.integers(round(voices.low), round(voices.high) + 1))
    units = rng.random((2, count))
    return BabbleDraw([pool.choose(float(unit)) for unit in units[0]], units[1].tolist(), snr_db.draw(rng))


def babble_of(draw: BabbleDraw, pool: SoundPool, samples: int) -> Waveform:
    """Return the voices together, their recordings at one active level, float32 [samples]; silent ones are left out."""
    total = np.zeros(samples, dtype=np.float32)
    for voice, position in zip(draw.voices, draw.positions, strict=True):
        if level := pool.level(voice):
            total += pool.stretch(voice, samples, position) * np.float32(0.1 / level)
    return total
