"""Decode, check, mix down, resample and encode many sounds in parallel, in bounded memory.

A batch is a pure function of its sources: a worker appends FLAC to a scratch file, and the caller reads it back in
order, so that any number of workers gives the same clips and only names and lengths travel between processes.
"""

import hashlib
import io
import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

import numpy as np

from kwsdata.audio import SAMPLE_RATE, Waveform, flac_writer, to_int16
from kwsdata.clips.corpus import Item, Reject, Role
from kwsdata.clips.fields import ClipFields
from kwsdata.clips.shards import Encoded
from kwsdata.errors import AudioError
from kwsdata.execution.executor import run_tasks
from kwsdata.importers.source import Sound, Source, clip_id
from kwsdata.measures.quality import Gauge
from kwsdata.measures.word_span import WordFinder
from kwsdata.params import ExecutorParams, ImportParams
from kwsdata.soundfiles.channels import ChannelPowers, at_project_rate, one_channel
from kwsdata.soundfiles.reader import OpenSound

LOG = logging.getLogger(__name__)
BATCH = 100  # sounds a task
_COPIED = 1 << 20  # bytes at a time
_IN_MEMORY = 8 << 20  # bytes of one clip's FLAC; a longer clip waits on the disk for its verdict


@dataclass(frozen=True)
class Batch:
    """One task: some sounds, and the scratch file for their clips."""

    sources: tuple[Source, ...]
    scratch: Path


@dataclass(frozen=True)
class Decoded:
    """One clip in a scratch file: its FLAC bytes, its samples, their hash, and the word in it if it was looked for.

    `channel`: the one that was taken (from 1), where the channels cancel each other.
    """

    size: int
    samples: int
    sha256: str
    word: tuple[int, int] | None = None
    channel: int | None = None


@dataclass(frozen=True)
class Making:
    """What becomes of every sound of an import. `find_word`: look for the word in a recording of one."""

    params: ImportParams
    role: Role
    find_word: bool = False

    @property
    def bits(self) -> int:
        """Bits a sample: the tail of an impulse response lies under 16."""
        return 24 if self.role == "rir" else 16


def decode_batch(batch: Batch, *, making: Making) -> list[list[Decoded | str]]:
    """Append each sound's clips to the scratch file; return what they are, or why there is none."""
    with batch.scratch.open("wb") as file:
        return [_clips(source.sound, making, file) for source in batch.sources]


def _clips(sound: Sound, making: Making, file: IO[bytes]) -> list[Decoded | str]:
    """Append the clips of one sound to `file`: its channels averaged into one clip, or the loudest where they cancel.

    Of an impulse response every channel is one: another microphone in the same room, which an average would
    comb-filter. A channel that equals one before it (mono, stored as stereo) is left out.
    """
    if making.role != "rir":
        return [_clip(sound, making, file)]
    try:
        channels = _distinct_channels(sound)
    except AudioError as error:
        return [str(error)]
    return [_clip(sound, making, file, pick) for pick in channels]


def _distinct_channels(sound: Sound) -> list[int]:
    """Return the numbers (from 0) of the channels that differ from all before them."""
    with sound.open() as opened:
        hashes = [hashlib.sha256() for _ in range(opened.channels)]
        for block in opened.blocks():
            for channel, digest in enumerate(hashes):
                digest.update(np.ascontiguousarray(block[:, channel]).data)
    first = {digest.digest(): channel for channel, digest in reversed(list(enumerate(hashes)))}
    return sorted(first.values())


def _clip(sound: Sound, making: Making, file: IO[bytes], pick: int | None = None) -> Decoded | str:
    """Append a sound, or its channel `pick` (from 0), to `file` as FLAC; return what it is, or why it is left out."""
    with SpooledTemporaryFile(_IN_MEMORY) as encoded:
        try:
            with sound.open() as opened:
                take = _Take(opened, making, pick)
                take.encode(encoded)
        except AudioError as error:
            return str(error)
        loudest = take.powers.loudest_if_cancelling()
        if loudest is not None:
            again = _clip(sound, making, file, loudest)
            return again if isinstance(again, str) else replace(again, channel=loudest + 1)
        reason = take.reason()
        if reason is not None:
            return reason
        size = encoded.seek(0, io.SEEK_END)
        encoded.seek(0)
        shutil.copyfileobj(encoded, file, _COPIED)
        return Decoded(size, take.samples, take.digest.hexdigest(), take.word.span() if making.find_word else None)


