"""The same bytes from any executor; what is there is not made again; a corpus that joins changes no clip."""

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from augmenting import RIRS, TRAIN, eventful, hashes, on, toy_project, write_toy_corpus, write_train
from lhotse import CutSet

from kwsdata.clips.manifests import audio_sha256, cut_from_dict
from kwsdata.clips.shards import SHAR, load_audio, read_clips, shard_cuts
from kwsdata.effects.recipe import Recipe
from kwsdata.errors import StageInputError
from kwsdata.files.atomic import read_jsonl_gz
from kwsdata.stages.augment import shard as shard_module
from kwsdata.stages.augment.plan import make_plan
from kwsdata.stages.augment.shard import ShardTask, load_materials, make_clips
from kwsdata.stages.augment.stage import run
from kwsdata.transforms.engine import engine_for

OUT = Path("data/augmented")


@pytest.fixture
def labels(project: Path) -> dict[str, str]:
    return toy_project()


@pytest.fixture
def toy(params):
    return eventful(params)


def made_by(out: Path = OUT) -> dict[str, tuple[str, dict]]:
    """Return {clip: (hash of its samples, recipe)}."""
    return {cut.id: (audio_sha256(load_audio(cut)), cut.custom["recipe"]) for cut in shard_cuts(out)}


def forget(project: Path) -> None:
    shutil.rmtree(project / "cache")
    shutil.rmtree(OUT)


def test_any_executor_makes_the_same_bytes(project: Path, labels, toy) -> None:
    from distributed import LocalCluster

    summary = run(toy)
    wanted = hashes(OUT)
    assert summary["clips"] == 6 * 4 + 5 * 3 + 4 * 2 + 4 * 2
    assert summary["shards"] == len(wanted) // 2 > 5
    forget(project)
    run(on(toy, "processes", workers=4))
    assert hashes(OUT) == wanted
    forget(project)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what the machine's ports and memory make Dask say
        with LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", protocol="tcp", dashboard_address=None
        ) as cluster:
            assert cluster.scheduler_address.startswith("tcp://127.0.0.1")
            run(on(toy, "dask", scheduler=cluster.scheduler_address))
    assert hashes(OUT) == wanted


def test_half_of_the_shards_are_rebuilt_as_they_were(project: Path, labels, toy, monkeypatch) -> None:
    run(toy)
    wanted = hashes(OUT)
    entries = sorted(path.parent for path in (project / "cache/augment").rglob("entry.json"))
    for path in entries[::2]:
        shutil.rmtree(path)
    (truncated,) = entries[1].rglob("recording.000000.tar")
    content = truncated.read_bytes()
    truncated.unlink()  # not written through: the shard in data/augmented is the same file
    truncated.write_bytes(content[:-100])
    for path in sorted((OUT / SHAR).iterdir())[::2]:
        path.unlink()
    made = []
    real = shard_module.write_shard
    monkeypatch.setattr(shard_module, "write_shard", lambda *args: made.append(1) or real(*args))
    run(toy)
    assert hashes(OUT) == wanted
    assert len(made) == len(entries[::2]) + 1


