"""Give a short clip a past and a future: silence, or the end of other speech, before it; silence after it.

A model that listens to a stream meets its word in the middle of other sound. A clip that starts with the word would
teach it that words start from nothing.
"""

from dataclasses import dataclass

import numpy as np

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.params.base import Range
from kwsdata.sounds import SoundPool
from kwsdata.sources import SourceId
from kwsdata.transforms.levels import active_level

_FADE = 160  # samples, 10 ms: the other speech starts and ends without a click


@dataclass(frozen=True)
class ContextDraw:
    """Lengths in seconds. `speech`: id of the other speech, or None for silence; `position`: where it is taken from."""

    lead_s: float
    tail_s: float
    speech: SourceId | None = None
    position: float = 0.0
    gap_s: float = 0.0
    level_db: float = 0.0


def draw_context(
    rng: np.random.Generator,
    lead_s: Range,
    tail_s: Range,
    speech_probability: float,
    gap_s: Range,
    level_db: Range,
    pool: SoundPool | None,
) -> ContextDraw:
    """Draw lengths, and whether other speech of `pool` comes before the clip."""
    lead, tail = lead_s.draw(rng), tail_s.draw(rng)
    spoken, choice, position = (float(unit) for unit in rng.random(3))
    gap, level = gap_s.draw(rng), level_db.draw(rng)
    if pool is None or spoken >= speech_probability:
        return ContextDraw(lead, tail)
    return ContextDraw(lead, tail, pool.choose(choice), position, min(gap, lead), level)


def lead_samples(draw: ContextDraw) -> int:
    """Return how many samples later the clip starts."""
    return round(draw.lead_s * SAMPLE_RATE)


def apply_context(wave: Waveform, draw: ContextDraw, speech: Waveform | None = None, level: float = 0.0) -> Waveform:
    """Return lead + `wave` [n] + tail.

    Args:
        wave: the clip.
        draw: its lengths, and the gap and level of the other speech.
        speech: a piece of the other recording [m]; it ends `gap_s` before the clip. What does not fit into the lead is
            cut from its start. None for silence.
        level: the active level of the whole other recording, which is brought to `level_db` relative to the clip's.
    """
    lead, tail = lead_samples(draw), round(draw.tail_s * SAMPLE_RATE)
    scene = np.zeros(lead + wave.size + tail, dtype=np.float32)
    scene[lead : lead + wave.size] = wave
    end = lead - round(draw.gap_s * SAMPLE_RATE)
    if speech is not None and end > 0 and level > 0:
        piece = speech[-end:]
        gain = active_level(wave) / level * 10 ** (draw.level_db / 20)
        scene[end - piece.size : end] = piece * _edges(piece.size) * np.float32(gain)
    return scene


def _edges(length: int) -> np.ndarray:
    fade = min(_FADE, length // 2)
    envelope = np.ones(length, dtype=np.float32)
    if fade:
        ramp = np.linspace(0, 1, fade, endpoint=False, dtype=np.float32)
        envelope[:fade] = ramp
        envelope[length - fade :] = ramp[::-1]
    return envelope
