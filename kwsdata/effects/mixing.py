"""Mix other sound under a clip, at a signal-to-noise ratio measured on active speech: noise, or a babble of voices.

SNR = 20 log10(level of the word over its active frames / RMS of the other sound under the whole clip). Pauses and
padding do not count as signal, so that a word in a long silence gets the noise a listener would say it has.
"""

from dataclasses import dataclass

import numpy as np

from kwsdata.audio import Waveform
from kwsdata.clips.sources import SourceId
from kwsdata.effects.base import Effect, Take
from kwsdata.params.effects import BabbleParams, NoiseParams
from kwsdata.pools.materials import Materials
from kwsdata.pools.sounds import SoundPool


@dataclass(frozen=True)
class NoiseDraw:
    """`position` in [0, 1) is where in the recording the stretch starts; it wraps round the end."""

    noise: SourceId
    position: float
    snr_db: float


class Noise(Effect[NoiseParams, NoiseDraw]):
    """Mix a stretch of a recording of noise under it."""

    name = "noise"
    params = NoiseParams
    draw_type = NoiseDraw
    needs = "noises"
    for_noise = False

    def draw(self, rng: np.random.Generator, params: NoiseParams, materials: Materials) -> NoiseDraw:
        """Draw a recording, a position, and an SNR uniform in dB."""
        noise = materials.noises.choose(float(rng.random()))
        return NoiseDraw(noise, float(rng.random()), params.snr_db.draw(rng))

    def apply(self, take: Take, draw: NoiseDraw, materials: Materials) -> Take:
        """Return the take [n] with the noise under it: [n]. Not clipped: may leave [-1, 1]."""
        return take.mixed(materials.noises.stretch(draw.noise, take.wave.size, draw.position), draw.snr_db)

    def describe(self, draw: NoiseDraw) -> str:
        """Return the SNR and the recording in words."""
        return f"Noise under it at an SNR of {draw.snr_db:.1f} dB: {draw.noise}, from {draw.position:.0%} of it on."


@dataclass(frozen=True)
class BabbleDraw:
    """`voices`: recordings of speech, each from its own `positions` in [0, 1) on; together at `snr_db`."""

    voices: list[SourceId]
    positions: list[float]
    snr_db: float


class Babble(Effect[BabbleParams, BabbleDraw]):
    """Mix several people under it who talk at once, none of them understood."""

    name = "babble"
    params = BabbleParams
    draw_type = BabbleDraw
    needs = "speech"
    for_noise = False

    def draw(self, rng: np.random.Generator, params: BabbleParams, materials: Materials) -> BabbleDraw:
        """Draw how many voices, which, where in each, and an SNR uniform in dB."""
        count = int(rng.integers(round(params.voices.low), round(params.voices.high) + 1))
        units = rng.random((2, count))
        voices = [materials.speech.choose(float(unit)) for unit in units[0]]
        return BabbleDraw(voices, units[1].tolist(), params.snr_db.draw(rng))

    def apply(self, take: Take, draw: BabbleDraw, materials: Materials) -> Take:
        """Return the take [n] with the voices under it: [n]. Not clipped: may leave [-1, 1]."""
        return take.mixed(babble_of(draw, materials.speech, take.wave.size), draw.snr_db)

    def describe(self, draw: BabbleDraw) -> str:
        """Return the SNR and the voices in words."""
        told = ", ".join(draw.voices)
        return f"{len(draw.voices)} other voices at once at an SNR of {draw.snr_db:.1f} dB: {told}."


def babble_of(draw: BabbleDraw, pool: SoundPool, samples: int) -> Waveform:
    """Return the voices together, their recordings at one active level, float32 [samples]; silent ones are left out."""
    total = np.zeros(samples, dtype=np.float32)
    for voice, position in zip(draw.voices, draw.positions, strict=True):
        if level := pool.level(voice):
            total += pool.stretch(voice, samples, position) * np.float32(0.1 / level)
    return total
