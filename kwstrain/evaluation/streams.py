"""Stream test sets through the exported model: one task a stream, any number of workers, the same scores."""

import math
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from lhotse import MonoCut

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.clips.fields import StreamSegment
from kwsdata.clips.pieces import tars_of
from kwsdata.clips.shards import load_audio, shard_cuts
from kwsdata.clips.view import ClipView
from kwsdata.errors import StageInputError
from kwsdata.execution.executor import run_tasks
from kwsdata.files.atomic import read_json
from kwsdata.files.site import reach
from kwsdata.params import ExecutorParams, StreamingParams
from kwsdata.runtime.decoder import votes, warming_up
from kwsdata.runtime.networks.description import DEFAULT
from kwsdata.runtime.networks.model import StreamingModel
from kwsdata.transforms.levels import active_level
from kwstrain.evaluation.det import StreamScores

PARTITIONS = ("dev", "test")
QUIETEST = 1e-5  # level of digital silence, for a finite number of dB


@dataclass(frozen=True)
class Keyword:
    """One event of a stream: its time, the clip it came from, and the conditions it is heard in.

    level_dbfs: active level of the sound in its time (see `kwsdata.transforms.levels`); None where nobody measured it.
    """

    start_s: float
    end_s: float
    source: str | None
    conditions: dict[str, float]
    level_dbfs: float | None = None


@dataclass(frozen=True)
class TestStream:
    """One stream of a test set, scored: time_s float64 and score float32 [decisions]."""

    __test__ = False  # not a test case, whatever pytest makes of its name

    partition: str
    set: str
    cut_id: str
    duration_s: float
    time_s: np.ndarray
    score: np.ndarray
    warm_up_s: float  # of the model's decoder
    keywords: list[Keyword]
    segments: list[StreamSegment] = field(default_factory=list)

    def scores(self, streaming: StreamingParams) -> StreamScores:
        """Return the stream voted on, as the metrics read it."""
        warm_up = warming_up(self.time_s, self.warm_up_s)
        vote = votes(self.score, streaming, warm_up)
        return StreamScores(self.time_s, vote, [(word.start_s, word.end_s) for word in self.keywords], self.duration_s)

    def segment_at(self, time_s: float) -> StreamSegment | None:
        """Return the segment that sounds at `time_s`, None where the stream does not say."""
        return next((part for part in self.segments if part.start_s <= time_s < part.end_s), None)


@dataclass(frozen=True)
class _Task:
    cut: MonoCut
    partition: str
    set: str
    model_dir: Path
    chunk_s: float
    file: str = DEFAULT


def score_testsets(
    testsets: Path,
    model_dir: Path,
    chunk_s: float,
    executor: ExecutorParams,
    file: str = DEFAULT,
    names: Collection[str] | None = None,
) -> dict[tuple[str, str], list[TestStream]]:
    """Return the scored streams of every set: {(partition, set): streams}, dev before test, sets in listed order.

    Args:
        testsets: what `make_testsets` wrote.
        model_dir, file: the model, and which of its files runs.
        chunk_s: of sound that the model is given at a time.
        executor: where the streams are scored.
        names: of sets, in any partition; all where it is None.

    Raises:
        StageInputError: a set that testsets.json lists has no stream, or the model cannot be loaded or gives NaN.
    """
    tasks = []
    for partition, name in listed_sets(testsets):
        if names is not None and name not in names:
            continue
        cuts = list(shard_cuts(testsets / partition / name))
        if not cuts:
            raise StageInputError(f"{testsets / partition / name} holds no stream: type `dvc repro make_testsets`.")
        tasks += [_Task(cut, partition, name, model_dir, chunk_s, file) for cut in cuts]
    scored: dict[tuple[str, str], list[TestStream]] = {}
    reads = {model_dir, *tars_of(task.cut for task in tasks)}
    for stream in run_tasks(score_stream, tasks, executor, "evaluate", reads):
        scored.setdefault((stream.partition, stream.set), []).append(stream)
    return scored


def listed_sets(testsets: Path) -> list[tuple[str, str]]:
    """Return the (partition, set) pairs of testsets.json: dev first, `clean` first in each.

    Raises:
        StageInputError: testsets.json is missing, or lists no dev/clean or no test set.
    """
    names = [tuple(name.split("/", 1)) for name in read_json(testsets / "testsets.json")["sets"]]
    if ("dev", "clean") not in names or not any(partition == "test" for partition, _ in names):
        raise StageInputError(
            f"{testsets / 'testsets.json'} lists {['/'.join(name) for name in names]}; the threshold needs dev/clean "
            "and the numbers need at least one test set: type `dvc repro make_testsets`."
        )
    return sorted(names, key=lambda name: (PARTITIONS.index(name[0]), name[1] != "clean", name[1]))


def score_stream(task: _Task) -> TestStream:
    """Run a fresh model over one stream, `chunk_s` at a time."""
    model = StreamingModel(reach(task.model_dir), file=task.file)
    wave = load_audio(task.cut)
    chunk = max(1, round(task.chunk_s * SAMPLE_RATE))
    parts = [model.process(wave[start : start + chunk]) for start in range(0, wave.size, chunk)]
    score = np.concatenate([part[1] for part in parts])
    if score.size < 2:
        raise StageInputError(f"{task.cut.id} lasts {wave.size / SAMPLE_RATE:g} s, too short to be a test stream.")
    if not np.isfinite(score).all():
        raise StageInputError(
            f"{task.model_dir} gives NaN on {task.cut.id}: its training diverged; lower the learning rate."
        )
    return TestStream(
        task.partition,
        task.set,
        task.cut.id,
        wave.size / SAMPLE_RATE,
        np.concatenate([part[0] for part in parts]),
        score,
        float(model.info["warm_up_s"]),
        [replace(word, level_dbfs=_level_dbfs(wave, word)) for word in keywords_of(task.cut)],
        ClipView(task.cut).segments,
    )


def _level_dbfs(wave: Waveform, word: Keyword) -> float:
    level = active_level(wave[round(word.start_s * SAMPLE_RATE) : round(word.end_s * SAMPLE_RATE)])
    return 20 * math.log10(max(level, QUIETEST))


def keywords_of(cut: MonoCut) -> list[Keyword]:
    """Return the keyword events of a stream, in order of time."""
    clip = ClipView(cut)
    words = [
        Keyword(*event.span_s, event.source, clip.conditions | event.conditions)
        for event in clip.events
        if event.is_keyword
    ]
    return sorted(words, key=lambda word: word.start_s)
