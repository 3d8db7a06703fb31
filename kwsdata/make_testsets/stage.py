"""Freeze the streams of dev and test: keywords of the partition placed in the partition's negative sound."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lhotse import MonoCut

from kwsdata.audio import SAMPLE_RATE
from kwsdata.errors import PartitionError
from kwsdata.executor import run_tasks
from kwsdata.files import atomic_path, sha256_of, write_json
from kwsdata.make_testsets.plan import (
    StreamPlan,
    by_hash,
    pieces_of,
    plan_streams,
    within_hours,
    word_segment,
)
from kwsdata.make_testsets.render import render
from kwsdata.manifests import read_cuts
from kwsdata.params import Params
from kwsdata.params.data import MakeTestsetsParams
from kwsdata.shards import load_audio, shard_paths, write_shard


@dataclass(frozen=True)
class _Task:
    """One stream to render: stream `number` of the set in `directory`."""

    directory: Path
    number: int
    cut_id: str
    plan: StreamPlan
    keyword: str
    custom: tuple[tuple[str, str], ...]


def run(params: Params, split: Path = Path("data/split"), out: Path = Path("data/testsets")) -> dict[str, Any]:
    """Write `out/{dev,test}/clean/` (shards of one stream each) and `out/testsets.json`; return the latter.

    Raises:
        PartitionError: dev or test has no keyword, or no negative sound.
    """
    sets: dict[str, Any] = {}
    with atomic_path(out) as scratch:
        tasks: list[_Task] = []
        for partition in ("dev", "test"):
            cuts = list(read_cuts(split / f"{partition}.jsonl.gz"))
            plans, summary = plan_partition(partition, cuts, params.make_testsets)
            name = f"{partition}/clean"
            custom = (("set", "clean"), ("partition", partition))
            tasks += [
                _Task(scratch / name, number, f"{partition}-clean-{number:04d}", plan, params.keyword.text, custom)
                for number, plan in enumerate(plans)
            ]
            sets[name] = summary
        for task in tasks:
            task.directory.mkdir(parents=True, exist_ok=True)
        hashes: dict[str, list[str]] = defaultdict(list)
        for name, digest in run_tasks(_render_task, tasks, params.executor, "make_testsets"):
            hashes[name].append(digest)
        for name, summary in sets.items():
            summary["sha256"] = hashes[name]
        result = {"keyword": params.keyword.text, "sets": sets}
        write_json(scratch / "testsets.json", result)
    return result


def _render_task(task: _Task) -> tuple[str, str]:
    clip = render(task.cut_id, task.plan, task.keyword, dict(task.custom))
    write_shard(task.directory, task.number, [clip])
    fields = dict(task.custom)
    return f"{fields['partition']}/{fields['set']}", sha256_of(shard_paths(task.directory, task.number)[0])


def plan_partition(
    partition: str, cuts: list[MonoCut], params: MakeTestsetsParams
) -> tuple[list[StreamPlan], dict[str, Any]]:
    """Return the streams of one partition and what they are made of.

    Recordings of people are taken where there are any, and synthetic sound only where there are none (unless
    `make_testsets.synthetic` says otherwise), for keywords, speech and noise each.
    """
    chosen = {
        label: _choose([cut for cut in cuts if (cut.custom or {})["label"] == label], params.synthetic)
        for label in ("keyword", "speech", "noise")
    }
    if not chosen["keyword"] or not chosen["speech"]:
        missing = "keyword" if not chosen["keyword"] else "speech"
        raise PartitionError(
            f"the {partition} partition has no {missing} clip (make_testsets.synthetic = {params.synthetic}): import "
            "recordings, raise the counts in `synthesize`, or change `partitions`."
        )
    words = by_hash([word_segment(cut) for cut in chosen["keyword"]], params.seed)
    speech = by_hash([piece for cut in chosen["speech"] for piece in pieces_of(cut, load_audio)], params.seed)
    noise = by_hash([piece for cut in chosen["noise"] for piece in pieces_of(cut, load_audio)], params.seed)
    speech = within_hours(speech, params.max_hours * (1 - params.noise_share))
    share = params.noise_share / (1 - params.noise_share)
    noise = within_hours(noise, share * sum(s.samples for s in speech) / SAMPLE_RATE / 3600)
    negatives = by_hash(speech + noise, params.seed + 1)
    plans, left_out = plan_streams(words, negatives, params.stream_s, params.gap_s)
    return plans, _describe(plans, left_out)


def _choose(cuts: list[MonoCut], synthetic: str) -> list[MonoCut]:
    people = [cut for cut in cuts if not (cut.custom or {}).get("synthetic")]
    if synthetic == "always":
        return cuts
    return people if people or synthetic == "never" else cuts


def _describe(plans: list[StreamPlan], left_out: int) -> dict[str, Any]:
    negatives: dict[str, float] = defaultdict(float)
    positives: dict[str, int] = defaultdict(int)
    people = {"positives": True, "negatives": True}
    for segment in (segment for plan in plans for segment in plan.segments):
        custom = segment.cut.custom or {}
        if segment.word is not None:
            positives[custom["corpus"]] += 1
            people["positives"] &= not custom.get("synthetic")
        else:
            negatives[custom["corpus"]] += segment.samples / SAMPLE_RATE / 3600
            if custom["label"] == "speech":
                people["negatives"] &= not custom.get("synthetic")
    return {
        "streams": len(plans),
        "hours": round(sum(plan.samples for plan in plans) / SAMPLE_RATE / 3600, 4),
        "n_positive": sum(positives.values()),
        "positives": dict(sorted(positives.items())),
        "positives_left_out": left_out,
        "negatives": {corpus: round(hours, 4) for corpus, hours in sorted(negatives.items())},
        "people": people["positives"],
        "negatives_people": people["negatives"],
    }
