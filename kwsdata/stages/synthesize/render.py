"""Speak the plan in batches, each a cache entry.

A batch is spoken once, by any worker, whole or not at all; an interruption costs the batches under way. Another keyword
changes the batches that say it, and no others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kwsdata.audio import Waveform, decode_flac, encode_flac
from kwsdata.execution.cache import Step
from kwsdata.execution.executor import run_tasks
from kwsdata.params import ExecutorParams
from kwsdata.stages.synthesize.engines import Request, load_engine

SPEAK = Step("synthesize", __name__, suffix=".npz")
_PEAK = 0.99  # louder sound is scaled down to this


@dataclass(frozen=True)
class Batch:
    """Requests of one engine that are spoken and stored together."""

    engine: str
    voices: tuple[str, ...]
    version: str
    requests: tuple[Request, ...]

    @property
    def key(self) -> dict[str, Any]:
        """What decides its sound."""
        return {"engine": self.engine, "version": self.version, "requests": [asdict(one) for one in self.requests]}

    @property
    def path(self) -> Path:
        """Where its sound is kept."""
        return SPEAK.path(**self.key)


def batches_of(engine: str, voices: tuple[str, ...], requests: Sequence[Request]) -> list[Batch]:
    """Cut `requests` of one engine, in order, into batches of its own size."""
    made = load_engine(engine, voices)
    return [
        Batch(engine, voices, made.version, tuple(requests[start : start + made.batch]))
        for start in range(0, len(requests), made.batch)
    ]


def speak_missing(batches: Sequence[Batch], executor: ExecutorParams) -> int:
    """Speak the batches that the cache lacks, in parallel. Returns how many there were."""
    missing = [batch for batch in batches if not SPEAK.has(**batch.key)]
    for _ in run_tasks(speak_batch, missing, executor, "synthesize", reads=()):
        pass
    return len(missing)


def speak_batch(batch: Batch) -> Path:
    """Return the file with the sound of one batch, spoken now unless the cache has it."""
    return SPEAK.get(partial(_speak, batch), **batch.key)


def _speak(batch: Batch, path: Path) -> None:
    """Write to `path` the FLAC bytes of all clips of `batch`, end to end, and where each ends."""
    engine = load_engine(batch.engine, batch.voices)
    packed = [_pack(engine.speak(request)) for request in batch.requests]
    ends = np.cumsum([len(data) for data in packed])
    np.savez(path, ends=ends, flac=np.frombuffer(b"".join(packed), np.uint8))


def _pack(wave: Waveform) -> bytes:
    if not wave.size:
        return b""
    peak = float(np.abs(wave).max())
    return encode_flac(wave * np.float32(_PEAK / peak) if peak > _PEAK else wave)


def read_speech(batch: Batch) -> Iterator[Waveform]:
    """Yield the sound [samples] of each request of a batch, in order; empty where synthesis failed."""
    with np.load(speak_batch(batch), allow_pickle=False) as arrays:
        ends, data = arrays["ends"].tolist(), arrays["flac"].tobytes()
    for start, end in zip([0, *ends], ends, strict=False):
        yield decode_flac(data[start:end]) if end > start else np.zeros(0, np.float32)