class _Take:
    """One way through a sound, block by block: measured, mixed, resampled, encoded."""

    def __init__(self, opened: OpenSound, making: Making, pick: int | None) -> None:
        self._opened, self._making, self._pick = opened, making, pick
        channels = opened.channels if pick is None else 1
        self._gauge = Gauge(opened.rate, channels, making.params)
        self._gauge.check_duration(opened.frames or 0)
        self.powers = ChannelPowers(channels)
        self.digest, self.word, self.samples = hashlib.sha256(), WordFinder(), 0

    def encode(self, file: IO[bytes]) -> None:
        """Write the sound to `file` as FLAC, 16 kHz, one channel."""
        with flac_writer(file, bits=self._making.bits) as write:
            for wave in at_project_rate(self._mixed(), self._opened.rate):
                write(wave)
                self.samples += wave.size
                self.digest.update(to_int16(wave).data)
                if self._making.find_word:
                    self.word.add(wave)

    def _mixed(self) -> Iterator[Waveform]:
        for block in self._opened.blocks():
            if self._pick is not None:
                block = block[:, self._pick : self._pick + 1]
            self._gauge.check(block)
            self.powers.add(block)
            mono = one_channel(block)
            self._gauge.add(block, mono)
            yield mono

    def reason(self) -> str | None:
        """Return why the sound cannot be used, None if it can."""
        reason = self._gauge.reason(self._making.role)
        if reason is None and not self.samples:
            return f"empty (too short for a sample at {SAMPLE_RATE} Hz)"
        return reason


def decode_sources(
    sources: Sequence[Source], scratch: Path, making: Making, executor: ExecutorParams, description: str
) -> Iterator[Item | Reject]:
    """Yield an Item or a Reject for each source, in order; `scratch` is a directory for files that come and go.

    The sound of an item lies in such a file until the next one is asked for. An impulse response of several channels
    gives an item for each: `NAME-ch1`, `NAME-ch2`, ..., all of the same room.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    batches = [
        Batch(tuple(sources[start : start + BATCH]), scratch / f"{start // BATCH:06d}.flac")
        for start in range(0, len(sources), BATCH)
    ]
    cancelling: list[str] = []
    results = run_tasks(partial(decode_batch, making=making), batches, executor, description)
    for batch, outcomes in zip(batches, results, strict=True):
        offset = 0
        for source, clips in zip(batch.sources, outcomes, strict=True):
            for number, clip in enumerate(clips, start=1):
                channel = number if len(clips) > 1 else None
                if isinstance(clip, str):
                    yield Reject(source.key + (f" channel {channel}" if channel else ""), clip)
                    continue
                if clip.channel is not None:
                    cancelling.append(source.key)
                yield _item(source, clip, Encoded(batch.scratch, offset, clip.size, clip.samples, clip.sha256), channel)
                offset += clip.size
        batch.scratch.unlink()
    if cancelling:
        LOG.warning(
            "%s: the channels of %d sounds cancel each other (the first: %s); the loudest alone was taken.",
            *(description, len(cancelling), cancelling[0]),
        )


def _item(source: Source, clip: Decoded, sound: Encoded, channel: int | None) -> Item:
    span = None
    if source.span_s is not None:
        start, end = (min(max(round(at * SAMPLE_RATE), 0), clip.samples) for at in source.span_s)
        span = (start, end) if 0 <= start < end and (start, end) != (0, clip.samples) else None
    if span is None and clip.word != (0, clip.samples):
        span = clip.word
    name = clip_id(source.key, f"-ch{channel}" if channel else "")
    fields = source.fields
    if name != source.key:
        fields = fields | ClipFields(origin=source.key)
    if taken := channel or clip.channel:
        fields = fields | ClipFields(channel=taken)
    return Item(name, sound, source.text, source.speaker, source.language, source.gender, span, fields)
