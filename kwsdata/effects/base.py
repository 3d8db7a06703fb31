"""Define what an effect is (`Effect`), and the sound that it is applied to (`Take`).

An effect draws, then applies. Its draw is a frozen dataclass of plain numbers and names, which the cut's recipe keeps.
Its `apply` is arithmetic on float32 [samples] at 16 kHz and makes no random choice: a recipe gives the same samples
whatever ran before it.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar

import numpy as np

from kwsdata.audio import Waveform
from kwsdata.clips.sources import SourceId, source_ids
from kwsdata.errors import AudioError
from kwsdata.params.effects import EffectParams
from kwsdata.pools.materials import Materials
from kwsdata.transforms.engine import Engine
from kwsdata.transforms.levels import active_level, below_full_scale, mix, peak_of

Span = tuple[int, int]

ParamsT = TypeVar("ParamsT", bound=EffectParams)
DrawT = TypeVar("DrawT")


@dataclass(frozen=True)
class Copy:
    """The copy that a recipe is drawn for.

    `number`: 0 is the clip itself, others are augmented. `label`: keyword, confusable, speech, noise or mined.
    `duration_s`: of what is used of the clip, before any change of pace.
    """

    number: int
    label: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class Take:
    """A copy's sound on its way through the chain, and as it leaves it.

    Attributes:
        wave: float32 [samples].
        span: [start, end) of the supervision, in samples; an effect that moves it returns where it is.
        engine: what warps and convolves.
        clean_level: the active level of the word before other sound was mixed under it; None until then.
        pitch: a factor on every frequency that `settled` applies.
        pace: times as fast, as above.
        early: at the end of the chain, where it was asked for: the same scene with only the early part of its room and
            nothing after it, at the level of the direct sound, float32 [samples].
    """

    wave: Waveform
    span: Span
    engine: Engine
    clean_level: float | None = None
    pitch: float = 1.0
    pace: float = 1.0
    early: Waveform | None = None

    @classmethod
    def of(cls, wave: Waveform, span: Span, engine: Engine) -> Self:
        """Return the take of a parent's sound `wave` [samples], scaled down where it passes full scale.

        Raises:
            AudioError: a sample of `wave` is not finite.
        """
        peak = peak_of(wave)
        if not math.isfinite(peak):
            raise AudioError("has samples that are not finite: import its corpus again")
        return cls(below_full_scale(wave, peak), span, engine)

    def with_wave(self, wave: Waveform, span: Span | None = None) -> "Take":
        """Return this take with another sound [samples]; `span`: where its word lies now, if it moved."""
        return Take(wave, self.span if span is None else span, self.engine, self.clean_level, self.pitch, self.pace)

    def warped(self, pitch: float = 1.0, pace: float = 1.0) -> "Take":
        """Return this take, whose frequencies `settled` multiplies by `pitch`, and its length by 1 / `pace`."""
        return Take(self.wave, self.span, self.engine, self.clean_level, self.pitch * pitch, self.pace * pace)

    def settled(self) -> "Take":
        """Return this take after all that `warped` asked for, in one warp."""
        if self.pitch == self.pace == 1.0 or self.wave.size == 0:
            return self
        duration = 1 / self.pace
        wave = self.engine.warp(self.wave, self.pitch, duration)
        start, end = (min(round(place * duration), wave.size) for place in self.span)
        return Take(wave, (start, end), self.engine, self.clean_level)

    def word_level(self) -> float:
        """Return the active level of the word as it sounds now; of the whole wave where the word is silent."""
        start, end = self.span
        return active_level(self.wave[start:end]) or active_level(self.wave)

    def mixed(self, sound: Waveform, snr_db: float) -> "Take":
        """Return this take with `sound` [samples] under it; the SNR is against the word before anything was mixed."""
        level = self.word_level() if self.clean_level is None else self.clean_level
        wave = mix(self.wave, sound, snr_db, level)
        return Take(wave, self.span, self.engine, level, self.pitch, self.pace)


class Effect(ABC, Generic[ParamsT, DrawT]):
    """One augmentation. Instances have no state: numbers come from params when drawing, from the draw when applying.

    Attributes:
        name: its key in `augment.effects` of params.yaml and in recipes. Part of the key of its generator: another name
            draws other numbers.
        params: its block of params.yaml.
        draw_type: the dataclass of its draws. A field with the id of a sound is a `kwsdata.clips.sources.SourceId`.
        needs: the materials it cannot do without.
        for_noise: whether recordings of noise get it, too.
        keeps_text: whether what is said stays known.
    """

    name: ClassVar[str]
    params: ClassVar[type[EffectParams]]
    draw_type: ClassVar[type]
    needs: ClassVar[Literal["rirs", "noises", "speech", "recordings"] | None] = None
    for_noise: ClassVar[bool] = True
    keeps_text: ClassVar[bool] = True

    def suits(self, copy: Copy, params: ParamsT, materials: Materials) -> bool:
        """Return whether the copy can get this effect; its probability then decides."""
        return (
            copy.number > 0
            and (self.for_noise or copy.label != "noise")
            and (self.needs is None or bool(getattr(materials, self.needs)))
        )

    @abstractmethod
    def draw(self, rng: np.random.Generator, params: ParamsT, materials: Materials) -> DrawT:
        """Make every random choice."""

    @abstractmethod
    def apply(self, take: Take, draw: DrawT, materials: Materials) -> Take:
        """Return the take after the effect.

        Args:
            take: what the effects before this one left. Its wave may leave [-1, 1] and is not to be changed in place.
            draw: what `draw` returned.
            materials: of which only the draw's `sources` can be read.
        """

    @abstractmethod
    def describe(self, draw: DrawT) -> str:
        """Return the draw as a sentence for people."""

    def sources(self, draw: DrawT) -> tuple[SourceId, ...]:
        """Return the ids of the sounds that are mixed in: provenance, licences and cache keys follow from them."""
        return source_ids(draw)

    def used_s(self, duration_s: float, draw: DrawT) -> float:
        """Return how much of a clip of `duration_s` is used after this effect, for the effects that go by that."""
        return duration_s

    def draw_from(self, values: dict[str, Any]) -> DrawT:
        """Return the draw whose fields a recipe holds as `values`."""
        return self.draw_type(**values)
