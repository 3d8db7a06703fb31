"""Give a clip the long-term spectrum and the noise floor of another recording.

Where keywords are synthetic and other speech was recorded, a model can tell them apart by the microphone and never
listen to the word. A copy that sounds as if recorded where another clip was makes the word and the channel independent.
"""

from dataclasses import dataclass

import numpy as np

from kwsdata.audio import SAMPLE_RATE
from kwsdata.clips.sources import SourceId
from kwsdata.effects.base import Effect, Take
from kwsdata.params.effects import ChannelParams
from kwsdata.pools.materials import Materials
from kwsdata.transforms.channels import channel_of, transplant

_LISTEN_S = 15.0  # of the other recording


@dataclass(frozen=True)
class ChannelDraw:
    """`recording`: whose channel; `seed`: of the noise that makes its floor."""

    recording: SourceId
    seed: int


class Channel(Effect[ChannelParams, ChannelDraw]):
    """Give it the microphone and the noise floor of a recording of a person."""

    name = "channel"
    params = ChannelParams
    draw_type = ChannelDraw
    needs = "recordings"
    for_noise = False

    def draw(self, rng: np.random.Generator, params: ChannelParams, materials: Materials) -> ChannelDraw:
        """Draw a recording, and a seed for its floor."""
        return ChannelDraw(materials.recordings.choose(float(rng.random())), int(rng.integers(2**32)))

    def apply(self, take: Take, draw: ChannelDraw, materials: Materials) -> Take:
        """Return the take [n] through the recording's channel: [n], the word at its level."""
        channel = channel_of(materials.recordings.piece(draw.recording, round(_LISTEN_S * SAMPLE_RATE), 0.0))
        if channel is None:
            return take
        return take.with_wave(transplant(take.wave, take.span, channel, np.random.default_rng(draw.seed)))

    def describe(self, draw: ChannelDraw) -> str:
        """Return the recording in words."""
        return f"Spectrum and noise floor of another recording: {draw.recording}."
