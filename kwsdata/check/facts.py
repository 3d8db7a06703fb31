"""What is measured of each clip, once, in workers: levels, spectrum, fingerprint. Kept in the cache by its bytes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import scipy.fft
from lhotse import MonoCut

from kwsdata.audio import SAMPLE_RATE, Waveform, dbfs
from kwsdata.cache import Step
from kwsdata.errors import AudioError, StageInputError
from kwsdata.executor import run_tasks
from kwsdata.fingerprints import Fingerprint, fingerprint
from kwsdata.params import ExecutorParams
from kwsdata.places import digest_of_places, tars_of
from kwsdata.quality import CLIPPED, loudest_dbfs
from kwsdata.shards import load_audio

FACTS = Step("check", __name__, suffix=".npz")
_GROUP = 200  # clips of a task
_FFT = 512
BANDS = 16  # of the background's spectrum, even from 0 to 8 kHz
_MOST_FRAMES = 20_000
_FLOOR = 1e-12
_LEAST_DB = -90.0  # a background below this is rounding
_STEEP_DB = 60.0  # what lies this far below the spectrum's peak is not part of the recording


@dataclass(frozen=True)
class Facts:
    """Of one clip. `fault`: why its sound is not what the manifest says, or None; then the rest is empty.

    `bandwidth_hz`: the highest frequency within 60 dB of the spectrum's peak. `background`: float32 [BANDS], the
    spectrum of the quietest tenth of frames in dB relative to the whole clip's level: noise and channel, not words.
    """

    cut: MonoCut
    fault: str | None
    loudest_dbfs: float
    level_dbfs: float
    clipped: float
    bandwidth_hz: float
    background: np.ndarray
    print: Fingerprint


@dataclass(frozen=True)
class _Task:
    cuts: tuple[MonoCut, ...]
    sound: str


class _FaultyError(Exception):
    """Some sound is not what its manifest says: the facts are in `arrays`, and no entry of the cache."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self.arrays = arrays


def facts_of(cuts: Sequence[MonoCut], executor: ExecutorParams, description: str) -> Iterator[Facts]:
    """Yield the facts of each cut, in order; some hundreds are in memory at a time."""
    groups = [tuple(cuts[start : start + _GROUP]) for start in range(0, len(cuts), _GROUP)]
    tasks = [_Task(group, digest_of_places(group)) for group in groups]
    measured = run_tasks(measure_group, tasks, executor, f"check {description}", tars_of(cuts))
    for task, found in zip(tasks, measured, strict=True):
        stored = _loaded(found) if isinstance(found, Path) else found
        ends = np.cumsum(stored["frames"])
        for number, cut in enumerate(task.cuts):
            span = slice(ends[number] - stored["frames"][number], ends[number])
            loudest, level, clipped, bandwidth = (float(value) for value in stored["numbers"][number])
            yield Facts(
                cut,
                str(stored["fault"][number]) or None,
                loudest,
                level,
                clipped,
                bandwidth,
                stored["background"][number],
                Fingerprint(stored["codes"][span], stored["loud"][span]),
            )


def measure_group(task: _Task) -> Path | dict[str, np.ndarray]:
    """Return the file with the facts of some cuts, made now unless the cache has it; the facts if one is faulty."""
    says = [[cut.recording.num_samples, cut.recording.sampling_rate] for cut in task.cuts]
    try:
        return FACTS.get(partial(_keep_facts, task.cuts), sound=task.sound, says=says)
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
    faults, numbers, backgrounds, prints = [], [], [], []
    for cut in cuts:
        wave, fault = _load(cut)
        faults.append(fault)
        numbers.append(levels_of(wave))
        backgrounds.append(background_of(wave))
        prints.append(fingerprint(wave))
    return {
        "fault": np.asarray(faults),
        "numbers": np.asarray(numbers, np.float32),
        "background": np.asarray(backgrounds, np.float32),
        "frames": np.asarray([len(one.codes) for one in prints], np.int64),
        "codes": np.concatenate([one.codes for one in prints]),
        "loud": np.concatenate([one.loud for one in prints]),
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
    return wave, ""


def levels_of(wave: Waveform) -> tuple[float, float, float, float]:
    """Return (loudest 10 ms in dBFS, level in dBFS, share of clipped samples, bandwidth in Hz) of `wave` [samples]."""
    if wave.size < _FFT:
        return -200.0, -200.0, 0.0, 0.0
    power = _spectra(wave).mean(axis=0)
    present = np.flatnonzero(power >= power.max() * 10 ** (-_STEEP_DB / 10)) if power.max() > _FLOOR else np.zeros(1)
    level = dbfs(float(np.sqrt(np.mean(np.square(wave, dtype=np.float64)))))
    clipped = float(np.mean(np.abs(wave) >= CLIPPED))
    return loudest_dbfs(wave, SAMPLE_RATE), level, clipped, float(present[-1]) * SAMPLE_RATE / _FFT


def background_of(wave: Waveform) -> np.ndarray:
    """Return the spectrum of the quietest tenth of frames in dB, relative to the mean of all: float32 [BANDS]."""
    if wave.size < _FFT:
        return np.zeros(BANDS, np.float32)
    spectra = _spectra(wave)
    bands = spectra[:, 1:].reshape(len(spectra), BANDS, -1).mean(axis=2)
    total = bands.sum(axis=1)
    quiet = bands[np.argsort(total, kind="stable")[: max(1, len(bands) // 10)]].mean(axis=0)
    relative = 10 * np.log10((quiet + _FLOOR) / (total.mean() + _FLOOR))
    return np.maximum(relative, _LEAST_DB).astype(np.float32)


def _spectra(wave: Waveform) -> np.ndarray:
    """Return power spectra of 32 ms each 16 ms (further apart in long recordings), float32 [frames, 257]."""
    frames = np.lib.stride_tricks.sliding_window_view(wave, _FFT)[:: max(_FFT // 2, wave.size // _MOST_FRAMES)]
    spectrum = scipy.fft.rfft(frames * np.hanning(_FFT).astype(np.float32), axis=1)
    return np.square(spectrum.real) + np.square(spectrum.imag)
