"""A pool of recordings that effects draw from: noises, speech before a word, voices of a babble.

A number in [0, 1) chooses a recording by `kwsdata.consistent_hash`, so that one added later changes only the choices
that fall on it. A pool that fits in memory is decoded once and kept; of a larger one, only the stretch that is asked
for is decoded. Both give the same samples.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np

from kwsdata.audio import FULL_SCALE, Waveform
from kwsdata.clips.shards import read_place
from kwsdata.clips.sources import SourceId, check_named, view_of
from kwsdata.consistent_hash import Ring
from kwsdata.transforms.levels import active_level

_KEPT_SAMPLES = 48_000_000  # of 16 bits: 96 MB, 50 minutes
_SILENT = 1e-3  # RMS, -60 dBFS: a stretch below it is a pause of the recording


@dataclass(frozen=True)
class Sound:
    """One recording: `place` is "path.tar:offset:size" (see `kwsdata.clips.shards`).

    `audio_sha256`: of its samples, as its cut says. `content`: of the bytes there, which caches are keyed by.
    """

    place: str
    samples: int
    audio_sha256: str
    content: str = ""


@dataclass
class SoundPool:
    """Recordings by id; relative paths are counted from `root`. `named`: those that may be read; None: all."""

    sounds: Mapping[str, Sound]
    root: Path = Path()
    kept_samples: int = _KEPT_SAMPLES
    named: frozenset[str] | None = None
    _kept: dict[str, np.ndarray] = field(default_factory=dict, repr=False)
    _levels: dict[str, float] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.ring = Ring(self.sounds)
        self.keep = sum(sound.samples for sound in self.sounds.values()) <= self.kept_samples

    def __len__(self) -> int:
        return len(self.sounds)

    def choose(self, unit: float) -> SourceId:
        """Return the id that `unit` in [0, 1) falls on."""
        return SourceId(self.ring.choose(unit))

    def only(self, named: Iterable[SourceId]) -> Self:
        """Return this pool, with what it keeps, of which only the sounds in `named` can be read."""
        return view_of(self, named)

    def piece(self, sound_id: SourceId, samples: int, position: float) -> Waveform:
        """Return at most `samples` in a row, float32: `position` 0 is the recording's start, 1 its end.

        Raises:
            StageInputError: its shard is missing or truncated.
            AudioError: its bytes are not 16 kHz mono FLAC.
            UnnamedSourceError: it may not be read (see `only`).
        """
        total = self._sound(sound_id).samples
        length = min(samples, total)
        return self._read(sound_id, round(position * (total - length)), length)

    def stretch(self, sound_id: SourceId, samples: int, position: float) -> Waveform:
        """Return exactly `samples`, float32, from `position` in [0, 1) on, wrapped round the recording's end.

        Recordings of events are silent for most of their time: where the stretch stays below -60 dBFS, the one that
        is centred on the recording's loudest sample is returned instead. Raises as `piece` does.
        """
        wave = self._wrapped(sound_id, int(position * self._sound(sound_id).samples), samples)
        if samples and np.dot(wave, wave) < samples * _SILENT**2:
            loudest = int(np.argmax(np.abs(self._read(sound_id, 0, self.sounds[sound_id].samples))))
            wave = self._wrapped(sound_id, loudest - samples // 2, samples)
        return wave

    def level(self, sound_id: SourceId) -> float:
        """Return the active level of the whole recording: stretches are scaled by it, so that pauses stay quiet."""
        check_named(sound_id, self.named)
        if sound_id not in self._levels:
            self._levels[sound_id] = active_level(self._read(sound_id, 0, self.sounds[sound_id].samples))
        return self._levels[sound_id]

    def _sound(self, sound_id: SourceId) -> Sound:
        check_named(sound_id, self.named)
        return self.sounds[sound_id]

    def _wrapped(self, sound_id: SourceId, start: int, samples: int) -> Waveform:
        total = self.sounds[sound_id].samples
        start %= total
        if start + samples <= total:
            return self._read(sound_id, start, samples)
        if samples >= total:
            return np.resize(np.roll(self._read(sound_id, 0, total), -start), samples)
        return np.concatenate(
            (self._read(sound_id, start, total - start), self._read(sound_id, 0, start + samples - total))
        )

    def _read(self, sound_id: SourceId, start: int, samples: int) -> Waveform:
        sound = self.sounds[sound_id]
        if not self.keep:
            return read_place(sound.place, sound_id, self.root, start, samples)
        if sound_id not in self._kept:
            # 16-bit samples: what the file holds, in half the memory
            self._kept[sound_id] = np.round(read_place(sound.place, sound_id, self.root) * FULL_SCALE).astype(np.int16)
        return self._kept[sound_id][start : start + samples] * np.float32(1 / FULL_SCALE)
