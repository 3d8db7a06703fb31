"""Block of the synthesis stage."""

from typing import Self

from pydantic import Field, field_validator, model_validator

from kwsdata.params.base import Block, Range


class ClausesParams(Block):
    """Clauses of one sentence, from `low` to `high`; a clause is about two seconds."""

    low: int = Field(ge=1)
    high: int = Field(ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low = {self.low} is above high = {self.high}")
        return self


class EngineParams(Block):
    """How much one engine speaks. Counts are clips, over all partitions together."""

    positives: int = Field(ge=0)
    confusables: int = Field(ge=0)
    sentences: int = Field(ge=0)
    clauses: ClausesParams
    speed: Range


class KokoroParams(EngineParams):
    """Kokoro: style mixing within a partition makes more voices."""

    mix_probability: float = Field(ge=0, le=1)  # of prosody taken from another voice


class EspeakParams(EngineParams):
    """eSpeak: pitch and inflection from -1 (low, flat) to 1, 0 the voice's own."""

    pitch: Range
    inflection: Range
    foreign_share: float = Field(ge=0, le=1)  # of sentences, read by another language's rules


class PiperParams(EngineParams):
    """Piper voices: `voices` are paths of `.onnx` files; the packaged one when empty."""

    voices: list[str]


class NoisesParams(Block):
    """Synthesised noise (white, pink, brown, hum, clicks, tones): clips of `duration_s`."""

    clips: int = Field(ge=0)  # in all partitions together
    duration_s: float = Field(gt=0)

    @field_validator("clips")
    @classmethod
    def _one_a_partition(cls, clips: int) -> int:
        if 0 < clips < 3:
            raise ValueError("leaves a partition without noise: at least 3, one each for train, dev and test, or 0")
        return clips


class GateParams(Block):
    """What counts as failed synthesis. Durations are of the voiced part."""

    min_s_per_phoneme: float = Field(ge=0)  # of what is said, in sounds: not of its letters
    max_s_per_phoneme: float = Field(gt=0)  # as if there were two more
    silence_dbfs: float = Field(le=0)  # of the loudest 10 ms
    active_below_peak_db: float = Field(gt=0)  # the voiced part is what is louder than the peak less this
    margin_s: float = Field(ge=0)  # kept around it
    transcript: bool  # also transcribe the keyword clips; needs the extra `asr`
    max_transcript_distance: float = Field(gt=0)  # of what was heard, relative to the keyword's phonemes


class AccentsParams(Block):
    """Other pronunciations of an English keyword, and of what sounds like it: by first language, or with care."""

    probability: float = Field(ge=0, le=1)  # of a keyword's clips, and of a near phrase's
    max_distance: float = Field(gt=0, le=1)  # of what is said from the dictionary's sounds, relative to their number


class SynthesizeParams(Block):
    """The embedded default: speech and noise from nothing but the keyword's text."""

    seed: int
    engines: list[str]  # in order: kokoro, espeak, piper
    kokoro: KokoroParams
    espeak: EspeakParams
    piper: PiperParams
    noises: NoisesParams
    max_phoneme_distance: float = Field(gt=0, le=1)  # of a confusable word, relative to the keyword's length
    confusable_words: int = Field(ge=0)
    accents: AccentsParams
    half_phrases: int = Field(ge=0)  # with only the first or the last word of a keyword of several words
    partial_share: float = Field(ge=0, le=1)  # of confusables: the keyword's beginnings, ends and half phrases
    carrier_share: float = Field(ge=0, le=1)  # of confusables: inside a sentence
    gate: GateParams
    clips_per_shard: int = Field(ge=1)
