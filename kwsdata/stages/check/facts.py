"""Measure each clip once, in workers: levels, spectra, hash of the samples."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from lhotse import MonoCut

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.clips.manifests import audio_sha256
from kwsdata.clips.pieces import digest_of_places
from kwsdata.clips.shards import load_audio
from kwsdata.clips.view import ClipView
from kwsdata.errors import AudioError, StageInputError
from kwsdata.execution.cache import Step
from kwsdata.files.site import reach
from kwsdata.measures.shortcut import background_of, levels_of
from kwsdata.similarity.copies.spectrum import Spectrum, spectrum_of

FACTS = Step("check", __name__, suffix=".npz")
OTHER_SOUND = "holds other sound than the manifest says (audio_sha256)"
_GROUP = 100  # clips of a task


@dataclass(frozen=True)
class Facts:
    """Of one clip. `fault`: why its sound is not what the manifest says, or None; then the rest is empty.

    `bandwidth_hz`: the highest frequency within 60 dB of the spectrum's peak. `background`: float32 [BANDS], the
    spectrum of the quietest tenth of frames in dB relative to the whole clip's level: noise and channel, not words.
    `spectrum`: what copies of the clip are found by.
    """

    clip: ClipView
    fault: str | None
    loudest_dbfs: float
    level_dbfs: float
    clipped: float
    bandwidth_hz: float
    background: np.ndarray
    spectrum: Spectrum


@dataclass(frozen=True)
class Group:
    """Some clips that are measured together, and a digest of their bytes."""

    cuts: tuple[MonoCut, ...]
    sound: str


class _FaultyError(Exception):
    """Some sound is not what its manifest says: the facts are in `arrays`, and no entry of the cache."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self.arrays = arrays


def groups_to_measure(cuts: Sequence[MonoCut]) -> list[Group]:
    """Return `cuts` as groups, in order."""
    groups = [tuple(cuts[start : start + _GROUP]) for start in range(0, len(cuts), _GROUP)]
    return [Group(group, digest_of_places(group)) for group in groups]


Measured: TypeAlias = Path | dict[str, np.ndarray]


def facts_in(group: Group, measured: Measured) -> Iterator[Facts]:
    """Yield the facts of each cut of `group` from what `measure_group` returned."""
    stored = _loaded(reach(measured)) if isinstance(measured, Path) else measured
    ends = np.cumsum(stored["frames"])
    for number, cut in enumerate(group.cuts):
        span = slice(ends[number] - stored["frames"][number], ends[number])
        loudest, level, clipped, bandwidth = (float(value) for value in stored["numbers"][number])
        yield Facts(
            ClipView(cut),
            str(stored["fault"][number]) or None,
            loudest,
            level,
            clipped,
            bandwidth,
            stored["background"][number],
            Spectrum(stored["levels"][span], stored["power"][span]),
        )


def measure_group(group: Group) -> Measured:
    """Return the file with the facts of some cuts, made now unless the cache has it; the facts if one is faulty."""
    says = [[clip.samples, clip.cut.recording.sampling_rate, clip.audio_sha256] for clip in map(ClipView, group.cuts)]
    try:
        return FACTS.get(partial(_keep_facts, group.cuts), sound=group.sound, says=says)
    except _FaultyError as faulty:
        return faulty.arrays


def _keep_facts(cuts: Sequence[MonoCut], path: Path) -> None:
    """Write the facts of `cuts` to `path`.

    Raises:
        _FaultyError: the sound of one is not what its manifest says.
    """
    arrays = _measured(cuts)
    if any(arrays["fault"]):
        raise _FaultyError(arrays)
    np.savez(path, **arrays)  # type: ignore[arg-type]


def _loaded(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _measured(cuts: Sequence[MonoCut]) -> dict[str, np.ndarray]:
    faults, numbers, backgrounds, spectra = [], [], [], []
    for cut in cuts:
        wave, fault = _load(cut)
        faults.append(fault)
        numbers.append(levels_of(wave))
        backgrounds.append(background_of(wave))
        spectra.append(spectrum_of(wave))
    return {
        "fault": np.asarray(faults),
        "numbers": np.asarray(numbers, np.float32),
        "background": np.asarray(backgrounds, np.float32),
        "frames": np.asarray([len(one.levels) for one in spectra], np.int64),
        "levels": np.concatenate([one.levels for one in spectra]),
        "power": np.concatenate([one.power for one in spectra]),
    }


def _load(cut: MonoCut) -> tuple[Waveform, str]:
    """Return the sound and what is wrong with it ("" if nothing); silence where there is none."""
    try:
        wave = load_audio(cut)
    except (AudioError, StageInputError) as error:
        return np.zeros(0, np.float32), str(error)
    if cut.recording.sampling_rate != SAMPLE_RATE or wave.size != cut.recording.num_samples:
        return np.zeros(0, np.float32), (
            f"holds {wave.size} samples at {SAMPLE_RATE} Hz; the manifest says {cut.recording.num_samples} at "
            f"{cut.recording.sampling_rate} Hz"
        )
    if audio_sha256(wave) != ClipView(cut).audio_sha256:
        return np.zeros(0, np.float32), OTHER_SOUND
    return wave, ""
