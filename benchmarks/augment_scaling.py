"""Time the stages `augment` and `simulate_rirs` as they run: 1 and 2 workers, and memory as the corpus grows.

    python benchmarks/augment_scaling.py [--parents 600 2400]    # memory as the corpus grows
    python benchmarks/augment_scaling.py --parents 6000          # enough work for the clock, on a quiet machine

Words and noises are synthesised into a temporary project. Each run is a process of its own with an empty cache; its
memory is the largest resident size of it and of its workers, sampled every 50 ms.

Two times are given. One is the wall clock's, which means something on a machine that does nothing else (its load is
printed first): of the whole stage, and from the workers' start on, when what they need has been imported. The other is
the longest chain of CPU time: of the stage's own process (without its imports), of the server that imports for the
workers, and of the busiest worker. It is what the wall clock would show if every process had a core to itself, and
holds on a contended machine too; that workers slow each other down through caches and memory is in it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.clips.corpus import CorpusInfo, Item, write_corpus
from kwsdata.clips.manifests import with_fields, write_cuts
from kwsdata.clips.shards import shard_cuts
from kwsdata.params import load_params

PARAMS = Path(__file__).resolve().parents[1] / "params.yaml"
_OURS_MB = 50  # what else a process starts (a shell, a tracker of resources) is smaller
RUN = """
import json, sys, time
from pathlib import Path
from kwsdata.params import load_params
from kwsdata.{stage}.stage import run
if __name__ == "__main__":
    params = load_params(Path({params!r}))
    executor = params.executor.model_copy(update={{"kind": "processes", "workers": {workers}}})
    start, start_cpu = time.perf_counter(), time.process_time()
    rooms = params.simulate_rirs.model_copy(update={{"rooms": {rooms}}})
    augment = params.augment.model_copy(update={{"clips_per_shard": {clips_per_shard}}})
    run(params.model_copy(update={{"executor": executor, "simulate_rirs": rooms, "augment": augment}}))
    print(json.dumps([time.perf_counter() - start, time.process_time() - start_cpu, time.time()]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parents", type=int, nargs="+", default=[600, 2400], help="words; a third as many noises")
    parser.add_argument("--rooms", type=int, default=load_params(PARAMS).simulate_rirs.rooms)
    parser.add_argument("--clips-per-shard", type=int, default=load_params(PARAMS).augment.clips_per_shard)
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores; load of the machine before: {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        for workers in (1, 2):
            run = timed("simulate_rirs", workers, arguments)
            made = json.loads(Path("data/rirs/rirs.json").read_text())["rooms"]
            print(f"simulate_rirs  {run.told(sum(made.values()), 'rooms')}", flush=True)
        for parents in arguments.parents:
            write_project(parents)
            first = None
            for workers in (1, 2):
                run = timed("augment", workers, arguments)
                first = first or run
                clips = json.loads(Path("data/augmented/augment.json").read_text())["clips"]
                print(
                    f"augment  {parents} words  {run.told(clips, 'clips')}; {first.chain_s / run.chain_s:.2f} times "
                    f"1 worker by CPU ({first.chain_s / (run.chain_s - run.server_s):.2f} without the imports), "
                    f"{first.wall_s / run.wall_s:.2f} by the clock ({first.work_s / run.work_s:.2f} without)",
                    flush=True,
                )


@dataclass(frozen=True)
class Run:
    """What one run of a stage took: seconds, and MB of its own process and of its largest worker."""

    workers: int
    wall_s: float
    work_s: float  # by the clock, from the workers' start on
    main_s: float
    server_s: float
    worker_s: list[float]
    main_mb: int
    worker_mb: int

    @property
    def chain_s(self) -> float:
        """The longest chain of CPU time."""
        return self.main_s + self.server_s + max(self.worker_s, default=0.0)

    def told(self, count: int, what: str) -> str:
        """Return it in words."""
        busy = " + ".join(f"{spent:.1f}" for spent in sorted(self.worker_s, reverse=True)[:4])
        return (
            f"{self.workers} workers: {count} {what} in {self.wall_s:.1f} s ({self.work_s:.1f} of work), "
            f"CPU {self.main_s:.1f} s here, {self.server_s:.1f} s imports, workers {busy or '-'} s: "
            f"{count / self.chain_s:.1f} {what}/s by CPU; {self.main_mb} MB"
            + (f", a worker {self.worker_mb} MB" if self.worker_s else "")
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
        cuts += [with_fields(cut, label=label) for cut in shard_cuts(Path("data/corpora") / name)]
    Path("data/split").mkdir(parents=True, exist_ok=True)
    write_cuts(Path("data/split/train.jsonl.gz"), cuts)


def timed(stage: str, workers: int, arguments: argparse.Namespace) -> Run:
    """Run a stage with an empty cache and watch its processes."""
    script = Path(f"run_{stage}.py")
    numbers = {"rooms": arguments.rooms, "clips_per_shard": arguments.clips_per_shard}
    script.write_text(RUN.format(stage=stage, params=str(PARAMS), workers=workers, **numbers))
    cache = Path(f"cache-{time.time_ns()}")
    environment = os.environ | {"KWSDATA_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True
    )
    watched = psutil.Process(process.pid)
    largest: dict[int, int] = {}
    spent: dict[int, float] = {}
    parents: dict[int, int] = {}
    started: dict[int, float] = {}
    while process.poll() is None:
        for each in [watched, *watched.children(recursive=True)]:
            with suppress(psutil.Error):  # one that ended between the two calls
                largest[each.pid] = max(largest.get(each.pid, 0), each.memory_info().rss)
                spent[each.pid] = sum(each.cpu_times()[:2])
                parents[each.pid] = each.ppid()
                started[each.pid] = each.create_time()
        time.sleep(0.05)
    assert process.stdout is not None
    wall_s, main_s, ended = json.loads(process.stdout.read().strip().splitlines()[-1])
    others = {pid for pid, rss in largest.items() if rss > _OURS_MB << 20} - {process.pid}
    servers = {parents[pid] for pid in others} & others  # the fork server: it has the workers for children
    workers_of = [pid for pid in others - servers if parents[pid] in servers]
    return Run(
        workers,
        wall_s,
        ended - min(started[pid] for pid in workers_of) if workers_of else wall_s,
        main_s,
        sum(spent[pid] for pid in servers),
        [spent[pid] for pid in workers_of],
        largest[process.pid] >> 20,
        max((largest[pid] for pid in workers_of), default=0) >> 20,
    )


if __name__ == "__main__":
    main()
