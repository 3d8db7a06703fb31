"""Every stage of data, and scoring, on a Dask cluster given by its address: the bytes of one process, whoever dies."""

import json
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from augmenting import TRAIN, eventful, on, toy_project
from clusters import Cluster
from file_hashes import hashes
from onnx_models import loudness_model
from remotes import Remote, s3_remote
from sound import tone, white_noise

from kwsdata.clips.manifests import audio_sha256, make_cut, read_cuts, write_cuts
from kwsdata.clips.shards import Clip, write_shard
from kwsdata.execution.executor import run_tasks
from kwsdata.files.atomic import write_json
from kwsdata.files.site import reach
from kwsdata.params import Params


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


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Workers that see the project's disk."""
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    made = Cluster(tmp_path_factory.mktemp("dask"))
    try:
        assert made.address.startswith("tcp://127.0.0.1")
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def far_cluster(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cluster, Remote]]:
    """Workers that see nothing of the project, and the S3 server by which they get it."""
    for module, extra in (("distributed", "cluster"), ("s3fs", "s3"), ("moto", "dev")):
        pytest.importorskip(module, reason=f"the extra `{extra}` is not installed")
    folder = tmp_path_factory.mktemp("far")
    with s3_remote(folder / "shards") as remote, pytest.MonkeyPatch.context() as patch:
        for name, value in remote.environment.items():
            patch.setenv(name, value)
        made = Cluster(folder, hidden=place)
        try:
            assert made.address.startswith("tcp://127.0.0.1")
            yield made, remote
        finally:
            made.close()


def synthesize(params: Params) -> None:
    from kwsdata.stages.synthesize.stage import run

    run(params)


def simulate_rirs(params: Params) -> None:
    from kwsdata.stages.simulate_rirs.stage import run

    run(params, out=Path("data/rooms"))


def augment(params: Params) -> None:
    from kwsdata.stages.augment.stage import run

    run(params)


def embed(params: Params) -> None:
    from kwsdata.stages.embed.stage import run

    for name in ("dev", "test"):
        write_cuts(TRAIN.with_name(f"{name}.jsonl.gz"), [])
    block = params.embed.model_copy(update={"shard_s": 3.0, "piece_s": 2.0})
    run(params.model_copy(update={"embed": block}))


def featurize(params: Params) -> None:
    from kwsdata.stages.featurize.stage import run

    run(params)


def embed_augmented(params: Params) -> None:
    from kwsdata.stages.embed_augmented.stage import run

    run(params)


def measuring(params: Params) -> None:
    from kwsdata.stages.check.copied import PartitionWriter, find_in

    cuts, limits, rows = list(read_cuts(TRAIN)), params.check.copies, []
    writer = PartitionWriter("dev", Path("data/held").absolute())
    for one, _ in find_in(cuts[::2], [], set(), limits, params.executor, "dev"):
        writer.add(one)
    held = writer.close()
    for one, found in find_in(cuts, [held], writer.tars, limits, params.executor, "train"):
        rows.append((one.fault, one.level_dbfs, one.background.tobytes(), one.spectrum.levels.tobytes(), found))
    write_json(Path("data/facts/facts.json"), [repr(row) for row in rows])
    shutil.rmtree("data/held")


def mining(params: Params) -> None:
    from kwsdata.stages.mine_negatives.alarms import Alarms
    from kwsdata.stages.mine_negatives.pools import Pool
    from kwsdata.vectors.fill import fill_from_cuts
    from kwsdata.vectors.store import VectorStore

    block = params.embed.model_copy(update={"shard_s": 3.0, "piece_s": 2.0})
    here = params.executor.model_copy(update={"kind": "serial", "store": None})
    fill_from_cuts(Path("data/pool"), read_cuts(TRAIN), block, here)
    loudness_model(Path("model"), params, threshold=-60.0)
    pool = Pool("train", VectorStore(Path("data/pool")), None)
    loudest = list(Alarms(pool, Path("model"), params.executor).loudest(0.5, 1.0))
    assert loudest
    write_json(Path("data/alarms/alarms.json"), [(score, rows.tolist()) for score, rows in loudest])


def scoring(params: Params) -> None:
    from kwstrain.evaluation.streams import score_testsets

    loudness_model(Path("model"), params)
    scored = score_testsets(Path("data/testsets"), Path("model"), 1.0, params.executor)
    Path("data/scores").mkdir()
    for (partition, name), streams in scored.items():
        Path(f"data/scores/{partition}-{name}").write_bytes(b"".join(stream.score.tobytes() for stream in streams))


