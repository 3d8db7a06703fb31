"""Freeze the streams of dev and test: keywords of the partition placed in the partition's negative sound."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lhotse import MonoCut

from kwsdata.audio import SAMPLE_RATE
from kwsdata.clips.fields import ClipFields
from kwsdata.clips.manifests import read_cuts
from kwsdata.clips.partitions import Partition
from kwsdata.clips.pieces import tars_of
from kwsdata.clips.shards import load_audio, shard_paths, write_shard
from kwsdata.clips.view import ClipView
from kwsdata.draws import digest_of, unit_for
from kwsdata.errors import PartitionError
from kwsdata.execution.executor import run_tasks
from kwsdata.files.atomic import atomic_path, sha256_of, write_json
from kwsdata.params import Params
from kwsdata.params.data import MakeTestsetsParams
from kwsdata.stages.make_testsets.noise_reverb import NAME, CellTask, cell_tasks, render_cell
from kwsdata.stages.make_testsets.plan import (
    StreamPlan,
    by_hash,
    pieces_of,
    plan_streams,
    within_hours,
    word_segment,
)
from kwsdata.stages.make_testsets.render import render

_MEASURED: tuple[Partition, ...] = ("dev", "test")


@dataclass(frozen=True)
class _StreamTask:
    """One planned stream of a clean set."""

    cut_id: str
    plan: StreamPlan
    keyword: str
    partition: Partition


@dataclass(frozen=True)
class _Task:
    """One stream to render and to write as shard `number` of the set `name` ("test/clean")."""

    root: Path
    name: str
    number: int
    content: _StreamTask | CellTask


def run(
    params: Params,
    split: Path = Path("data/split"),
    rirs: Path = Path("data/rirs"),
    out: Path = Path("data/testsets"),
) -> dict[str, Any]:
    """Write `out/{dev,test}/clean/`, `out/test/noise_reverb/` (shards of one stream) and `out/testsets.json`.

    Returns:
        The contents of testsets.json: per set what it is made of, and the hash that names this release of it.

    Raises:
        PartitionError: dev or test has no keyword, or no negative sound.
    """
    sets: dict[str, Any] = {}
    with atomic_path(out) as scratch:
        tasks: list[_Task] = []
        for partition in _MEASURED:
            clips = list(map(ClipView, read_cuts(split / f"{partition}.jsonl.gz")))
            chosen = choose_clips(partition, clips, params.make_testsets)
            plans, sets[f"{partition}/clean"] = plan_partition(chosen, params.make_testsets)
            tasks += [
                _Task(
                    scratch,
                    f"{partition}/clean",
                    number,
                    _StreamTask(_id(partition, number), plan, _word(params), partition),
                )
                for number, plan in enumerate(plans)
            ]
            if partition == "test" and params.noise_reverb.clips_per_cell:
                cells = _cells(chosen, params, rirs / partition)
                tasks += [_Task(scratch, f"test/{NAME}", number, cell) for number, cell in enumerate(cells)]
                sets[f"test/{NAME}"] = _describe_cells(cells)
        for name in sets:
            (scratch / name).mkdir(parents=True)
        hashes: dict[str, list[str]] = defaultdict(list)
        hours: dict[str, float] = defaultdict(float)
        rendered = run_tasks(_render, tasks, params.executor, "make_testsets", {rirs, *tars_of(_heard(tasks))})
        for task, (digest, seconds) in zip(tasks, rendered, strict=True):
            hashes[task.name].append(digest)
            hours[task.name] += seconds / 3600
        for name, summary in sets.items():
            summary |= {
                "streams": len(hashes[name]),
                "hours": round(hours[name], 4),
                "release": digest_of(*hashes[name]),
            }
        result = {"keyword": params.keyword.text, "sets": sets}
        write_json(scratch / "testsets.json", result)
    return result


def _id(partition: str, number: int) -> str:
    return f"{partition}-clean-{number:04d}"


def _word(params: Params) -> str:
    return params.keyword.text


def _render(task: _Task) -> tuple[str, float]:
    content = task.content
    if isinstance(content, CellTask):
        clip = render_cell(content)
    else:
        fields = ClipFields(set="clean", partition=content.partition)
        clip = render(content.cut_id, content.plan, content.keyword, fields)
    write_shard(task.root / task.name, task.number, [clip])
    return sha256_of(shard_paths(task.root / task.name, task.number)[0]), clip.cut.duration


def _heard(tasks: list[_Task]) -> Iterator[MonoCut]:
    """Yield the clips that sound in the streams of `tasks`."""
    for content in (task.content for task in tasks):
        if isinstance(content, CellTask):
            yield from (noise.cut for noise in content.noises)
            yield from (word.clip.cut for word in content.words)
        else:
            yield from (segment.clip.cut for segment in content.plan.segments)


def _cells(chosen: dict[str, list[ClipView]], params: Params, rirs: Path) -> list[CellTask]:
    words = [word_segment(clip) for clip in chosen["keyword"]]
    if not chosen["noise"]:
        raise PartitionError(
            "the test partition has no noise for the noise+reverb set: import a corpus of role noise, raise "
            "synthesize.noises.clips, or set noise_reverb.clips_per_cell to 0."
        )
    return cell_tasks(words, chosen["noise"], params.noise_reverb, params.make_testsets.seed, params.keyword.text, rirs)


def _describe_cells(cells: list[CellTask]) -> dict[str, Any]:
    positives: dict[str, int] = defaultdict(int)
    people = True
    for word in (word for cell in cells for word in cell.words):
        positives[word.clip.corpus] += 1
        people &= not word.clip.synthetic
    noises = {noise.id: noise for cell in cells for noise in cell.noises}.values()
    corpora = sorted({noise.corpus for noise in noises})
    return {
        "n_positive": sum(positives.values()),
        "positives": dict(sorted(positives.items())),
        "cells": len(cells),
        "noise_corpora": corpora,
        "people": people,
        "negatives_people": False,
    }


def choose_clips(partition: str, clips: list[ClipView], params: MakeTestsetsParams) -> dict[str, list[ClipView]]:
    """Return the clips of one partition that its sets are made of, by label.

    Recordings of people are taken where there are any, and synthetic sound only where there are none (unless
    `make_testsets.synthetic` says otherwise), for keywords, speech and noise each. Of dev's speech with one text,
    `make_testsets.dev_clips_per_text` clips are taken; test keeps all.

    Raises:
        PartitionError: no keyword or no speech is left.
    """
    chosen = {
        label: _choose([clip for clip in clips if clip.label == label], params.synthetic)
        for label in ("keyword", "speech", "noise")
    }
    if not chosen["keyword"] or not chosen["speech"]:
        missing = "keyword" if not chosen["keyword"] else "speech"
        raise PartitionError(
            f"the {partition} partition has no {missing} clip (make_testsets.synthetic = {params.synthetic}): import "
            "recordings, raise the counts in `synthesize`, or change `partitions`."
        )
    if partition == "dev" and params.dev_clips_per_text is not None:
        chosen["speech"] = _thinned(chosen["speech"], params.dev_clips_per_text, params.seed)
    return chosen


def _thinned(clips: list[ClipView], most: int, seed: int) -> list[ClipView]:
    """Return `clips` without those that say what `most` others of them say, in their order; which stay, hashes decide.

    A threshold follows from the few loudest of dev's false alarms. A word that was recorded a hundred times over would
    be all of them, and no device hears it so often.
    """
    texts: dict[str, list[ClipView]] = defaultdict(list)
    for clip in clips:
        if text := " ".join((s.text or "") for s in clip.cut.supervisions).strip().lower():
            texts[text].append(clip)
    out = set()
    for same in texts.values():
        order = sorted(same, key=lambda clip: unit_for(seed, "text", clip.audio_sha256))
        out |= {clip.id for clip in order[most:]}
    return [clip for clip in clips if clip.id not in out]


def plan_partition(
    chosen: dict[str, list[ClipView]], params: MakeTestsetsParams
) -> tuple[list[StreamPlan], dict[str, Any]]:
    """Return the streams of one partition's clean set and what they are made of."""
    words = by_hash([word_segment(clip) for clip in chosen["keyword"]], params.seed)
    speech = by_hash([piece for clip in chosen["speech"] for piece in pieces_of(clip, load_audio)], params.seed)
    noise = by_hash([piece for clip in chosen["noise"] for piece in pieces_of(clip, load_audio)], params.seed)
    speech = within_hours(speech, params.max_hours * (1 - params.noise_share))
    share = params.noise_share / (1 - params.noise_share)
    noise = within_hours(noise, share * sum(s.samples for s in speech) / SAMPLE_RATE / 3600)
    negatives = by_hash(speech + noise, params.seed + 1)
    plans, left_out = plan_streams(words, negatives, params.stream_s, params.gap_s)
    return plans, _describe(plans, left_out)


def _choose(clips: list[ClipView], synthetic: str) -> list[ClipView]:
    people = [clip for clip in clips if not clip.synthetic]
    if synthetic == "always":
        return clips
    return people if people or synthetic == "never" else clips


def _describe(plans: list[StreamPlan], left_out: int) -> dict[str, Any]:
    negatives: dict[str, float] = defaultdict(float)
    positives: dict[str, int] = defaultdict(int)
    people = {"positives": True, "negatives": True}
    for segment in (segment for plan in plans for segment in plan.segments):
        clip = segment.clip
        if segment.word is not None:
            positives[clip.corpus] += 1
            people["positives"] &= not clip.synthetic
        else:
            negatives[clip.corpus] += segment.samples / SAMPLE_RATE / 3600
            if clip.label == "speech":
                people["negatives"] &= not clip.synthetic
    return {
        "n_positive": sum(positives.values()),
        "positives": dict(sorted(positives.items())),
        "positives_left_out": left_out,
        "negatives": {corpus: round(hours, 4) for corpus, hours in sorted(negatives.items())},
        "people": people["positives"],
        "negatives_people": people["negatives"],
    }
