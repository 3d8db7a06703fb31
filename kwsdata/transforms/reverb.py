"""Put a clip into a room: convolution with an impulse response, the direct sound left where it was.

With a response whose direct path lies at sample 40 and has energy 1 (see `kwsdata.rirs`), the first 40 samples of the
convolution are dropped: an onset stays on its sample, and the direct sound keeps its level.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.rirs import DIRECT_SAMPLE, RirBank
from kwsdata.sources import SourceId
from kwsdata.transforms.convolution import Filter, convolve

_FADE = 80  # samples, 5 ms: how an early-only response ends


@dataclass(frozen=True)
class ReverbDraw:
    """The response's id in the bank."""

    rir: SourceId


def draw_reverb(rng: np.random.Generator, bank: RirBank) -> ReverbDraw:
    """Draw a response."""
    return ReverbDraw(bank.choose(float(rng.random())))


def apply_reverb(wave: Waveform, rir: Filter, convolve: Callable[..., Waveform] = convolve) -> Waveform:
    """Return `wave` [n] as heard through `rir` [m]: [n], the tail past the end cut off. May leave [-1, 1]."""
    return convolve(wave, rir, wave.size + DIRECT_SAMPLE)[DIRECT_SAMPLE:]


def early_part(rir: Waveform, early_ms: float) -> Filter:
    """Return the response `rir` [m] up to `early_ms` after its direct path, faded out over the last 5 ms.

    What it leaves (the direct sound and the first reflections, which help a listener: 50 ms in ISO 3382's C50) is the
    target that a dereverberating model learns.
    """
    end = min(DIRECT_SAMPLE + round(early_ms * SAMPLE_RATE / 1000), rir.size)
    kept = rir[:end].copy()
    fade = min(_FADE, max(end - 2 * DIRECT_SAMPLE, 0))
    if fade and end < rir.size:
        kept[end - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return Filter(kept)
