"""Measure each clip of a test set alone, from a new start of model and decoder.

A continuous stream starts once in ten minutes, so what a detector does at a start does not show there.

    alarm      of a clip without a keyword: any detection in its first `evaluate.start_s`, and `TAIL_S` of silence after
    early      of a keyword clip: a detection before the keyword is half said
    miss       of a keyword clip: a keyword without a detection in its time, as in streams

The clips are the segments of the set's streams, as rendered there (with 5 ms of fade at both ends).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from lhotse import MonoCut

from kwsdata.audio import SAMPLE_RATE
from kwsdata.clips.pieces import tars_of
from kwsdata.clips.shards import load_audio, shard_cuts
from kwsdata.clips.view import ClipView
from kwsdata.execution.executor import run_tasks
from kwsdata.files.site import reach
from kwsdata.params import ExecutorParams
from kwsdata.runtime.decoder import DecoderConfig, detections
from kwsdata.runtime.networks.model import TAIL_S, StreamingModel
from kwstrain.evaluation.events import outcomes
from kwstrain.evaluation.intervals import wilson
from kwstrain.evaluation.streams import TestStream, keywords_of
from kwstrain.evaluation.summary import number

SET = "starts"


@dataclass(frozen=True)
class _Task:
    cut: MonoCut
    partition: str
    model_dir: Path
    start_s: float


def score_starts(
    testsets: Path, name: tuple[str, str], model_dir: Path, start_s: float, executor: ExecutorParams
) -> list[TestStream]:
    """Return every clip of one set as a stream of its own, scored; its `cut_id` is its place in the set.

    Args:
        testsets: what `make_testsets` wrote.
        name: (partition, set).
        model_dir: the exported model.
        start_s: how much is heard of a clip without a keyword.
        executor: where the clips are scored.
    """
    tasks = [_Task(cut, name[0], model_dir, start_s) for cut in shard_cuts(testsets.joinpath(*name))]
    reads = {model_dir, *tars_of(task.cut for task in tasks)}
    return [start for found in run_tasks(_score_clips, tasks, executor, SET, reads) for start in found]


def _score_clips(task: _Task) -> list[TestStream]:
    """Return the clips of one stream, each heard by a model that was reset, and then half a second of silence."""
    model = StreamingModel(reach(task.model_dir))
    wave, words, found = load_audio(task.cut), keywords_of(task.cut), []
    tail = np.zeros(round(TAIL_S * SAMPLE_RATE), np.float32)
    for segment in ClipView(task.cut).segments:
        start_s, end_s = segment.start_s, segment.end_s
        own = [word for word in words if start_s <= word.start_s < end_s]
        if not own:
            end_s = min(end_s, start_s + task.start_s)
        sound = np.concatenate([wave[round(start_s * SAMPLE_RATE) : round(end_s * SAMPLE_RATE)], tail])
        model.reset()
        time_s, score = model.process(sound)
        own = [replace(word, start_s=word.start_s - start_s, end_s=word.end_s - start_s) for word in own]
        found.append(
            TestStream(
                task.partition,
                SET,
                f"{task.cut.id}@{start_s:.3f}",
                sound.size / SAMPLE_RATE,
                time_s,
                score,
                float(model.info["warm_up_s"]),
                own,
                [segment],
            )
        )
    return found


def measure_starts(
    starts: Sequence[TestStream], decoder: DecoderConfig, tolerance_s: float
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the numbers of `starts` with the decoder that ships, and one row a clip (see `evaluate`).

    Numbers: clips (without a keyword), alarms, alarms_per_start; keyword_clips, early, early_per_start; n_positive,
    misses, fnr; each share with the ends of its 95 % interval, _low95 and _high95.
    """
    rows = [_row(start, decoder, tolerance_s) for start in starts]
    others = [row for row in rows if not row["keywords"]]
    keyword_clips = [row for row in rows if row["keywords"]]
    alarms, early = (sum(row[kind] for row in rows) for kind in ("alarm", "early"))
    positives, misses = (sum(row[kind] for row in rows) for kind in ("keywords", "misses"))
    numbers: dict[str, Any] = {"clips": len(others), "alarms": alarms}
    numbers |= _share("alarms_per_start", alarms, len(others))
    numbers |= {"keyword_clips": len(keyword_clips), "early": early}
    numbers |= _share("early_per_start", early, len(keyword_clips))
    numbers |= {"n_positive": positives, "misses": misses} | _share("fnr", misses, positives)
    return numbers, rows


def _row(start: TestStream, decoder: DecoderConfig, tolerance_s: float) -> dict[str, Any]:
    scores = start.scores(decoder.rule)
    fired_s = scores.time_s[detections(scores.time_s, scores.vote, decoder.threshold, decoder.rule.lockout_s)]
    results, _ = outcomes(scores, decoder.threshold, decoder.rule.lockout_s, tolerance_s)
    half_said_s = min(((word.start_s + word.end_s) / 2 for word in start.keywords), default=0.0)
    (segment,) = start.segments
    return {
        "partition": start.partition,
        "clip": start.cut_id,
        "source": segment.source,
        "label": segment.label,
        "corpus": segment.corpus,
        "events_s": [round(float(time), 3) for time in fired_s],
        "keywords": len(results),
        "misses": sum(not result.hit for result in results),
        "early": bool(start.keywords and (fired_s < half_said_s).any()),
        "alarm": bool(not start.keywords and fired_s.size),
    }


def _share(name: str, count: int, total: int) -> dict[str, float | None]:
    low, high = wilson(count, total)
    share = count / total if total else np.nan
    return {name: number(share), f"{name}_low95": number(low), f"{name}_high95": number(high)}
