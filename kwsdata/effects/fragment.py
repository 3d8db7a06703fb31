"""Keep a piece of a recording, about as long as a word, so that a word alone is no sign of the keyword.

Keywords are short clips in their context; general speech is long sentences. A detector can tell them apart by that
alone, and fires at any single word. Pieces of sentences in the same contexts, rooms and noise take the sign away.
"""

from dataclasses import dataclass

import numpy as np

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.effects.base import Copy, Effect, Span, Take
from kwsdata.params.effects import FragmentParams
from kwsdata.pools.materials import Materials

_SEARCH_S = 0.08  # an end moves this far, to where it is quietest
_FRAME = SAMPLE_RATE // 100


@dataclass(frozen=True)
class FragmentDraw:
    """`position`: where the piece begins, as a share of where it may begin; `seconds`: its length, about."""

    position: float
    seconds: float


class Fragment(Effect[FragmentParams, FragmentDraw]):
    """Keep a piece of a copy of speech. Its span is the whole piece; which words it holds is not known."""

    name = "fragment"
    params = FragmentParams
    draw_type = FragmentDraw
    keeps_text = False

    def suits(self, copy: Copy, params: FragmentParams, materials: Materials) -> bool:
        """Return whether it is an augmented copy of speech."""
        return super().suits(copy, params, materials) and copy.label == "speech"

    def draw(self, rng: np.random.Generator, params: FragmentParams, materials: Materials) -> FragmentDraw:
        """Draw a place uniform in the recording and a length uniform in seconds."""
        return FragmentDraw(float(rng.random()), params.seconds.draw(rng))

    def apply(self, take: Take, draw: FragmentDraw, materials: Materials) -> Take:
        """Return the piece, faded over 5 ms at both ends so that a cut does not click."""
        start, end = fragment_span(take.wave, draw)
        piece = take.wave[start:end].copy()
        fade = min(SAMPLE_RATE // 200, piece.size // 2)
        ramp = np.arange(fade, dtype=np.float32) / max(fade, 1)
        piece[:fade] *= ramp
        piece[piece.size - fade :] *= ramp[::-1]
        return take.with_wave(piece, (0, piece.size))

    def describe(self, draw: FragmentDraw) -> str:
        """Return its length and place in words."""
        return f"Only a piece of it, about {draw.seconds:.2f} s, from {draw.position:.0%} of it on."

    def used_s(self, duration_s: float, draw: FragmentDraw) -> float:
        """Return the length of the piece: it gets the context of a short clip."""
        return min(duration_s, draw.seconds)


def fragment_span(wave: Waveform, draw: FragmentDraw) -> Span:
    """Return [start, end) of the piece in `wave` [samples]: all of it where it is no longer than the piece."""
    length = round(draw.seconds * SAMPLE_RATE)
    if wave.size <= length:
        return 0, wave.size
    start = round(draw.position * (wave.size - length))
    first, last = _quietest(wave, start), _quietest(wave, start + length)
    return (first, last) if last - first >= length // 2 else (start, start + length)


def _quietest(wave: Waveform, place: int) -> int:
    """Return the middle of the quietest 10 ms within `_SEARCH_S` of `place`; an end of `wave` stays an end."""
    if place in (0, wave.size):
        return place
    reach = round(_SEARCH_S * SAMPLE_RATE)
    start, end = max(0, place - reach), min(wave.size, place + reach)
    count = (end - start) // _FRAME
    if count == 0:
        return place
    power = np.square(wave[start : start + count * _FRAME].reshape(count, _FRAME), dtype=np.float64).sum(axis=1)
    return start + int(np.argmin(power)) * _FRAME + _FRAME // 2