def test_an_interrupted_run_goes_on_where_it_was(project: Path, labels, toy, monkeypatch) -> None:
    run(toy)
    wanted = hashes(OUT)
    forget(project)
    real, made = shard_module.write_shard, []

    def interrupted(*args):
        if len(made) == 3:
            raise KeyboardInterrupt
        made.append(1)
        return real(*args)

    monkeypatch.setattr(shard_module, "write_shard", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(toy)
    assert not OUT.exists()
    monkeypatch.setattr(shard_module, "write_shard", lambda *args: made.append(1) or real(*args))
    run(toy)
    assert hashes(OUT) == wanted
    assert len(made) == len(wanted) // 2  # each shard once: the three were not made again


def test_a_corpus_that_joins_changes_no_clip_where_pools_are_named(project: Path, labels, toy) -> None:
    pinned = eventful(toy, noise_corpora=["street"], speech_corpora=["talk"])
    run(pinned)
    before, shards = made_by(), set(hashes(OUT).values())
    write_toy_corpus("more_words", "keyword", 4, 400)
    write_toy_corpus("more_talk", "speech", 4, 500, seconds=5.0)
    write_toy_corpus("a_new_street", "noise", 4, 600, seconds=2.0)
    write_train({"more_words": "keyword", "a_new_street": "noise", **labels, "more_talk": "speech"})
    run(pinned)
    after = made_by()
    assert len(after) > len(before)
    assert {clip: after[clip] for clip in before} == before
    assert shards <= set(hashes(OUT).values())  # no shard was touched


def test_a_noise_corpus_that_joins_an_open_pool_changes_only_what_it_is_heard_in(project: Path, labels, toy) -> None:
    run(toy)
    before = made_by()
    write_toy_corpus("beach", "noise", 4, 700, seconds=2.0)
    write_train({**labels, "beach": "noise"})
    run(toy)
    after = made_by()
    changed = [clip for clip in before if after[clip] != before[clip]]
    assert changed
    assert all(after[clip][1]["noise"]["noise"].startswith("beach-") for clip in changed)


def test_a_speech_corpus_that_joins_an_open_pool_changes_only_where_it_is_heard(project: Path, labels, toy) -> None:
    run(toy)
    before = made_by()
    write_toy_corpus("radio", "speech", 4, 800, seconds=5.0)
    write_train({**labels, "radio": "speech"})
    run(toy)
    after = made_by()
    changed = [clip for clip in before if after[clip] != before[clip]]
    assert changed
    assert all("radio-" in json.dumps(after[clip][1]) for clip in changed)


def test_a_clip_is_rebuilt_from_its_recipe(project: Path, labels, toy) -> None:
    run(toy)
    plan = make_plan(TRAIN, toy.augment, project)
    materials = load_materials(ShardTask(plan.rows, [], "", plan.pools, RIRS.absolute(), project, toy.augment))
    parents = {row["id"]: cut_from_dict(row) for row in read_jsonl_gz(TRAIN)}
    for clip in read_clips(OUT):
        custom = clip.cut.custom or {}
        parent = parents[custom["parent"]]
        recipe = Recipe.from_dict(custom["recipe"])
        (again,) = make_clips([(parent, load_audio(parent), recipe)], materials, engine_for("fast", "cpu"))
        assert audio_sha256(again.wave) == custom["audio_sha256"] == audio_sha256(clip.wave)
        assert custom["parent_sha256"] == (parent.custom or {})["audio_sha256"]


def test_clips_carry_what_their_parents_had_and_the_word_is_where_they_say(project: Path, labels, toy) -> None:
    run(toy)
    cuts = list(CutSet.from_shar(in_dir=OUT / SHAR))
    assert len({cut.id for cut in cuts}) == len(cuts) == 55
    for cut in cuts:
        assert cut.custom["label"] == labels[cut.custom["corpus"]]
        assert cut.custom["partition"] == "train"
        assert cut.custom["licence"] == "CC0"
        assert "shard" not in cut.custom
        (said,) = cut.supervisions
        if cut.custom["label"] == "noise":
            assert said.text is None
            continue
        assert said.text == (None if "fragment" in cut.custom["recipe"] else "computer")
        assert said.speaker == cut.custom["speaker"]
        assert 0 <= said.start <= said.end <= cut.duration + 1e-6
        if cut.id.endswith("-a00"):
            wave = cut.load_audio()[0]
            silent = cut.custom["recipe"].get("context", {}).get("speech") is None
            first = np.flatnonzero(np.abs(wave) > 0.01)[0] / 16_000
            if silent:
                assert first == pytest.approx(said.start, abs=0.02)


def test_the_early_target_lies_beside_the_clips_that_are_to_have_one(project: Path, labels, toy) -> None:
    run(eventful(toy, early_target_ms=50.0, early_target_of=["keyword", "noise"]))
    found = set()
    for cut in CutSet.from_shar(in_dir=OUT / SHAR):
        if not cut.has_custom("early"):
            assert cut.custom["label"] not in ("keyword", "noise")
            continue
        found.add(cut.id)
        target, wave = cut.load_early()[0], cut.load_audio()[0]
        assert target.shape == wave.shape
        assert np.isfinite(target).all()
    ours = list(shard_cuts(OUT, "early"))
    assert (
        found
        == {cut.id for cut in ours}
        == {c.id for c in shard_cuts(OUT) if c.custom["label"] in ("keyword", "noise")}
    )
    assert load_audio(ours[0]).size == ours[0].recording.num_samples


def test_a_named_pool_that_is_not_there_is_an_error(project: Path, labels, toy) -> None:
    with pytest.raises(StageInputError, match=r"noise_corpora names \['nowhere'\].*\['street'\]"):
        run(eventful(toy, noise_corpora=["street", "nowhere"]))


def test_missing_rooms_are_an_error_with_the_next_step(project: Path, labels, toy) -> None:
    shutil.rmtree(RIRS)
    with pytest.raises(StageInputError, match="dvc repro simulate_rirs"):
        run(toy)