STAGES: dict[Callable[[Params], None], str] = {  # and what each writes
    augment: "data/augmented",
    embed: "data/embeddings",
    featurize: "data/features",
    embed_augmented: "data/embedded",
    synthesize: "data/synthetic",
    simulate_rirs: "data/rooms",
    measuring: "data/facts",
    mining: "data/alarms",
    scoring: "data/scores",
}


def made_by(stage: Callable[[Params], None], params: Params) -> dict[str, str]:
    """Run `stage` with nothing made before; return the hashes of what it writes."""
    for path in (STAGES[stage], "cache"):
        shutil.rmtree(path, ignore_errors=True)
    stage(params)
    return hashes(Path(STAGES[stage]))


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)
@pytest.mark.parametrize("seeing", ["its disk", "s3 alone"])
def test_a_cluster_makes_the_bytes_of_one_process(
    place: Path, few: Params, seeing: str, stage, request: pytest.FixtureRequest
) -> None:
    if stage is synthesize:
        pytest.importorskip("espeakng_loader", reason="the extra `espeak` is not installed")
    if seeing == "its disk":
        there = on(few, "dask", scheduler=request.getfixturevalue("cluster").address)
    else:
        cluster, remote = request.getfixturevalue("far_cluster")
        there = on(few, "dask", scheduler=cluster.address, store=remote.url)
    alone = once(stage, few)
    assert len(alone) >= (1 if stage in (measuring, mining) else 2)
    assert made_by(stage, there) == alone


_ALONE: dict[object, dict[str, str]] = {}


def once(stage: Callable[[Params], None], params: Params) -> dict[str, str]:
    """Return what `made_by` does, asked once."""
    if stage not in _ALONE:
        _ALONE[stage] = made_by(stage, params)
    return _ALONE[stage]


@pytest.mark.parametrize("seeing", ["its disk", "s3 alone"])
def test_a_worker_killed_in_the_middle_of_a_stage_costs_nothing(
    place: Path, few: Params, seeing: str, request: pytest.FixtureRequest
) -> None:
    alone = once(augment, few)
    shards = sum(name.endswith(".tar") for name in alone)
    cluster, store = request.getfixturevalue("cluster"), None
    if seeing == "s3 alone":
        cluster, remote = request.getfixturevalue("far_cluster")
        store = f"{remote.url}/killed"
    finished = lambda: len(list(Path("cache/augment").glob("*/*/entry.json")))  # noqa: E731
    when: list[int] = []

    def kill() -> None:
        while not finished():
            time.sleep(0.002)
        cluster.processes[-1].send_signal(signal.SIGKILL)
        when.append(finished())

    killer = threading.Thread(target=kill, daemon=True)
    for path in ("cache", STAGES[augment], *(disk / "dask-scratch-space/kwsdata" for disk in cluster.disks)):
        shutil.rmtree(path, ignore_errors=True)
    killer.start()
    augment(on(few, "dask", scheduler=cluster.address, store=store))
    killer.join(10)
    assert cluster.processes[-1].wait(10) == -signal.SIGKILL
    assert 0 < when[0] < shards, "the worker died when all was done"
    assert hashes(Path(STAGES[augment])) == alone


def test_workers_behind_s3_see_nothing_else_of_the_project(place: Path, few: Params, far_cluster) -> None:
    cluster, remote = far_cluster
    (place / "note").write_text("of this machine")
    executor = on(few, "dask", scheduler=cluster.address, store=f"{remote.url}/note").executor
    task = place / "note"
    assert list(run_tasks(through_reach, [task], executor, "reach", [task])) == ["of this machine"]
    assert list(run_tasks(by_its_path, [str(task)], executor, "path", [task])) == [None]
    assert list(run_tasks(by_its_path, [str(task)], executor, "here")) == [
        "of this machine"
    ]  # no word of what it reads
    assert any(name.startswith("note/blobs/") for name in remote.names())


def through_reach(task: Path) -> str:
    """Read a file as stages do."""
    return reach(task).read_text()


def by_its_path(task: str) -> str | None:
    """Read a file of this very path, if this machine has it."""
    try:
        return Path(task).read_text()
    except FileNotFoundError:
        return None
