"""Blocks of rooms and augmentation."""

from typing import Literal, Self

from pydantic import Field, model_validator

from kwsdata.params.base import Block, Range


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
    """The augmentation chain: each effect's probability and range."""

    seed: int
    copies: CopiesParams
    engine: Literal["fast", "sox"]  # of speed, tempo and pitch
    device: str  # cpu (canonical), or a torch device for convolution and resampling
    fragment_probability: float = Field(ge=0, le=1)  # of a copy of speech: only a piece of it, as long as a word
    fragment_s: Range
    context_below_s: float = Field(ge=0)  # clips shorter than this get a lead and a tail
    lead_s: Range  # sound (silence or the end of other speech) put before a short clip
    tail_s: Range
    lead_speech_probability: float = Field(ge=0, le=1)
    lead_speech_gap_s: Range  # silence between the other speech and the clip
    lead_speech_level_db: Range  # of the other speech, relative to the clip
    lead_corpora: Literal["all"] | list[str]  # where the other speech, and a babble's voices, come from
    speed_probability: float = Field(ge=0, le=1)
    speed: Range
    pitch_probability: float = Field(ge=0, le=1)
    pitch_semitones: Range
    tempo_probability: float = Field(ge=0, le=1)
    tempo: Range
    shift_probability: float = Field(ge=0, le=1)
    shift_s: Range
    reverb_probability: float = Field(ge=0, le=1)
    early_target_ms: float | None = Field(gt=0)  # also store each clip with only this much of its room; null: do not
    noise_probability: float = Field(ge=0, le=1)
    noise_corpora: Literal["all"] | list[str]  # a list pins the pool: a corpus added later changes no clip
    snr_db: Range
    babble_probability: float = Field(ge=0, le=1)
    babble_voices: Range
    babble_snr_db: Range
    equalizer_probability: float = Field(ge=0, le=1)
    equalizer_db: Range
    band_limit_probability: float = Field(ge=0, le=1)
    band_limit_low_hz: Range
    band_limit_high_hz: Range
    level_dbfs: Range  # of active speech, before the effects below
    clipping_probability: float = Field(ge=0, le=1)
    clipping_fraction: Range  # of samples cut off
    telephone_probability: float = Field(ge=0, le=1)
    codec_probability: float = Field(ge=0, le=1)
    codecs: list[Literal["mp3", "opus"]]
    clips_per_shard: int = Field(ge=1)

    @model_validator(mode="after")
    def _positive(self) -> Self:
        for name in ("speed", "tempo", "band_limit_low_hz", "band_limit_high_hz"):
            if getattr(self, name).low <= 0:
                raise ValueError(f"{name}.low = {getattr(self, name).low:g} must be above 0")
        if self.codec_probability > 0 and not self.codecs:
            raise ValueError("codecs is empty: name mp3 or opus, or set codec_probability to 0")
        return self
