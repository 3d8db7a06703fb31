"""Make the augmented copies of every train clip and mined window, on any executor, with the same bytes.

    data/augmented/shar/            a Lhotse Shar directory (16-bit FLAC); with `early_target_ms` also a field `early`
    data/augmented/augment.json     what was made

A clip `PARENT-a00` is the clip itself (in its lead and tail), `PARENT-a01`... are augmented; custom: parent,
parent_sha256, recipe, sources ([id, hash of its samples] of every sound and room that was mixed in), and what the
parent had. Each shard is made once and kept in the cache under the hash of its parents, recipes, sounds and code: an
interrupted run goes on where it was, and a changed corpus remakes its own shards.
"""

from collections import Counter
from pathlib import Path
from typing import Any

from kwsdata.audio import SAMPLE_RATE
from kwsdata.clips.shards import SHAR, shard_cuts
from kwsdata.effects import chain
from kwsdata.errors import StageInputError
from kwsdata.execution.cache import scratch_folder
from kwsdata.execution.executor import run_tasks
from kwsdata.files.atomic import atomic_path, link_or_copy, write_json
from kwsdata.params import Params
from kwsdata.stages.augment.plan import make_plan
from kwsdata.stages.augment.shard import ShardTask, make_shard
from kwsdata.transforms.engine import engine_for


def run(
    params: Params,
    train: Path = Path("data/split/train.jsonl.gz"),
    rirs: Path = Path("data/rirs/train"),
    mined: Path = Path("data/mined"),
    out: Path = Path("data/augmented"),
) -> dict[str, Any]:
    """Write `out` and return its `augment.json`: clips, hours, clips by label and by effect, shards.

    Raises:
        StageInputError: the train manifest or the rooms' bank is missing, or a pool that is named is empty.
    """
    block = params.augment
    for effect in chain.EFFECTS:
        if effect.needs == "rirs" and getattr(block.effects, effect.name).probability > 0 and not rirs.is_dir():
            raise StageInputError(
                f"{rirs} is missing: type `dvc repro simulate_rirs`, or set augment.effects.{effect.name}.probability "
                "to 0."
            )
    engine_for(block.engine, block.device)  # what is missing is said now, not by a worker
    counts: Counter[str] = Counter()
    with scratch_folder("plan") as scratch:
        plan = make_plan(train, block, scratch, shard_cuts(mined))
        tasks = [
            ShardTask(plan.rows, group, sound, plan.pools, rirs.absolute(), Path.cwd(), block)
            for group, sound in zip(plan.groups, plan.sounds, strict=True)
        ]
        reads = [plan.rows, plan.pools, rirs, *plan.tars]
        with atomic_path(out) as made:
            (made / SHAR).mkdir(parents=True)
            results = run_tasks(make_shard, tasks, params.executor, "augment", reads)
            for number, (shard, shard_counts) in enumerate(results):
                for file in sorted(shard.iterdir()):
                    link_or_copy(file, made / SHAR / file.name.replace("000000", f"{number:06d}"))
                counts.update(shard_counts)
            summary = _summary(counts, len(tasks))
            write_json(made / "augment.json", summary)
    return summary


def _summary(counts: Counter[str], shards: int) -> dict[str, Any]:
    def part(kind: str) -> dict[str, int]:
        return {
            key.removeprefix(f"{kind} "): value for key, value in sorted(counts.items()) if key.startswith(f"{kind} ")
        }

    return {
        "clips": counts["clips"],
        "hours": round(counts["samples"] / SAMPLE_RATE / 3600, 4),
        "shards": shards,
        "labels": part("label"),
        "effects": part("effect"),
    }
