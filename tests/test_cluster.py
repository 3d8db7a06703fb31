"""Every stage of data, and scoring, on a Dask cluster given by its address: the bytes of one process, whoever dies."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from augmenting import eventful, on, toy_project
from file_hashes import hashes
from onnx_models import loudness_model
from sound import tone, white_noise

from kwsdata.manifests import audio_sha256, make_cut
from kwsdata.params import Params
from kwsdata.shards import Clip, write_shard

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small project as the current directory, with all that the stages below read."""
    root = tmp_path_factory.mktemp("cluster") / "project"
    root.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("KWSDATA_CACHE", str(root / "cache"))
        toy_project()
        for name in ("dev", "test"):
            folder = Path(f"data/testsets/{name}/clean")
            folder.mkdir(parents=True)
            wave = tone(440, 2.0) + white_noise(9, 2.0, 0.01)
            custom = {"set": "clean", "partition": name, "label": "stream", "audio_sha256": audio_sha256(wave)}
            write_shard(folder, 0, [Clip(make_cut(f"{name}-clean-0000", wave.size, custom=custom), wave)])
        sets = {"sets": {"dev/clean": {}, "test/clean": {}}}
        Path("data/testsets/testsets.json").write_text(json.dumps(sets))
        yield root


@pytest.fixture(scope="module")
def few(params: Params) -> Params:
    """The project's params with small counts, and shards so small that there are several tasks."""
    params = eventful(params, clips_per_shard=8)
    voices = params.synthesize.espeak.model_copy(update={"positives": 4, "confusables": 0, "sentences": 2})
    noises = params.synthesize.noises.model_copy(update={"clips": 10, "duration_s": 0.5})
    return params.model_copy(
        update={
            "synthesize": params.synthesize.model_copy(
                update={"engines": ["espeak"], "espeak": voices, "noises": noises, "confusable_words": 5}
            ),
            "simulate_rirs": params.simulate_rirs.model_copy(update={"rooms": 3, "sources_per_room": 1}),
            "noise_reverb": params.noise_reverb.model_copy(update={"t60_s": [0.3], "rooms_per_t60": 1}),
            "featurize": params.featurize.model_copy(update={"clips_per_shard": 12}),
        }
    )


class Cluster:
    """A scheduler and two workers, each a process of its own that was started elsewhere and talks over TCP."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "scheduler.json"
        elsewhere = {"cwd": folder, "env": os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT}/tests/support"}}
        dask, local = [sys.executable, "-m", "dask"], ["--host", "127.0.0.1", "--scheduler-file", str(self.file)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": (folder / "log").open("w")} | elsewhere
        start = [*dask, "scheduler", "--port", "0", "--no-dashboard", *local]
        work = [*dask, "worker", "--nthreads", "1", "--no-nanny", "--no-dashboard", *local]
        self.processes = [subprocess.Popen(command, **quiet) for command in (start, work, work)]
        quiet["stderr"].close()

    @property
    def address(self) -> str:
        """Where the scheduler listens, once it does."""
        for _ in range(600):
            if self.file.exists() and self.file.stat().st_size:
                return str(json.loads(self.file.read_text())["address"])
            time.sleep(0.1)
        raise TimeoutError("no Dask scheduler came up in a minute")

    def close(self) -> None:
        """End all that is left."""
        for process in reversed(self.processes):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    made = Cluster(tmp_path_factory.mktemp("dask"))
    try:
        assert made.address.startswith("tcp://127.0.0.1")
        yield made
    finally:
        made.close()


def synthesize(params: Params) -> None:
    from kwsdata.synthesize.stage import run

    run(params)


def simulate_rirs(params: Params) -> None:
    from kwsdata.simulate_rirs.stage import run

    run(params, out=Path("data/rooms"))


def augment(params: Params) -> None:
    from kwsdata.augment.stage import run

    run(params)


def featurize(params: Params) -> None:
    from kwsdata.featurize.stage import run

    run(params)


def embed_augmented(params: Params) -> None:
    from kwsdata.embed_augmented.stage import run

    run(params)


def scoring(params: Params) -> None:
    from kwstrain.evaluate.streams import score_testsets

    loudness_model(Path("model"), params)
    scored = score_testsets(Path("data/testsets"), Path("model"), 1.0, params.executor)
    Path("data/scores").mkdir()
    for (partition, name), streams in scored.items():
        Path(f"data/scores/{partition}-{name}").write_bytes(b"".join(stream.score.tobytes() for stream in streams))


STAGES: dict[Callable[[Params], None], str] = {  # and what each writes
    augment: "data/augmented",
    featurize: "data/features",
    embed_augmented: "data/embedded",
    synthesize: "data/synthetic",
    simulate_rirs: "data/rooms",
    scoring: "data/scores",
}


def made_by(stage: Callable[[Params], None], params: Params) -> dict[str, str]:
    """Run `stage` with nothing made before; return the hashes of what it writes."""
    for path in (STAGES[stage], "cache"):
        shutil.rmtree(path, ignore_errors=True)
    stage(params)
    return hashes(Path(STAGES[stage]))


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)
def test_a_cluster_makes_the_bytes_of_one_process(place: Path, few: Params, cluster: Cluster, stage) -> None:
    if stage is synthesize:
        pytest.importorskip("espeakng_loader", reason="the extra `espeak` is not installed")
    alone = made_by(stage, few)
    assert len(alone) >= 2
    assert made_by(stage, on(few, "dask", scheduler=cluster.address)) == alone


def test_a_worker_killed_in_the_middle_of_a_stage_costs_nothing(place: Path, few: Params, cluster: Cluster) -> None:
    alone = made_by(augment, few)
    shards = sum(name.endswith(".tar") for name in alone)
    finished = lambda: len(list(Path("cache/augment").glob("*/*.jsonl.gz")))  # noqa: E731
    when: list[int] = []

    def kill() -> None:
        while not finished():
            time.sleep(0.002)
        cluster.processes[-1].send_signal(signal.SIGKILL)
        when.append(finished())

    killer = threading.Thread(target=kill, daemon=True)
    shutil.rmtree("cache")
    killer.start()
    shutil.rmtree(STAGES[augment])
    augment(on(few, "dask", scheduler=cluster.address))
    killer.join(10)
    assert cluster.processes[-1].wait(10) == -signal.SIGKILL
    assert 0 < when[0] < shards, "the worker died when all was done"
    assert hashes(Path(STAGES[augment])) == alone
