"""What was done to one copy of one clip: every draw, in the order of the chain, as plain JSON."""

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Self, get_args, get_type_hints

from kwsdata.draws import rng_for, unit_for
from kwsdata.materials import Materials
from kwsdata.params import AugmentParams
from kwsdata.sources import SourceId, source_ids
from kwsdata.transforms.babble import BabbleDraw, draw_babble
from kwsdata.transforms.band_limit import BandLimitDraw, draw_band_limit
from kwsdata.transforms.clipping import ClippingDraw, draw_clipping
from kwsdata.transforms.codec import CodecDraw, draw_codec
from kwsdata.transforms.context import ContextDraw, draw_context
from kwsdata.transforms.equalizer import EqualizerDraw, draw_equalizer
from kwsdata.transforms.fragment import FragmentDraw, draw_fragment
from kwsdata.transforms.loudness import LoudnessDraw, draw_loudness
from kwsdata.transforms.noise import NoiseDraw, draw_noise
from kwsdata.transforms.pitch import PitchDraw, draw_pitch
from kwsdata.transforms.reverb import ReverbDraw, draw_reverb
from kwsdata.transforms.shift import ShiftDraw, draw_shift
from kwsdata.transforms.speed import SpeedDraw, draw_speed
from kwsdata.transforms.telephone import TelephoneDraw, draw_telephone
from kwsdata.transforms.tempo import TempoDraw, draw_tempo


@dataclass(frozen=True)
class Recipe:
    """The draws of one copy, in the order of the chain; an effect that is None does nothing."""

    copy: int
    fragment: FragmentDraw | None = None
    speed: SpeedDraw | None = None
    tempo: TempoDraw | None = None
    pitch: PitchDraw | None = None
    context: ContextDraw | None = None
    shift: ShiftDraw | None = None
    reverb: ReverbDraw | None = None
    noise: NoiseDraw | None = None
    babble: BabbleDraw | None = None
    equalizer: EqualizerDraw | None = None
    band_limit: BandLimitDraw | None = None
    loudness: LoudnessDraw | None = None
    clipping: ClippingDraw | None = None
    telephone: TelephoneDraw | None = None
    codec: CodecDraw | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as JSON values, without the effects that do nothing."""
        # vars() of a draw is what asdict would copy, field by field: draws hold plain values only.
        return {"copy": self.copy} | {name: dict(vars(getattr(self, name))) for name in self.effects}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the recipe that `to_dict` described."""
        kind: Any = cls
        draws = _draw_types(kind)
        return cls(copy=values["copy"], **{key: draws[key](**value) for key, value in values.items() if key != "copy"})

    @property
    def effects(self) -> list[str]:
        """Names of the effects that do something, in the order of the chain."""
        kind: Any = type(self)
        return [name for name in _draw_types(kind) if getattr(self, name) is not None]

    @property
    def sources(self) -> tuple[SourceId, ...]:
        """Ids of all that its draws mix in, each once."""
        return tuple(dict.fromkeys(one for name in self.effects for one in source_ids(getattr(self, name))))


@lru_cache
def _draw_types(recipe: type) -> dict[str, type]:
    """Return the type of each effect's draw, in the order of the chain."""
    hints = get_type_hints(recipe)
    return {field.name: get_args(hints[field.name])[0] for field in fields(recipe) if field.name != "copy"}


_FOREGROUND_ONLY = {"pitch", "context", "shift", "reverb", "noise", "babble"}


def draw_recipe(
    params: AugmentParams, label: str, audio_sha256: str, duration_s: float, copy: int, materials: Materials
) -> Recipe:
    """Draw copy `copy` of a clip. Copy 0 is the clip itself, in its context.

    Each effect has a generator of its own, keyed by (seed, the clip's samples, copy, effect): switching one effect on,
    or adding a clip, changes no other draw. A clip of noise gets no context, room, noise, babble, shift or pitch; only
    speech is cut into fragments, which get the context of a short clip.
    """
    key = (params.seed, "augment", audio_sha256, copy)
    p = params

    def drawn(effect: str, probability: float, draw: Any, *args: Any) -> Any:
        if probability <= 0 or (label == "noise" and effect in _FOREGROUND_ONLY):
            return None
        return draw(rng_for(*key, effect), *args) if unit_for(*key, effect) < probability else None

    fragment = None
    if copy > 0 and label == "speech":
        fragment = drawn("fragment", p.fragment_probability, draw_fragment, p.fragment_s)
        duration_s = min(duration_s, fragment.seconds) if fragment else duration_s
    context = drawn(
        "context",
        float(duration_s < p.context_below_s),
        draw_context,
        p.lead_s,
        p.tail_s,
        p.lead_speech_probability,
        p.lead_speech_gap_s,
        p.lead_speech_level_db,
        materials.speech,
    )
    if copy == 0:
        return Recipe(copy=0, context=context)
    rirs, noises, speech = materials.rirs, materials.noises, materials.speech
    return Recipe(
        copy=copy,
        fragment=fragment,
        speed=drawn("speed", p.speed_probability, draw_speed, p.speed),
        tempo=drawn("tempo", p.tempo_probability, draw_tempo, p.tempo),
        pitch=drawn("pitch", p.pitch_probability, draw_pitch, p.pitch_semitones),
        context=context,
        shift=drawn("shift", p.shift_probability, draw_shift, p.shift_s),
        reverb=drawn("reverb", p.reverb_probability, draw_reverb, rirs) if rirs else None,
        noise=drawn("noise", p.noise_probability, draw_noise, noises, p.snr_db) if noises else None,
        babble=drawn("babble", p.babble_probability, draw_babble, speech, p.babble_voices, p.babble_snr_db)
        if speech
        else None,
        equalizer=drawn("equalizer", p.equalizer_probability, draw_equalizer, p.equalizer_db),
        band_limit=drawn(
            "band_limit", p.band_limit_probability, draw_band_limit, p.band_limit_low_hz, p.band_limit_high_hz
        ),
        loudness=drawn("loudness", 1.0, draw_loudness, p.level_dbfs),
        clipping=drawn("clipping", p.clipping_probability, draw_clipping, p.clipping_fraction),
        telephone=drawn("telephone", p.telephone_probability, draw_telephone),
        codec=drawn("codec", p.codec_probability, draw_codec, p.codecs),
    )
