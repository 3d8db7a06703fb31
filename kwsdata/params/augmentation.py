"""Blocks of rooms and augmentation."""

from typing import Literal

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
    max_rir_s: float = Field(gt=0)  # longer tails are faded out here
    measured: dict[str, Literal["train", "dev", "test"]]  # {corpus of role rir: the one partition it goes to}
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
    context_below_s: float = Field(ge=0)  # clips shorter than this get a lead and a tail
    lead_s: Range  # sound (silence or the end of other speech) put before a short clip
    tail_s: Range
    lead_speech_probability: float = Field(ge=0, le=1)
    lead_speech_gap_s: Range  # silence between the other speech and the clip
    lead_speech_level_db: Range  # of the other speech, relative to the clip
    lead_corpora: Literal["all"] | list[str]  # where the other speech comes from
    speed_probability: float = Field(ge=0, le=1)
    speed: Range
    pitch_probability: float = Field(ge=0, le=1)
    pitch_semitones: Range
    tempo_probability: float = Field(ge=0, le=1)
    tempo: Range
    reverb_probability: float = Field(ge=0, le=1)
    noise_probability: float = Field(ge=0, le=1)
    noise_corpora: Literal["all"] | list[str]  # a list pins the pool: a corpus added later changes no clip
    snr_db: Range
    level_dbfs: Range  # of active speech after everything
    clips_per_shard: int = Field(ge=1)
