"""What was done to one copy of one clip: every draw, in the order of the chain, as plain JSON."""

from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from kwsdata.draws import rng_for
from kwsdata.params import AugmentParams
from kwsdata.rirs import RirBank
from kwsdata.sounds import SoundPool
from kwsdata.transforms.context import ContextDraw, draw_context
from kwsdata.transforms.loudness import LoudnessDraw, draw_loudness
from kwsdata.transforms.noise import NoiseDraw, draw_noise
from kwsdata.transforms.reverb import ReverbDraw, draw_reverb
from kwsdata.transforms.speed import SpeedDraw, draw_speed


@dataclass(frozen=True)
class Materials:
    """What effects draw from; None where there is nothing of the kind."""

    rirs: RirBank | None
    noises: SoundPool | None
    speech: SoundPool | None


@dataclass(frozen=True)
class Recipe:
    """The draws of one copy; an effect that is None does nothing."""

    copy: int
    speed: SpeedDraw | None = None
    context: ContextDraw | None = None
    reverb: ReverbDraw | None = None
    noise: NoiseDraw | None = None
    loudness: LoudnessDraw | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as JSON values, without the effects that do nothing."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Recipe":
        """Return the recipe that `to_dict` described."""
        draws = {key: _DRAWS[key](**value) for key, value in values.items() if key != "copy"}
        return cls(copy=values["copy"], **draws)

    @property
    def effects(self) -> list[str]:
        """Names of the effects that do something, in the order of the chain."""
        return [field.name for field in fields(self)[1:] if getattr(self, field.name) is not None]


_DRAWS: dict[str, type] = {
    "speed": SpeedDraw,
    "context": ContextDraw,
    "reverb": ReverbDraw,
    "noise": NoiseDraw,
    "loudness": LoudnessDraw,
}


def draw_recipe(
    params: AugmentParams, label: str, audio_sha256: str, duration_s: float, copy: int, materials: Materials
) -> Recipe:
    """Draw copy `copy` of a clip. Copy 0 is the clip itself, in its context.

    Each effect has a generator of its own, keyed by (seed, the clip's samples, copy, effect): switching one effect on,
    or adding a clip, changes no other draw. A clip of noise gets no context, room or noise.
    """

    def rng(effect: str) -> np.random.Generator:
        return rng_for(params.seed, "augment", audio_sha256, copy, effect)

    def happens(effect: str, probability: float) -> np.random.Generator | None:
        if probability <= 0.0:
            return None
        generator = rng(effect)
        return generator if generator.random() < probability else None

    foreground = label != "noise"
    context = None
    if foreground and duration_s < params.context_below_s:
        context = draw_context(
            rng("context"),
            params.lead_s,
            params.tail_s,
            params.lead_speech_probability,
            params.lead_speech_gap_s,
            params.lead_speech_level_db,
            materials.speech,
        )
    if copy == 0:
        return Recipe(copy=0, context=context)
    speed = happens("speed", params.speed_probability)
    reverb = happens("reverb", params.reverb_probability) if foreground and materials.rirs else None
    noise = happens("noise", params.noise_probability) if foreground and materials.noises else None
    return Recipe(
        copy=copy,
        speed=draw_speed(speed, params.speed) if speed else None,
        context=context,
        reverb=draw_reverb(reverb, materials.rirs) if reverb and materials.rirs else None,
        noise=draw_noise(noise, materials.noises, params.snr_db) if noise and materials.noises else None,
        loudness=draw_loudness(rng("loudness"), params.level_dbfs),
    )
