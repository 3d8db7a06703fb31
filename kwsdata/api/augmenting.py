"""Augment a wave in memory with the effects of the stage `augment`, and render it again from its recipe."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lhotse import MonoCut

from kwsdata.audio import SAMPLE_RATE, Waveform, to_int16
from kwsdata.clips.fields import ClipFields
from kwsdata.clips.manifests import audio_sha256, make_cut
from kwsdata.clips.sources import SourceId, check_named
from kwsdata.effects.base import Take
from kwsdata.effects.recipe import Recipe, draw_recipe
from kwsdata.effects.render import render
from kwsdata.params import AugmentParams
from kwsdata.pools.materials import Materials
from kwsdata.pools.sounds import Sound, SoundPool
from kwsdata.rooms.bank import RirBank, align
from kwsdata.transforms.convolution import Filter
from kwsdata.transforms.engine import engine_for


@dataclass(frozen=True)
class Augmented:
    """`wave` float32 [samples] at 16 kHz in [-1, 1]; `span`: where the word is in it, [start, end) in samples.

    `record`: every random choice, as plain JSON values; `render_again` makes the same wave from it.
    """

    wave: Waveform
    span: tuple[int, int]
    record: dict[str, Any]


def augment_wave(
    wave: Waveform,
    params: AugmentParams,
    copy: int = 1,
    *,
    label: Literal["keyword", "confusable", "speech", "noise"] = "keyword",
    span: tuple[int, int] | None = None,
    materials: Materials | None = None,
) -> Augmented:
    """Return copy `copy` of a clip, as the stage `augment` would make it.

    Which effects it gets depends on the clip's samples, `copy`, `params.seed` and the materials, and on nothing else.

    >>> import numpy as np
    >>> from kwsdata import augment_wave, default_params, render_again, sound_materials
    >>> tone = np.sin(np.arange(16_000) * 0.2).astype(np.float32)
    >>> hiss = np.random.default_rng(1).normal(0, 0.1, 48_000).astype(np.float32)
    >>> mixed_in = sound_materials(noises={"fan": hiss})
    >>> made = augment_wave(tone, default_params().augment, copy=3, materials=mixed_in)
    >>> again = render_again(tone, made.record, materials=mixed_in)
    >>> bool(np.array_equal(made.wave, again.wave))
    True

    Args:
        wave: float32 [samples] at 16 kHz.
        params: the block `augment` of params.yaml.
        copy: 0 is the clip itself in its context, from 1 on augmented.
        label: what it is; noise gets no rooms and noises, only speech is cut into fragments.
        span: [start, end) of the word in samples; by default all of the wave.
        materials: the rooms, noises and speech that effects take from; without, such effects do nothing.

    Raises:
        AudioError: a sample is not finite.
        ParamsError, MissingProgramError: `params.engine` or `params.device` cannot be used here.
    """
    materials = materials or Materials()
    recipe = draw_recipe(params, label, audio_sha256(wave), wave.size / SAMPLE_RATE, copy, materials)
    return _rendered(wave, span, recipe, materials, params.engine, params.device)


def render_again(
    wave: Waveform,
    record: Mapping[str, Any],
    *,
    span: tuple[int, int] | None = None,
    materials: Materials | None = None,
    engine: Literal["fast", "sox"] = "fast",
    device: str = "cpu",
) -> Augmented:
    """Return what was made of `wave` when `record` was written: by `augment_wave`, or in the recipe of a cut.

    Args:
        wave: the parent's sound, float32 [samples] at 16 kHz.
        record: of the copy.
        span: [start, end) of the word in samples; by default all of the wave.
        materials: must hold the sounds that the record names.
        engine, device: as in params.yaml when it was made.

    Raises:
        AudioError: a sample is not finite.
        KeyError: the record names a sound that the materials have not.
    """
    return _rendered(wave, span, Recipe.from_dict(dict(record)), materials or Materials(), engine, device)


def sound_materials(
    rooms: Mapping[str, Waveform] | None = None,
    noises: Mapping[str, Waveform] | None = None,
    speech: Mapping[str, Waveform] | None = None,
    recordings: Mapping[str, Waveform] | None = None,
) -> Materials:
    """Return sounds in memory for effects to take from: {id: float32 [samples] at 16 kHz} of each kind.

    Rooms are impulse responses (`simulate_room`, or measured); they are aligned to their direct path. The others
    are kept in 16 bits. Recordings are of people: clips take their channel.

    Raises:
        AudioError: a room's response is empty, silent or not finite.
    """
    return Materials(_Rooms.of(rooms or {}), _pool(noises or {}), _pool(speech or {}), _pool(recordings or {}))


def _rendered(
    wave: Waveform,
    span: tuple[int, int] | None,
    recipe: Recipe,
    materials: Materials,
    engine: Literal["fast", "sox"],
    device: str,
) -> Augmented:
    take = Take.of(wave, span or (0, wave.size), engine_for(engine, device))
    (made,) = render([take], [recipe], materials)
    return Augmented(made.wave, made.span, recipe.to_dict())


def _pool(sounds: Mapping[str, Waveform]) -> SoundPool:
    stored = {sound_id: to_int16(wave) for sound_id, wave in sounds.items()}
    total = sum(wave.size for wave in stored.values())
    rows = {sound_id: Sound("", wave.size, audio_sha256(wave)) for sound_id, wave in stored.items()}
    return SoundPool(rows, kept_samples=total, _kept=dict(stored))


@dataclass(frozen=True)
class _Rooms(RirBank):
    """A bank whose responses are all in memory."""

    filters: dict[str, Filter] = field(default_factory=dict)

    @classmethod
    def of(cls, rooms: Mapping[str, Waveform]) -> "_Rooms":
        taps = {room: align(wave) for room, wave in rooms.items()}
        return cls(
            {room: _cut(room, wave) for room, wave in taps.items()},
            filters={room: Filter(wave) for room, wave in taps.items()},
        )

    def filter(self, rir_id: SourceId) -> Filter:
        """Return the response as a filter; Raises as of `RirBank.filter`."""
        check_named(rir_id, self.named)
        return self.filters[rir_id]


def _cut(room: str, wave: Waveform) -> MonoCut:
    return make_cut(room, wave.size, custom=ClipFields(audio_sha256=audio_sha256(wave), gain=1.0))
