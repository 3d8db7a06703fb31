"""Decode, gate, downmix and resample many sounds, in parallel, with no more than one sound in a worker's memory.

A batch is a pure function of its sources: a worker appends samples to a scratch file, and the caller reads them back
in order, so that any number of workers gives the same clips and only names and lengths travel between processes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from kwsdata.audio import SAMPLE_RATE, Waveform, resample
from kwsdata.corpus import Item, Reject, Role
from kwsdata.errors import AudioError
from kwsdata.executor import run_tasks
from kwsdata.importers.source import Sound, Source, clip_id
from kwsdata.params import ExecutorParams, ImportParams
from kwsdata.quality import reason_to_reject

BATCH = 100  # sounds a task
SAMPLE = np.dtype("<f4")  # of the scratch files


@dataclass(frozen=True)
class Batch:
    """One task: some sounds, and the scratch file for their samples."""

    sources: tuple[Source, ...]
    scratch: Path


def load_clip(sound: Sound, params: ImportParams, role: Role) -> Waveform:
    """Return a sound as 16 kHz mono [samples]: channels averaged, or the first one alone of an impulse response.

    Averaging the microphones of a room response would comb-filter it; one of them is a response that was measured.

    Raises:
        AudioError: the sound cannot be decoded, or `reason_to_reject` has a reason.
    """
    waves, rate = sound.load()
    reason = reason_to_reject(waves, rate, params, role)
    if reason is not None:
        raise AudioError(reason)
    mono = waves[:, 0] if role == "rir" else waves.mean(axis=1, dtype=np.float32)
    wave = resample(np.ascontiguousarray(mono), rate)
    if wave.size == 0:
        raise AudioError(f"empty ({len(waves)} samples at {rate} Hz are none at {SAMPLE_RATE} Hz)")
    return wave


def decode_batch(batch: Batch, *, params: ImportParams, role: Role) -> list[int | str]:
    """Append each sound's samples to the scratch file; return each one's length, or why it has none."""
    outcomes: list[int | str] = []
    with batch.scratch.open("wb") as file:
        for source in batch.sources:
            try:
                wave = load_clip(source.sound, params, role)
            except AudioError as error:
                outcomes.append(str(error))
            else:
                file.write(wave.astype(SAMPLE).tobytes())
                outcomes.append(wave.size)
    return outcomes


def decoded(
    sources: Sequence[Source],
    scratch: Path,
    params: ImportParams,
    role: Role,
    executor: ExecutorParams,
    description: str,
) -> Iterator[Item | Reject]:
    """Yield an Item or a Reject for each source, in order; `scratch` is a directory for files that come and go."""
    scratch.mkdir(parents=True, exist_ok=True)
    batches = [
        Batch(tuple(sources[start : start + BATCH]), scratch / f"{start // BATCH:06d}.f32")
        for start in range(0, len(sources), BATCH)
    ]
    results = run_tasks(partial(decode_batch, params=params, role=role), batches, executor, description)
    for batch, outcomes in zip(batches, results, strict=True):
        with batch.scratch.open("rb") as file:
            for source, outcome in zip(batch.sources, outcomes, strict=True):
                if isinstance(outcome, str):
                    yield Reject(source.key, outcome)
                else:
                    yield _item(source, np.frombuffer(file.read(SAMPLE.itemsize * outcome), dtype=SAMPLE))
        batch.scratch.unlink()


def _item(source: Source, wave: Waveform) -> Item:
    span = None
    if source.span_s is not None:
        start, end = (min(max(round(at * SAMPLE_RATE), 0), wave.size) for at in source.span_s)
        span = (start, end) if 0 <= start < end and (start, end) != (0, wave.size) else None
    name = clip_id(source.key)
    custom = dict(source.custom)
    if name != source.key:
        custom["origin"] = source.key
    return Item(name, wave, source.text, source.speaker, source.language, source.gender, span=span, custom=custom)
