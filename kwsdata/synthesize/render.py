"""The plan in batches: each a file in the cache, named by the hash of its requests and the engine's version.

A batch is spoken once, by any worker, whole or not at all; an interruption costs the batches under way. Another keyword
changes the batches that say it, and no others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from kwsdata.audio import Waveform, decode_flac, encode_flac
from kwsdata.cache import entry
from kwsdata.executor import run_tasks
from kwsdata.files import atomic_path
from kwsdata.params import ExecutorParams
from kwsdata.reach import reach
from kwsdata.synthesize.engines import Request, load_engine

_FORMAT = 1  # raised when the sound that is stored for a request changes
_PEAK = 0.99  # louder sound is scaled down to this


@dataclass(frozen=True)
class Batch:
    """Requests of one engine that are spoken and stored together."""

    engine: str
    voices: tuple[str, ...]
    version: str
    requests: tuple[Request, ...]

    @property
    def path(self) -> Path:
        """Where the sound is kept."""
        rows = [sorted(asdict(request).items()) for request in self.requests]
        return entry("synthesize", _FORMAT, self.engine, self.version, rows, suffix=".npz")


def batches_of(engine: str, voices: tuple[str, ...], requests: Sequence[Request]) -> list[Batch]:
    """Cut `requests` of one engine, in order, into batches of its own size."""
    made = load_engine(engine, voices)
    return [
        Batch(engine, voices, made.version, tuple(requests[start : start + made.batch]))
        for start in range(0, len(requests), made.batch)
    ]


def speak_missing(batches: Sequence[Batch], executor: ExecutorParams) -> int:
    """Speak the batches that the cache lacks, in parallel. Returns how many there were."""
    missing = [batch for batch in batches if not batch.path.exists()]
    for _ in run_tasks(speak_batch, missing, executor, "synthesize", reads=()):
        pass
    return len(missing)


def speak_batch(batch: Batch) -> None:
    """Speak and store one batch: the FLAC bytes of all its clips, end to end, and where each begins."""
    engine = load_engine(batch.engine, batch.voices)
    packed = [_pack(engine.speak(request)) for request in batch.requests]
    ends = np.cumsum([len(data) for data in packed])
    with atomic_path(batch.path) as scratch, scratch.open("wb") as file:
        np.savez(file, ends=ends, flac=np.frombuffer(b"".join(packed), np.uint8))


def _pack(wave: Waveform) -> bytes:
    if not wave.size:
        return b""
    peak = float(np.abs(wave).max())
    return encode_flac(wave * np.float32(_PEAK / peak) if peak > _PEAK else wave)


def spoken(batch: Batch) -> Iterator[Waveform]:
    """Yield the sound [samples] of each request of a batch in the cache, in order; empty where synthesis failed."""
    with np.load(reach(batch.path)) as arrays:
        ends, data = arrays["ends"].tolist(), arrays["flac"].tobytes()
    for start, end in zip([0, *ends], ends, strict=False):
        yield decode_flac(data[start:end]) if end > start else np.zeros(0, np.float32)
