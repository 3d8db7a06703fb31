"""Room impulse responses in the project's conventions, and the bank that stages draw them from.

Conventions, the same for simulated and measured responses:

- float32 [samples] at 16 kHz, one channel;
- the direct path (for a measured one: the first strong peak) lies at sample `DIRECT_SAMPLE` = 40 (2.5 ms), so that
  convolution followed by dropping the first 40 samples leaves an onset where it was;
- the direct path has energy 1, so that reverberation keeps the level of the direct sound, and the energy of the rest
  is the reciprocal of the direct-to-reverberant ratio. A simulated one's level is known from the distance; a measured
  one's is what arrives within 0.5 ms of the peak (+-8 samples);
- on disk they are 24-bit FLAC scaled to peak 0.99; the field `gain` restores the level. 16 bits would leave rounding
  noise of -59 dB against the direct path in a 1 s tail; 24 bits leave -107 dB.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Self

import numpy as np
from lhotse import MonoCut

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.clips.shards import load_audio, shard_cuts
from kwsdata.clips.sources import SourceId, check_named, view_of
from kwsdata.clips.view import ClipView
from kwsdata.consistent_hash import Ring
from kwsdata.errors import AudioError, StageInputError
from kwsdata.files.atomic import stamp_of
from kwsdata.files.site import reach
from kwsdata.transforms.convolution import Filter, convolve

DIRECT_SAMPLE = 40
BITS = 24
_DIRECT_HALF = 8  # samples each side that count as a measured direct path: 0.5 ms
_PEAK = 0.99
_FADE = 80  # samples, 5 ms: how an early-only response ends
_KEPT_SAMPLES = 6_000_000  # of responses in memory; with their spectra 12 or 20 bytes each


def align(wave: np.ndarray, direct: int | None = None, level: float | None = None) -> Waveform:
    """Return `wave` [samples] with its direct path moved to `DIRECT_SAMPLE` and scaled to direct energy 1.

    Args:
        wave: an impulse response.
        direct: the direct path's sample; when None, the first sample that reaches half of the largest magnitude,
            followed to its local peak.
        level: the root of the direct path's energy; when None, of what lies within 0.5 ms of it.

    Raises:
        AudioError: `wave` is empty, silent or not finite.
    """
    if wave.size == 0 or not np.isfinite(wave).all() or not np.any(wave):
        raise AudioError("is empty, silent or not finite: no impulse response; leave the file out of the corpus")
    wave = np.asarray(wave, dtype=np.float64)
    if direct is None:
        direct = find_direct(wave)
    aligned = wave[direct - DIRECT_SAMPLE :] if direct >= DIRECT_SAMPLE else np.pad(wave, (DIRECT_SAMPLE - direct, 0))
    if level is None:
        level = float(np.linalg.norm(aligned[DIRECT_SAMPLE - _DIRECT_HALF : DIRECT_SAMPLE + _DIRECT_HALF + 1]))
    if level == 0:
        raise AudioError(f"has no energy within 0.5 ms of its direct path (sample {direct})")
    return (aligned / level).astype(np.float32)


def find_direct(wave: np.ndarray) -> int:
    """Return the first sample of `wave` [samples] at half the largest magnitude or more, followed to its local peak."""
    level = np.abs(wave)
    first = int(np.argmax(level >= level.max() / 2))
    return first + int(np.argmax(level[first : first + _DIRECT_HALF + 1]))


def decay_curve_db(wave: np.ndarray) -> np.ndarray:
    """Return Schroeder's backward-integrated energy of `wave` [samples] from its direct path on, 0 dB at its start.

    M. R. Schroeder, New method of measuring reverberation time, JASA 37 (1965).
    """
    energy = np.cumsum(np.square(wave[find_direct(wave) :], dtype=np.float64)[::-1])[::-1]
    return 10 * np.log10(np.maximum(energy, energy[0] * 1e-12) / energy[0])


def measure_t60(wave: np.ndarray, from_db: float = -5.0, to_db: float = -35.0) -> float:
    """Return the reverberation time of `wave` [samples] in seconds: 60 dB over the slope of its decay curve.

    The slope is the least-squares line between `from_db` and `to_db` (T30 of ISO 3382-1). 0.0 where the response
    falls below `to_db` in fewer than 8 samples: it has no reverberation.
    """
    curve = decay_curve_db(wave)
    start, end = int(np.argmax(curve <= from_db)), int(np.argmax(curve <= to_db))
    if end - start < 8:
        return 0.0
    slope = np.polyfit(np.arange(start, end), curve[start:end], 1)[0]
    return float(-60.0 / slope / SAMPLE_RATE)


def to_stored(wave: Waveform) -> tuple[Waveform, float]:
    """Return (`wave` scaled to peak 0.99, the gain that restores it)."""
    gain = float(np.max(np.abs(wave))) / _PEAK
    return (wave / np.float32(gain)).astype(np.float32), gain


def in_room(wave: Waveform, rir: Filter, convolve: Callable[..., Waveform] = convolve) -> Waveform:
    """Return `wave` [n] as heard through `rir` [m]: [n], the tail past the end cut off. May leave [-1, 1]."""
    return convolve(wave, rir, wave.size + DIRECT_SAMPLE)[DIRECT_SAMPLE:]


def early_part(rir: Waveform, early_ms: float) -> Filter:
    """Return the response `rir` [m] up to `early_ms` after its direct path, faded out over the last 5 ms.

    What it leaves (the direct sound and the first reflections, which help a listener: 50 ms in ISO 3382's C50) is the
    target that a dereverberating model learns.
    """
    end = min(DIRECT_SAMPLE + round(early_ms * SAMPLE_RATE / 1000), rir.size)
    kept = rir[:end].copy()
    fade = min(_FADE, max(end - 2 * DIRECT_SAMPLE, 0))
    if fade and end < rir.size:
        kept[end - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return Filter(kept)


@dataclass(frozen=True)
class RirBank:
    """Impulse responses by id, loaded when first asked for; `choose` maps a number in [0, 1) to an id.

    The last ones used are kept, up to 120 MB. `named`: those that may be read; None: all.
    """

    cuts: dict[str, MonoCut]
    named: frozenset[str] | None = None
    ring: Ring = field(init=False)
    _loaded: OrderedDict[str, Filter] = field(default_factory=OrderedDict, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ring", Ring(self.cuts))

    @property
    def ids(self) -> list[str]:
        """All ids, sorted."""
        return sorted(self.cuts)

    def __len__(self) -> int:
        return len(self.cuts)

    def choose(self, unit: float) -> SourceId:
        """Return the id that `unit` in [0, 1) falls on; a response added later takes over few others' numbers."""
        return SourceId(self.ring.choose(unit))

    def only(self, named: Iterable[SourceId]) -> Self:
        """Return this bank, with what it keeps, of which only the responses in `named` can be read."""
        return view_of(self, named)

    def wave(self, rir_id: SourceId) -> Waveform:
        """Return float32 [samples], direct path at `DIRECT_SAMPLE` with energy 1."""
        return self.filter(rir_id).taps

    def filter(self, rir_id: SourceId) -> Filter:
        """Return the response as a filter, whose spectra are kept with it.

        Raises:
            UnnamedSourceError: it may not be read (see `only`).
        """
        check_named(rir_id, self.named)
        if rir_id in self._loaded:
            self._loaded.move_to_end(rir_id)
            return self._loaded[rir_id]
        cut = self.cuts[rir_id]
        loaded = Filter(load_audio(cut) * np.float32(ClipView(cut).gain))
        self._loaded[rir_id] = loaded
        if sum(kept.taps.size for kept in self._loaded.values()) > _KEPT_SAMPLES:
            self._loaded.popitem(last=False)
        return loaded


def load_bank(directory: Path) -> RirBank:
    """Return the bank of one partition's directory, e.g. `data/rirs/train`; kept for later calls in this process.

    Raises:
        StageInputError: the directory is missing, or holds no response.
    """
    directory = reach(Path(directory))
    cuts = sorted(directory.glob("cuts.*.jsonl.gz"))
    if not cuts:
        raise StageInputError(
            f"{directory} holds no impulse response: type `dvc repro simulate_rirs`, or raise simulate_rirs.rooms "
            "until each partition has a room."
        )
    return _load_bank(directory, stamp_of(directory))


@lru_cache(maxsize=4)
def _load_bank(directory: Path, stamp: object) -> RirBank:
    return RirBank({cut.id: cut for cut in shard_cuts(directory)})
