"""Blocks of rooms and augmentation."""

from pydantic import Field

from kwsdata.params.base import Block, Range


class SimulateRirsParams(Block):
    """A bank of simulated shoebox rooms."""

    seed: int
    rooms: int = Field(ge=1)
    sources_per_room: int = Field(ge=1)
    t60_s: Range
    length_m: Range
    width_m: Range
    height_m: Range
    distance_m: Range
    rirs_per_shard: int = Field(ge=1)


class CopiesParams(Block):
    """Augmented copies of each train clip, by label; copy 0 is the clip itself, unchanged."""

    keyword: int = Field(ge=0)
    confusable: int = Field(ge=0)
    speech: int = Field(ge=0)
    noise: int = Field(ge=0)


class AugmentParams(Block):
    """The augmentation chain: each effect's probability and range."""

    seed: int
    copies: CopiesParams
    lead_s: Range  # sound (silence, speech or noise) put before a short clip
    tail_s: Range
    lead_speech_probability: float = Field(ge=0, le=1)
    speed_probability: float = Field(ge=0, le=1)
    speed: Range
    pitch_probability: float = Field(ge=0, le=1)
    pitch_semitones: Range
    tempo_probability: float = Field(ge=0, le=1)
    tempo: Range
    reverb_probability: float = Field(ge=0, le=1)
    noise_probability: float = Field(ge=0, le=1)
    snr_db: Range
    level_dbfs: Range  # of active speech after everything
    clips_per_shard: int = Field(ge=1)
