"""Rule `same_voice`: speakers in two partitions whose voices are alike, perhaps one person.

Some seconds of each speaker of a corpus are put together without their pauses and made one vector (`voice_network`),
by workers, with the cache. Speakers are compared by the cosine of their vectors. Noise, synthetic voices and clips
without a speaker are left out. It warns alone: strangers have alike voices too (docs/mining.md has the rates).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from lhotse import MonoCut

from kwsdata.audio import SAMPLE_RATE
from kwsdata.clips.content import file_hash
from kwsdata.clips.partitions import PARTITIONS, fold_name
from kwsdata.clips.pieces import digest_of_places, tars_of
from kwsdata.clips.shards import load_audio
from kwsdata.clips.view import ClipView
from kwsdata.errors import MissingExtraError
from kwsdata.execution.cache import Step
from kwsdata.execution.executor import run_tasks
from kwsdata.params import ExecutorParams
from kwsdata.params.negatives import VoicesParams
from kwsdata.stages.check.finding import Finding
from kwsdata.stages.check.voice_network import DIM, VoiceNetwork, speech_of, weights_file

VOICES = Step("voices", __name__, suffix=".npz")
_AT_ONCE = 16  # speakers of a task
_MOST = 50  # pairs that are reported, the likest
_BLOCK = 2000  # speakers compared at a time


@dataclass(frozen=True)
class Speaker:
    """Some clips of one speaker of a corpus, in the order of the manifest."""

    corpus: str
    partition: str
    identity: str
    name: str
    cuts: tuple[MonoCut, ...]


def same_voices(cuts: Mapping[str, Iterable[MonoCut]], params: VoicesParams, executor: ExecutorParams) -> list[Finding]:
    """Return a finding for each two speakers of different partitions whose voices are alike, the likest first.

    Raises:
        MissingExtraError: the extra `voices` is not installed.
    """
    if weights_file() is None:
        raise MissingExtraError("resemblyzer", "voices", "check.fail: same_voice")
    speakers = list(speakers_of(cuts, params.listen_s))
    vectors, seconds = voices_of(speakers, params, executor)
    heard = [number for number, length in enumerate(seconds) if length >= params.min_s]
    pairs = _alike([speakers[number] for number in heard], vectors[heard], params.min_alike)
    return [_finding(*pair, params.min_alike) for pair in pairs[:_MOST]]


def speakers_of(cuts: Mapping[str, Iterable[MonoCut]], listen_s: float) -> Iterator[Speaker]:
    """Yield the people of each corpus and partition, each with clips of `listen_s` seconds, or with all it has."""
    for partition in cuts:
        found: dict[tuple[str, str], list[MonoCut]] = {}
        lengths: dict[tuple[str, str], float] = {}
        for cut in cuts[partition]:
            clip = ClipView(cut)
            if clip.who and clip.speaker and clip.is_person:
                who = (clip.corpus, fold_name(clip.who))
                if lengths.setdefault(who, 0.0) < listen_s:
                    found.setdefault(who, []).append(cut)
                    lengths[who] += cut.recording.duration
        for (corpus, identity), own in found.items():
            yield Speaker(corpus, partition, identity, str(ClipView(own[0]).speaker), tuple(own))


@dataclass(frozen=True)
class _Task:
    speakers: tuple[tuple[MonoCut, ...], ...]
    listen_s: float
    network: str
    sound: str


def voices_of(speakers: list[Speaker], params: VoicesParams, executor: ExecutorParams) -> tuple[np.ndarray, np.ndarray]:
    """Return (vectors, float32 [speakers, 256]; seconds of speech each is made of, float32 [speakers])."""
    network = file_hash(weights_file() or Path())
    groups = [tuple(one.cuts for one in speakers[at : at + _AT_ONCE]) for at in range(0, len(speakers), _AT_ONCE)]
    tasks = [
        _Task(group, params.listen_s, network, digest_of_places(cut for own in group for cut in own))
        for group in groups
    ]
    reads = tars_of(cut for one in speakers for cut in one.cuts)
    vectors, seconds = [np.zeros((0, DIM), np.float32)], [np.zeros(0, np.float32)]
    for path in run_tasks(_voices_in, tasks, executor, "check voices", reads):
        with np.load(path, allow_pickle=False) as file:
            vectors.append(file["vectors"])
            seconds.append(file["seconds"])
    return np.concatenate(vectors), np.concatenate(seconds)


def _voices_in(task: _Task) -> Path:
    counts = [len(own) for own in task.speakers]
    return VOICES.get(
        partial(_keep_voices, task), sound=task.sound, clips=counts, listen_s=task.listen_s, network=task.network
    )


def _keep_voices(task: _Task, path: Path) -> None:
    vectors, seconds = np.zeros((len(task.speakers), DIM), np.float32), np.zeros(len(task.speakers), np.float32)
    for number, own in enumerate(task.speakers):
        speech = np.concatenate([speech_of(load_audio(cut)) for cut in own])[: round(task.listen_s * SAMPLE_RATE)]
        if speech.size:
            vectors[number], seconds[number] = _network().embed(speech), speech.size / SAMPLE_RATE
    np.savez(path, vectors=vectors, seconds=seconds)


@lru_cache(maxsize=1)
def _network() -> VoiceNetwork:
    return VoiceNetwork()


def _alike(speakers: list[Speaker], vectors: np.ndarray, least: float) -> list[tuple[Speaker, Speaker, float]]:
    """Return (speaker, other one, cosine) of the pairs of different names in different partitions, likest first."""
    order: list[str] = list(PARTITIONS)
    home = np.asarray([order.index(one.partition) for one in speakers])
    who = np.asarray([one.identity for one in speakers])
    found = []
    for start in range(0, len(speakers), _BLOCK):
        cosine = vectors[start : start + _BLOCK] @ vectors.T
        apart = (home[start : start + _BLOCK, None] < home) & (who[start : start + _BLOCK, None] != who)
        for row, column in np.argwhere(apart & (cosine >= least)).tolist():
            found.append((speakers[start + row], speakers[column], float(cosine[row, column])))
    return sorted(found, key=lambda pair: -pair[2])


def _finding(one: Speaker, other: Speaker, cosine: float, limit: float) -> Finding:
    return Finding(
        "same_voice",
        f"{one.name} ({one.partition}) and {other.name} ({other.partition}) have alike voices: {cosine:.3f}, limit "
        f"{limit:g}",
        [cut.id for speaker in (one, other) for cut in speaker.cuts],
        "listen to both; if they are one person, put "
        f"{' and '.join(sorted({one.corpus, other.corpus}))} whole into one partition with `split.whole` in "
        "params.yaml, then type `dvc repro`",
    )
