"""How fast training is, and what limits it: `python benchmarks/training.py [--threads 2] [--features data/features]`.

    student     steps a second of the whole step on one batch kept in memory (forward, backward, optimiser, average)
    data path   batches a second from the mapped store, alone: draw, gather, mask
    together    steps a second as `kwstrain train` runs them, the next batches made in the background
    loss        share of a step that the focal loss takes, forward and backward

Without a feature store it writes a random one, of 4000 clips, to a temporary directory.
"""

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric

from kwsdata.features.store import ClipRow, write_store
from kwsdata.params import Params, load_params
from kwsdata.runtime.front_ends import make_frontend
from kwstrain.training.loop import Job, Run
from kwstrain.training.sampler import batches

ROUNDS = 5  # the ways are timed in turn, so that other work on the machine falls on all of them


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--features", type=Path)
    arguments = parser.parse_args()
    params = load_params(Path(__file__).parents[1] / "params.yaml")
    train = params.train.model_copy(update={"threads": arguments.threads, "accelerator": "cpu"})
    params = params.model_copy(
        update={"train": train, "loss": params.loss.model_copy(update={"name": "focal", "gamma": 2.0})}
    )
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as scratch:
        features = arguments.features or write_random_store(Path(scratch) / "features", params)
        report(
            Run(Fabric(accelerator="cpu", devices=1), Job(params, features, Path(scratch) / "work")), arguments.steps
        )


def report(run: Run, steps: int) -> None:
    run.windowed.train()
    kept = run.sampler.batch(0)
    logits = run._step(0, kept)[0].detach().requires_grad_()
    target, weight = torch.from_numpy(kept.target), torch.from_numpy(kept.weight)
    source = batches(run.sampler, range(10**9))
    numbers = itertools.count()
    ways: dict[str, Callable[[], object]] = {
        "student": lambda: run._step(0, kept),
        "data path": lambda: run.sampler.batch(next(numbers)),
        "together": lambda: run._step(0, next(source)),
        "loss": lambda: run.objective(logits, target, weight).backward(),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            way()
            began = time.perf_counter()
            for _ in range(steps):
                way()
            seconds[name].append((time.perf_counter() - began) / steps)
    source.close()
    each = {name: statistics.median(values) for name, values in seconds.items()}
    for name, value in each.items():
        print(f"{name:10} {1e3 * value:8.2f} ms {1 / value:10.1f} /s   best {1e3 * min(seconds[name]):8.2f} ms")
    print(f"the data path delivers {each['student'] / each['data path']:.1f} times what the student takes")
    print(f"together {each['student'] / each['together']:.2f} of the speed on a kept batch")
    print(f"focal loss {100 * each['loss'] / each['student']:.1f} % of a step")


def write_random_store(directory: Path, params: Params, clips: int = 4000) -> Path:
    rng = np.random.default_rng(1)
    labels = ["keyword", "confusable", "speech", "noise"]

    def clip(number: int) -> tuple[ClipRow, np.ndarray]:
        label = labels[number % 4]
        word = (120, 180) if label in ("keyword", "confusable") else None
        return ClipRow(str(number), label, 0, 0, 0, word, None, None), rng.normal(-6, 3, (230, params.features.n_mels))

    front = make_frontend(params.features)
    info = {"hop_samples": front.hop, "window_samples": front.window, "silence": front.silence.tolist()}
    shards = ([clip(number) for number in range(start, start + 1000)] for start in range(0, clips, 1000))
    write_store(directory / "train", shards, params.features.n_mels, info)
    stream = ClipRow("s", "stream", 0, 0, 0, None, None, None, events=[(500, 560)])
    write_store(directory / "dev", [[(stream, rng.normal(-6, 3, (6000, params.features.n_mels)))]], 40, info)
    return directory


if __name__ == "__main__":
    main()
