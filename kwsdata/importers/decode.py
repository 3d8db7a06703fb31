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


def load_clips(sound: Sound, params: ImportParams, role: Role) -> list[Waveform | str]:
    """Return a sound as 16 kHz mono [samples], or why it cannot be used: channels averaged into one clip.

    Of an impulse response every channel is one: another microphone in the same room, which an average would
    comb-filter. A channel that equals one before it (mono, stored as stereo) is left out.

    Raises:
        AudioError: the sound cannot be decoded.
    """
    with sound.open() as opened:
        waves, rate = opened.read(), opened.rate
    if role != "rir" or waves.ndim == 1 or waves.shape[1] <= 1:
        return [_clip(waves, rate, params, role)]
    channels = {waves[:, channel].tobytes(): waves[:, channel : channel + 1] for channel in range(waves.shape[1])}
    return [_clip(channel, rate, params, role) for channel in channels.values()]


def _clip(waves: np.ndarray, rate: int, params: ImportParams, role: Role) -> Waveform | str:
    """Return `waves` [samples, channels] averaged at 16 kHz, or the reason why not."""
    reason = reason_to_reject(waves, rate, params, role)
    if reason is not None:
        return reason
    wave = resample(np.ascontiguousarray(waves.mean(axis=1, dtype=np.float32)), rate)
    if wave.size == 0:
        return f"empty ({len(waves)} samples at {rate} Hz are none at {SAMPLE_RATE} Hz)"
    return wave


def decode_batch(batch: Batch, *, params: ImportParams, role: Role) -> list[list[int | str]]:
    """Append each sound's samples to the scratch file; return each one's lengths, or why it has none."""
    outcomes: list[list[int | str]] = []
    with batch.scratch.open("wb") as file:
        for source in batch.sources:
            try:
                waves = load_clips(source.sound, params, role)
            except AudioError as error:
                waves = [str(error)]
            for wave in waves:
                if not isinstance(wave, str):
                    file.write(wave.astype(SAMPLE).tobytes())
            outcomes.append([wave if isinstance(wave, str) else wave.size for wave in waves])
    return outcomes


def decoded(
    sources: Sequence[Source],
    scratch: Path,
    params: ImportParams,
    role: Role,
    executor: ExecutorParams,
    description: str,
) -> Iterator[Item | Reject]:
    """Yield an Item or a Reject for each source, in order; `scratch` is a directory for files that come and go.

    An impulse response of several channels gives one for each: `NAME-ch1`, `NAME-ch2`, ..., all of the same room.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    batches = [
        Batch(tuple(sources[start : start + BATCH]), scratch / f"{start // BATCH:06d}.f32")
        for start in range(0, len(sources), BATCH)
    ]
    results = run_tasks(partial(decode_batch, params=params, role=role), batches, executor, description)
    for batch, outcomes in zip(batches, results, strict=True):
        with batch.scratch.open("rb") as file:
            for source, channels in zip(batch.sources, outcomes, strict=True):
                for number, outcome in enumerate(channels, start=1):
                    channel = number if len(channels) > 1 else None
                    if isinstance(outcome, str):
                        yield Reject(source.key + (f" channel {channel}" if channel else ""), outcome)
                    else:
                        wave = np.frombuffer(file.read(SAMPLE.itemsize * outcome), dtype=SAMPLE)
                        yield _item(source, wave, channel)
        batch.scratch.unlink()


def _item(source: Source, wave: Waveform, channel: int | None) -> Item:
    span = None
    if source.span_s is not None:
        start, end = (min(max(round(at * SAMPLE_RATE), 0), wave.size) for at in source.span_s)
        span = (start, end) if 0 <= start < end and (start, end) != (0, wave.size) else None
    name = clip_id(source.key, f"-ch{channel}" if channel else "")
    custom = dict(source.custom)
    if name != source.key:
        custom["origin"] = source.key
    if channel:
        custom["channel"] = channel
    return Item(name, wave, source.text, source.speaker, source.language, source.gender, span=span, custom=custom)
