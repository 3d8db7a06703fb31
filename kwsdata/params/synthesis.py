"""Block of the synthesis stage."""

from pydantic import Field

from kwsdata.params.base import Block, Range


class EngineParams(Block):
    """How much one engine speaks. Counts are clips, over all partitions together."""

    positives: int = Field(ge=0)
    confusables: int = Field(ge=0)
    sentences: int = Field(ge=0)
    speed: Range


class PiperParams(EngineParams):
    """Piper voices: `voices` are paths of `.onnx` files; the packaged one when empty."""

    voices: list[str]


class NoisesParams(Block):
    """Synthesised noise (white, pink, brown, hum, clicks, tones): clips of `duration_s` in each partition."""

    clips: int = Field(ge=0)
    duration_s: float = Field(gt=0)


class SynthesizeParams(Block):
    """The embedded default: speech and noise from nothing but the keyword's text."""

    seed: int
    engines: list[str]  # in order: kokoro, espeak, piper
    kokoro: EngineParams
    espeak: EngineParams
    piper: PiperParams
    noises: NoisesParams
    max_phoneme_distance: float = Field(gt=0, le=1)  # of a confusable word, relative to the keyword's length
    confusable_words: int = Field(ge=0)
    max_duration_s: float = Field(gt=0)  # a spoken word longer than this is a failed synthesis
    transcript_gate: bool  # needs the extra `asr`
    clips_per_shard: int = Field(ge=1)
