"""Blocks of rooms and augmentation."""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from kwsdata.params.base import Block, Range
from kwsdata.params.effects import EffectsParams


class SimulateRirsParams(Block):
    """A bank of simulated shoebox rooms."""

    seed: int
    rooms: int = Field(ge=1)
    sources_per_room: int = Field(ge=1)
    t60_s: Range  # the target, unless absorption is given
    absorption: Range | None  # of energy, by the walls; null: what t60_s takes
    treble_t60_ratio: Range  # T60 above 2 kHz relative to below
    length_m: Range
    width_m: Range
    height_m: Range
    distance_m: Range
    max_rir_s: float = Field(gt=0)  # longer tails are faded out here
    measured: dict[str, Literal["train", "dev", "test"]]  # {corpus of role rir: the one partition it goes to}
    rirs_per_shard: int = Field(ge=1)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for name in ("t60_s", "treble_t60_ratio", "length_m", "width_m", "height_m", "distance_m"):
            if getattr(self, name).low <= 0:
                raise ValueError(f"{name}.low = {getattr(self, name).low:g} must be above 0")
        if self.absorption and not 0 < self.absorption.low <= self.absorption.high < 1:
            raise ValueError("absorption must lie between 0 and 1")
        return self


class CopiesParams(Block):
    """Augmented copies of each train clip, by label; copy 0 is the clip itself, unchanged."""

    keyword: int = Field(ge=0)
    confusable: int = Field(ge=0)
    speech: int = Field(ge=0)
    noise: int = Field(ge=0)
    mined: int = Field(ge=0)


class AugmentParams(Block):
    """Augmented copies: how many, what they draw from, and the effects."""

    moved: ClassVar[Mapping[str, str]] = {
        "fragment_probability": "effects.fragment.probability",
        "fragment_s": "effects.fragment.seconds",
        "context_below_s": "effects.context.below_s",
        "lead_s": "effects.context.lead_s",
        "tail_s": "effects.context.tail_s",
        "lead_speech_probability": "effects.context.speech_probability",
        "lead_speech_gap_s": "effects.context.gap_s",
        "lead_speech_level_db": "effects.context.level_db",
        "lead_corpora": "speech_corpora",
        "speed_probability": "effects.speed.probability",
        "speed": "effects.speed.factor",
        "pitch_probability": "effects.pitch.probability",
        "pitch_semitones": "effects.pitch.semitones",
        "tempo_probability": "effects.tempo.probability",
        "tempo": "effects.tempo.factor",
        "shift_probability": "effects.shift.probability",
        "shift_s": "effects.shift.seconds",
        "reverb_probability": "effects.reverb.probability",
        "noise_probability": "effects.noise.probability",
        "snr_db": "effects.noise.snr_db",
        "babble_probability": "effects.babble.probability",
        "babble_voices": "effects.babble.voices",
        "babble_snr_db": "effects.babble.snr_db",
        "equalizer_probability": "effects.equalizer.probability",
        "equalizer_db": "effects.equalizer.gains_db",
        "band_limit_probability": "effects.band_limit.probability",
        "band_limit_low_hz": "effects.band_limit.low_hz",
        "band_limit_high_hz": "effects.band_limit.high_hz",
        "level_dbfs": "effects.loudness.level_dbfs",
        "clipping_probability": "effects.clipping.probability",
        "clipping_fraction": "effects.clipping.fraction",
        "telephone_probability": "effects.telephone.probability",
        "codec_probability": "effects.codec.probability",
        "codecs": "effects.codec.codecs",
    }

    seed: int
    copies: CopiesParams
    engine: Literal["fast", "sox"]  # of speed, tempo and pitch
    device: str  # cpu (canonical), or a torch device for convolution and resampling
    noise_corpora: Literal["all"] | list[str]  # a list pins the pool: a corpus added later changes no clip
    speech_corpora: Literal["all"] | list[str]  # where the speech of leads and babbles comes from
    early_target_ms: float | None = Field(gt=0)  # also store clips with only this much of their room; null: none
    early_target_of: list[Literal["keyword", "confusable", "speech", "noise", "mined"]]  # of clips with these labels
    clips_per_shard: int = Field(ge=1)
    effects: EffectsParams
