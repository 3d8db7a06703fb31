"""Put a clip into a room: convolution with an impulse response, the direct sound left where it was."""

from dataclasses import dataclass

import numpy as np

from kwsdata.clips.sources import SourceId
from kwsdata.effects.base import Effect, Take
from kwsdata.params.effects import ReverbParams
from kwsdata.pools.materials import Materials
from kwsdata.rooms.bank import early_part, in_room


@dataclass(frozen=True)
class ReverbDraw:
    """The response's id in the bank."""

    rir: SourceId


class Reverb(Effect[ReverbParams, ReverbDraw]):
    """Put it into a room of the bank. What comes before it in the chain is in the room; what comes after it is not."""

    name = "reverb"
    params = ReverbParams
    draw_type = ReverbDraw
    needs = "rirs"
    for_noise = False

    def draw(self, rng: np.random.Generator, params: ReverbParams, materials: Materials) -> ReverbDraw:
        """Draw a response."""
        return ReverbDraw(materials.rirs.choose(float(rng.random())))

    def apply(self, take: Take, draw: ReverbDraw, materials: Materials) -> Take:
        """Return the take [n] as heard in the room: [n], the tail past the end cut off. May leave [-1, 1]."""
        return take.with_wave(in_room(take.wave, materials.rirs.filter(draw.rir), take.engine.convolve))

    def early(self, take: Take, draw: ReverbDraw, materials: Materials, early_ms: float) -> Take:
        """Return the take as heard in the first `early_ms` of the room alone: a dereverberating model's target."""
        part = early_part(materials.rirs.wave(draw.rir), early_ms)
        return take.with_wave(in_room(take.wave, part, take.engine.convolve))

    def describe(self, draw: ReverbDraw) -> str:
        """Return the room's id in words."""
        return f"Heard in a room: {draw.rir}."
