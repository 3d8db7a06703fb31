"""Put sound before and after a short clip, and move a clip inside its own length.

A model that listens to a stream meets its word in the middle of other sound. A clip that starts with the word would
teach it that words start from nothing.
"""

from dataclasses import dataclass

import numpy as np

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.clips.sources import SourceId
from kwsdata.effects.base import Copy, Effect, Span, Take
from kwsdata.params.effects import ContextParams, ShiftParams
from kwsdata.pools.materials import Materials
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


class Context(Effect[ContextParams, ContextDraw]):
    """Put silence, or the end of other speech, before a short clip and silence after it; copy 0 gets it, too."""

    name = "context"
    params = ContextParams
    draw_type = ContextDraw
    for_noise = False

    def suits(self, copy: Copy, params: ContextParams, materials: Materials) -> bool:
        """Return whether the clip is short, and no noise."""
        return copy.label != "noise" and copy.duration_s < params.below_s

    def draw(self, rng: np.random.Generator, params: ContextParams, materials: Materials) -> ContextDraw:
        """Draw lengths, and whether other speech comes before the clip; silence does where there is none."""
        lead, tail = params.lead_s.draw(rng), params.tail_s.draw(rng)
        spoken, choice, position = (float(unit) for unit in rng.random(3))
        gap, level = params.gap_s.draw(rng), params.level_db.draw(rng)
        if not materials.speech or spoken >= params.speech_probability:
            return ContextDraw(lead, tail)
        return ContextDraw(lead, tail, materials.speech.choose(choice), position, min(gap, lead), level)

    def apply(self, take: Take, draw: ContextDraw, materials: Materials) -> Take:
        """Return lead + wave [n] + tail; the word moves with it."""
        lead = _samples(draw.lead_s)
        other, level = None, 0.0
        if draw.speech is not None:
            longest = max(lead - _samples(draw.gap_s), 0)
            other = materials.speech.piece(draw.speech, longest, draw.position)
            level = materials.speech.level(draw.speech)
        start, end = take.span
        return take.with_wave(in_context(take.wave, draw, other, level), (start + lead, end + lead))

    def describe(self, draw: ContextDraw) -> str:
        """Return what comes before and after it."""
        before = f"{draw.lead_s:.2f} s of silence before it"
        if draw.speech:
            before = (
                f"{draw.lead_s:.2f} s before it, in which {draw.speech} is heard until {draw.gap_s:.2f} s before "
                f"the clip, {draw.level_db:+.1f} dB against it"
            )
        return f"{before}; {draw.tail_s:.2f} s after it."


def in_context(wave: Waveform, draw: ContextDraw, speech: Waveform | None = None, level: float = 0.0) -> Waveform:
    """Return lead + `wave` [n] + tail.

    Args:
        wave: the clip.
        draw: its lengths, and the gap and level of the other speech.
        speech: a piece of the other recording [m]; it ends `gap_s` before the clip. What does not fit into the lead is
            cut from its start. None for silence.
        level: the active level of the whole other recording, which is brought to `level_db` relative to the clip's.
    """
    lead, tail = _samples(draw.lead_s), _samples(draw.tail_s)
    scene = np.zeros(lead + wave.size + tail, dtype=np.float32)
    scene[lead : lead + wave.size] = wave
    end = lead - _samples(draw.gap_s)
    if speech is not None and end > 0 and level > 0:
        piece = speech[-end:]
        gain = active_level(wave) / level * 10 ** (draw.level_db / 20)
        scene[end - piece.size : end] = piece * _edges(piece.size) * np.float32(gain)
    return scene


def _samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)


def _edges(length: int) -> np.ndarray:
    fade = min(_FADE, length // 2)
    envelope = np.ones(length, dtype=np.float32)
    if fade:
        ramp = np.linspace(0, 1, fade, endpoint=False, dtype=np.float32)
        envelope[:fade] = ramp
        envelope[length - fade :] = ramp[::-1]
    return envelope


@dataclass(frozen=True)
class ShiftDraw:
    """Positive seconds are later."""

    seconds: float


class Shift(Effect[ShiftParams, ShiftDraw]):
    """Move it inside its own length: what leaves one end is lost, silence enters at the other."""

    name = "shift"
    params = ShiftParams
    draw_type = ShiftDraw
    for_noise = False

    def draw(self, rng: np.random.Generator, params: ShiftParams, materials: Materials) -> ShiftDraw:
        """Draw a shift uniform in seconds."""
        return ShiftDraw(params.seconds.draw(rng))

    def apply(self, take: Take, draw: ShiftDraw, materials: Materials) -> Take:
        """Return the take [n], moved as far as its word stays inside: [n]."""
        shift = shift_samples(draw, take.wave.size, take.span)
        start, end = take.span
        return take.with_wave(moved(take.wave, shift), (start + shift, end + shift))

    def describe(self, draw: ShiftDraw) -> str:
        """Return how far it was to move, and where to."""
        where = "later" if draw.seconds >= 0 else "earlier"
        return f"Moved {abs(draw.seconds):.2f} s {where}, as far as the word fits."


def shift_samples(draw: ShiftDraw, samples: int, span: Span) -> int:
    """Return the shift in samples, held back where it would push `span` past an end of a clip of `samples`."""
    wanted = _samples(draw.seconds)
    return max(min(wanted, samples - span[1]), -span[0])


def moved(wave: Waveform, shift: int) -> Waveform:
    """Return `wave` [n] moved by `shift` samples: [n]."""
    after = np.zeros_like(wave)
    if abs(shift) < wave.size:
        if shift >= 0:
            after[shift:] = wave[: wave.size - shift]
        else:
            after[:shift] = wave[-shift:]
    return after
