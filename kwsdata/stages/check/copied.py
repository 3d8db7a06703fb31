"""Rule `similar_sound`: the same recording in two partitions, whatever was done to it.

The clips of dev and test are written as `kwsdata.similarity.copies.held` keeps them, for as long as the stage runs.
Workers then measure the clips of each other partition and look for what is held in them.

Two clips that `synthesize` spoke here are two recordings, however alike: each voice is in one partition, and equal
samples are another rule's. They are not compared.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from lhotse import MonoCut

from kwsdata.audio import Waveform
from kwsdata.clips.pieces import tars_of
from kwsdata.clips.shards import load_audio, read_place
from kwsdata.execution.executor import run_tasks
from kwsdata.files.atomic import write_json
from kwsdata.files.site import reach
from kwsdata.params import ExecutorParams
from kwsdata.params.negatives import CopiesParams
from kwsdata.similarity.copies.held import Held, HeldWriter
from kwsdata.similarity.copies.search import Copy, find_copies
from kwsdata.stages.check.facts import Facts, Group, Measured, facts_in, groups_to_measure, measure_group
from kwsdata.stages.check.finding import Finding, exclusion

_CLIPS = "clips.json"
_SPOKEN_HERE = "data/synthetic/"  # where `synthesize` writes, and nothing else does
_NAMES = {"spectrum": "spectra", "waveform": "waveforms"}


@dataclass(frozen=True)
class HeldPartition:
    """The clips of one partition, as `PartitionWriter` left them in `directory` (an absolute path)."""

    partition: str
    directory: Path


class _Held(NamedTuple):
    """What is kept of a held clip, of its view."""

    cut_id: str
    place: str
    audio_sha256: str
    synthetic: bool


class PartitionWriter:
    """Keeps the clips of a partition, so that copies of them are found in others."""

    def __init__(self, partition: str, directory: Path) -> None:
        self.held = HeldPartition(partition, directory)
        self._writer = HeldWriter(directory)
        self._clips: list[_Held] = []
        self.tars: set[Path] = set()

    def add(self, facts: Facts) -> None:
        """Take in a clip."""
        clip = facts.clip
        self._writer.add(facts.spectrum)
        self._clips.append(_Held(clip.id, clip.place, clip.audio_sha256, clip.synthetic))
        self.tars |= tars_of([clip.cut])

    def close(self) -> HeldPartition:
        """Write what is left, and return where it lies."""
        self._writer.close()
        write_json(self.held.directory / _CLIPS, self._clips)
        return self.held


@dataclass(frozen=True)
class Found:
    """A clip of `partition`, heard in another one."""

    partition: str
    cut_id: str
    copy: Copy


@dataclass(frozen=True)
class _Task:
    group: Group
    held: tuple[HeldPartition, ...]
    params: CopiesParams


def find_in(
    cuts: Sequence[MonoCut],
    held: Sequence[HeldPartition],
    held_tars: set[Path],
    params: CopiesParams,
    executor: ExecutorParams,
    description: str,
) -> Iterator[tuple[Facts, list[Found]]]:
    """Yield the facts of each cut, in order, and the held clips that are heard in it.

    Args:
        cuts: what is listened to.
        held: what is looked for.
        held_tars: where the sound of that lies.
        params: the limits.
        executor: where it is done.
        description: what the progress bar says.
    """
    tasks = [_Task(group, tuple(held), params) for group in groups_to_measure(cuts)]
    reads = tars_of(cuts) | held_tars | {one.directory for one in held}
    for task, (measured, found) in zip(tasks, run_tasks(examine, tasks, executor, description, reads), strict=True):
        yield from zip(facts_in(task.group, measured), found, strict=True)


def examine(task: _Task) -> tuple[Measured, list[list[Found]]]:
    """Return what `measure_group` does, and for each cut the held clips that are heard in it."""
    measured = measure_group(task.group)
    found = [
        [each for one in task.held for each in _copies_in(facts, one, task)] if facts.fault is None else []
        for facts in (facts_in(task.group, measured) if task.held else ())
    ]
    return measured, found or [[] for _ in task.group.cuts]


def _copies_in(facts: Facts, one: HeldPartition, task: _Task) -> Iterator[Found]:
    held, clips = _opened(reach(one.directory))
    asked = facts.clip
    here = asked.place.startswith(_SPOKEN_HERE)
    if here and all(clip.place.startswith(_SPOKEN_HERE) for clip in clips):
        return

    def load_held(number: int) -> Waveform:
        return read_place(clips[number].place, clips[number].cut_id)

    def synthetic(number: int) -> bool:
        return asked.synthetic and clips[number].synthetic

    def load_asked() -> Waveform:
        return load_audio(asked.cut)

    for copy in find_copies(held, facts.spectrum, load_asked, load_held, task.params, synthetic):
        clip = clips[copy.held]
        both_here = here and clip.place.startswith(_SPOKEN_HERE)
        if clip.audio_sha256 != asked.audio_sha256 and not both_here:  # the same samples are another rule's
            yield Found(one.partition, clip.cut_id, copy)


@lru_cache(maxsize=2)
def _opened(directory: Path) -> tuple[Held, list[_Held]]:
    return Held(directory), [_Held(*row) for row in json.loads((directory / _CLIPS).read_bytes())]


def similar_sound(partition: str, facts: Facts, found: Sequence[Found]) -> Iterator[Finding]:
    """Yield a finding for each held clip that is heard in the clip of `facts`."""
    for one in found:
        yield exclusion(
            "similar_sound",
            f"{facts.clip.id} ({partition}) is {one.cut_id} ({one.partition}) again: {_described(one.copy)}",
            [facts.clip.id, one.cut_id],
            [facts.clip.id],
        )


def _described(copy: Copy) -> str:
    """Return how a copy was found, in words: how alike it is, where, and what seems to have been done to it."""
    shift_ms = 1000 * (copy.held_s - copy.asked_s * copy.speed)
    words = (
        f"over {copy.seconds:g} s their {_NAMES[copy.how]} agree to {copy.value:.2f}, at a shift of {shift_ms:+.0f} ms"
    )
    if abs(copy.speed - 1) >= 0.005:
        words += f", {100 * (copy.speed - 1):+.1f} % in speed"
    if abs(copy.semitones) >= 0.2:
        words += f", {copy.semitones:+.1f} semitones in pitch"
    return words
