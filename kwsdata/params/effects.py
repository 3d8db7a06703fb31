"""Blocks of the augmentation effects, one each, in the order of the chain (`kwsdata.effects.chain`)."""

from typing import Literal, Self, TypeVar

from pydantic import Field, model_validator

from kwsdata.params.base import Block, Range

BlockT = TypeVar("BlockT", bound=Block)


class EffectParams(Block):
    """What every effect has."""

    probability: float = Field(ge=0, le=1)  # of each copy that the effect suits


class FragmentParams(EffectParams):
    """Only a piece of a copy of speech, about as long as a word."""

    seconds: Range


class SpeedParams(EffectParams):
    """Faster or slower, pitch with it."""

    factor: Range

    @model_validator(mode="after")
    def _positive(self) -> Self:
        return _above_zero(self, "factor")


class TempoParams(EffectParams):
    """Faster or slower at the same pitch."""

    factor: Range

    @model_validator(mode="after")
    def _positive(self) -> Self:
        return _above_zero(self, "factor")


class RhythmParams(EffectParams):
    """Another pace every `part_s`, at the same pitch."""

    part_s: Range
    factor: Range

    @model_validator(mode="after")
    def _positive(self) -> Self:
        return _above_zero(_above_zero(self, "part_s"), "factor")


class PitchParams(EffectParams):
    """Higher or lower at the same tempo."""

    semitones: Range


class ThroatParams(EffectParams):
    """A longer or a shorter vocal tract: formants at other frequencies, the pitch as it was."""

    factor: Range  # of the formants: above 1 for a shorter tract

    @model_validator(mode="after")
    def _positive(self) -> Self:
        return _above_zero(self, "factor")


class ContextParams(EffectParams):
    """A lead and a tail for a short clip, unchanged copies too."""

    below_s: float = Field(ge=0)  # clips shorter than this get one
    lead_s: Range  # silence, or the end of other speech
    tail_s: Range  # silence
    speech_probability: float = Field(ge=0, le=1)  # of other speech in the lead
    gap_s: Range  # silence between the other speech and the clip
    level_db: Range  # of the other speech, relative to the clip


class ShiftParams(EffectParams):
    """Moved inside its own length, as far as the word fits."""

    seconds: Range  # positive: later


class ChannelParams(EffectParams):
    """The long-term spectrum and the noise floor of a recording of augment.speech_corpora, none of synthetic speech."""


class ReverbParams(EffectParams):
    """A room of data/rirs/train."""


class NoiseParams(EffectParams):
    """A stretch of a noise of augment.noise_corpora under it."""

    snr_db: Range  # of active speech


class BabbleParams(EffectParams):
    """Voices of augment.speech_corpora at once under it."""

    voices: Range  # how many
    snr_db: Range


class EqualizerParams(EffectParams):
    """A microphone that colours."""

    gains_db: Range  # of each of five bands


class BandLimitParams(EffectParams):
    """The band of a cheap microphone or a small loudspeaker."""

    low_hz: Range  # of the lower corner
    high_hz: Range  # of the upper corner

    @model_validator(mode="after")
    def _positive(self) -> Self:
        return _above_zero(self, "low_hz", "high_hz")


class LoudnessParams(EffectParams):
    """The level of active speech, before the effects below."""

    level_dbfs: Range


class ClippingParams(EffectParams):
    """Overdrive."""

    fraction: Range  # of the word's samples, cut off


class TelephoneParams(EffectParams):
    """A telephone line."""


class CodecParams(EffectParams):
    """A round trip through a lossy codec."""

    codecs: list[Literal["mp3", "opus"]]

    @model_validator(mode="after")
    def _some_codec(self) -> Self:
        if self.probability > 0 and not self.codecs:
            raise ValueError("codecs is empty: name mp3 or opus, or set codec.probability to 0")
        return self


class EffectsParams(Block):
    """The blocks of all effects, in the order of the chain."""

    fragment: FragmentParams
    speed: SpeedParams
    tempo: TempoParams
    pitch: PitchParams
    rhythm: RhythmParams
    throat: ThroatParams
    context: ContextParams
    shift: ShiftParams
    channel: ChannelParams
    reverb: ReverbParams
    noise: NoiseParams
    babble: BabbleParams
    equalizer: EqualizerParams
    band_limit: BandLimitParams
    loudness: LoudnessParams
    clipping: ClippingParams
    telephone: TelephoneParams
    codec: CodecParams


def _above_zero(block: BlockT, *names: str) -> BlockT:
    for name in names:
        if getattr(block, name).low <= 0:
            raise ValueError(f"{name}.low = {getattr(block, name).low:g} must be above 0")
    return block
