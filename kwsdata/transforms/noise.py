"""Mix background noise under a clip at a signal-to-noise ratio measured on active speech.

SNR = 20 log10(level of the word over its active frames / RMS of the noise under the whole clip). Pauses and padding do
not count as signal, so that a word in a long silence gets the noise a listener would say it has.
"""

from dataclasses import dataclass

import numpy as np

from kwsdata.audio import Waveform
from kwsdata.params.base import Range
from kwsdata.sounds import SoundPool
from kwsdata.sources import SourceId
from kwsdata.transforms.levels import rms32


@dataclass(frozen=True)
class NoiseDraw:
    """`position` in [0, 1) is where in the recording the stretch starts; it wraps round the end."""

    noise: SourceId
    position: float
    snr_db: float


def draw_noise(rng: np.random.Generator, pool: SoundPool, snr_db: Range) -> NoiseDraw:
    """Draw a recording, a position, and an SNR uniform in dB."""
    return NoiseDraw(pool.choose(float(rng.random())), float(rng.random()), snr_db.draw(rng))


def mix(wave: Waveform, noise: Waveform, snr_db: float, level: float) -> Waveform:
    """Return `wave` [n] + scaled `noise` [n]. Not clipped: may leave [-1, 1].

    Args:
        wave: the clip.
        noise: what is mixed under it.
        snr_db: the ratio asked for.
        level: of the signal, as `kwsdata.transforms.levels.active_level` measures it.

    A silent clip or silent noise has no SNR: the clip is returned as it is.
    """
    noise_level = rms32(noise)
    if noise_level == 0.0 or level == 0.0:
        return wave
    # SNR = 20 log10(level / (gain * rms(noise))), solved for gain.
    gain = level / noise_level * 10 ** (-snr_db / 20)
    return wave + np.float32(gain) * noise
