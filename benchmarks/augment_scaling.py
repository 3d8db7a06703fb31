"""Time the stages `augment` and `simulate_rirs` as they run: 1 and 2 workers, and memory as the corpus grows.

    python benchmarks/augment_scaling.py [--parents 600]

Words and noises are synthesised into a temporary project. Each run is a process of its own with an empty cache; its
memory is the largest resident size of it and of its workers, sampled every 50 ms. Times are of the wall clock: leave
the machine alone; CPU seconds (with the start of every process) say what it would have been.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.corpus import CorpusInfo, Item, write_corpus
from kwsdata.manifests import write_cuts
from kwsdata.params import load_params
from kwsdata.shards import shard_cuts, with_custom

PARAMS = Path(__file__).resolve().parents[1] / "params.yaml"
RUN = """
import json, sys, time
from pathlib import Path
from kwsdata.params import load_params
from kwsdata.{stage}.stage import run
if __name__ == "__main__":
    params = load_params(Path({params!r}))
    executor = params.executor.model_copy(update={{"kind": "processes", "workers": {workers}}})
    start = time.perf_counter()
    run(params.model_copy(update={{"executor": executor}}))
    print(json.dumps(time.perf_counter() - start))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parents", type=int, default=600, help="words; a third as many noises")
    arguments = parser.parse_args()
    rooms = load_params(PARAMS).simulate_rirs
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        for workers in (1, 2):
            spent, memory = timed("simulate_rirs", workers)
            rate = rooms.rooms / spent
            print(
                f"simulate_rirs  {workers} workers  {rate:6.1f} rooms/s of {rooms.sources_per_room} sources  {memory}"
            )
        for parents in (arguments.parents, 4 * arguments.parents):
            write_project(parents)
            first = None
            for workers in (1, 2):
                spent, memory = timed("augment", workers)
                first = first or spent
                clips = json.loads(Path("data/augmented/augment.json").read_text())["clips"]
                print(
                    f"augment  {parents} words  {workers} workers  {clips} clips in {spent:.1f} s: "
                    f"{clips / spent:.0f} clips/s, {first / spent:.2f} times 1 worker  {memory}",
                    flush=True,
                )


def voice(seed: int) -> Waveform:
    """Return a second of a voice-like sound."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    pitch = rng.uniform(90, 220)
    wave = sum(np.sin(2 * np.pi * k * pitch * time_s) / k for k in range(1, 20))
    return (0.15 * wave * np.abs(np.sin(2 * np.pi * 2 * time_s)) + 0.003 * rng.standard_normal(SAMPLE_RATE)).astype(
        np.float32
    )


def write_project(parents: int) -> None:
    """Write corpora of words, sentences and noises, and their train manifest, below the current directory."""
    sounds = {
        "words": ("keyword", parents, voice),
        "talk": ("speech", parents // 6, lambda seed: np.concatenate([voice(seed + k) for k in range(5)])),
        "street": (
            "noise",
            parents // 3,
            lambda seed: (0.1 * np.random.default_rng(seed).standard_normal(5 * SAMPLE_RATE)).astype(np.float32),
        ),
    }
    cuts = []
    for name, (label, count, make) in sounds.items():
        info = CorpusInfo(name, "folder", label, "CC0", "none", "made here", "known")  # type: ignore[arg-type]
        items = (Item(f"c{n:06d}", make(n), text="computer", speaker=f"s{n}") for n in range(count))
        write_corpus(Path("data/corpora") / name, info, items, 250, 0.0)
        cuts += [with_custom(cut, label=label) for cut in shard_cuts(Path("data/corpora") / name)]
    Path("data/split").mkdir(parents=True, exist_ok=True)
    write_cuts(Path("data/split/train.jsonl.gz"), cuts)


def timed(stage: str, workers: int) -> tuple[float, str]:
    """Return (seconds of the stage, its memory in words)."""
    script = Path(f"run_{stage}.py")
    script.write_text(RUN.format(stage=stage, params=str(PARAMS), workers=workers))
    cache = Path(f"cache-{time.time_ns()}")
    environment = os.environ | {"KWSDATA_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True
    )
    before = os.times()
    watched = psutil.Process(process.pid)
    largest: dict[int, int] = {}
    while process.poll() is None:
        try:
            for each in [watched, *watched.children(recursive=True)]:
                largest[each.pid] = max(largest.get(each.pid, 0), each.memory_info().rss)
        except psutil.Error:
            pass  # a worker that ended between the two calls
        time.sleep(0.05)
    assert process.stdout is not None
    spent = float(process.stdout.read().strip().splitlines()[-1])
    process.wait()
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    own = largest.pop(process.pid) >> 20
    others = max(largest.values(), default=0) >> 20
    return spent, f"CPU {cpu:.1f} s, {own} MB" + (f", a worker {others} MB" if workers > 1 else "")


if __name__ == "__main__":
    main()
