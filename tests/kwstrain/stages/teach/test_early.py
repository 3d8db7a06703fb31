"""A keyword's answer leans on what the teacher hears before the room and the noise."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from augmenting import eventful, toy_project
from cached_steps import NETWORK, write_network
from toy_teachers import loudness_teacher

from kwsdata.clips.shards import load_audio, shard_cuts
from kwsdata.errors import ParamsError, StageInputError
from kwsdata.features.store import FeatureStore
from kwsdata.stages.augment.stage import run as augment
from kwsdata.stages.embed_augmented import stage as embed_augmented
from kwsdata.stages.featurize.stage import run as featurize
from kwstrain.answers import TeachStore
from kwstrain.stages.teach.stage import run as teach
from kwstrain.stages.train_teacher.stage import run as train_teacher
from kwstrain.teachers.listeners import own_teacher


@pytest.fixture
def asked(project: Path, project_params, change):
    """A toy project whose teacher hears loudness; a function from `teach.early` to its answers, clip by clip."""
    toy_project()
    network = loudness_teacher(Path("data/teachers/loud.onnx"), "log_odds")
    params = change(eventful(project_params, early_target_ms=50.0), teacher={"name": "own", "path": str(network)})
    params = change(params, check={"fail": []}, featurize={"max_shortcut_auc": 1.0, "clips_per_shard": 5})
    augment(params)
    Path("data/testsets/dev/clean").mkdir(parents=True)
    featurize(params)
    train_teacher(params)

    def answers(early: float) -> list[np.ndarray]:
        info = teach(change(params, teach={"early": early}))
        first, log_odds = np.load("data/teach/first.npy"), np.load("data/teach/log_odds.npy")
        assert info.get("early_clips", 0) == (early > 0) * len(list(shard_cuts(Path("data/augmented"), "early")))
        return [log_odds[a:b].astype(np.float32) for a, b in pairwise(first)]

    return answers, network


def test_the_answer_to_a_keyword_is_a_mean_with_the_answer_to_its_early_target(asked) -> None:
    answers, network = asked
    plain = answers(0.0)
    assert not Path("data/teach/plain").exists()
    mean = answers(0.5)
    TeachStore(Path("data/teach/plain"), FeatureStore(Path("data/features/train")))
    assert np.array_equal(np.load("data/teach/plain/log_odds.npy"), np.concatenate(plain))
    early = answers(1.0)
    clips = FeatureStore(Path("data/features/train")).clips
    listener = own_teacher(str(network))
    heard = {cut.id: listener(load_audio(cut)).log_odds for cut in shard_cuts(Path("data/augmented"), "early")}
    changed = 0
    for clip, one, half, other in zip(clips, plain, mean, early, strict=True):
        if clip.label == "keyword":
            np.testing.assert_allclose(other, heard[clip.id], atol=0.02)
            np.testing.assert_allclose(half, (one + other) / 2, atol=0.02)
            changed += np.abs(one - other).max() > 0.1
        else:
            assert np.array_equal(one, half) and np.array_equal(one, other)
    assert changed >= 10


def test_an_early_target_of_another_length_is_refused(asked, monkeypatch) -> None:
    answers, _ = asked
    from kwstrain.stages.teach import stage

    real = stage.early_shards
    monkeypatch.setattr(stage, "early_shards", lambda *args: (["nobody", *real(*args)[0][1:]], real(*args)[1]))
    with pytest.raises(
        StageInputError, match=r"early target of nobody has \d+ answers, and the clip 0: type `dvc repro`"
    ):
        answers(0.5)


def test_a_weight_without_early_targets_is_an_error(asked, project_params, change) -> None:
    answers, _ = asked
    augment(eventful(project_params))
    answers(0.0)
    with pytest.raises(ParamsError, match=r"teach\.early = 0\.5, but no clip .* set augment\.early_target_ms to 50"):
        answers(0.5)


@pytest.mark.parametrize("early", [0.0, 0.5])
def test_early_targets_are_embedded_where_the_teacher_hears_embeddings(
    early: float, project: Path, project_params, change, monkeypatch
) -> None:
    from kwsdata.runtime.embedders import load_embedder

    toy_project()
    write_network()
    monkeypatch.setattr(embed_augmented, "load_embedder", lambda name: load_embedder(str(NETWORK)))
    params = change(eventful(project_params, early_target_ms=50.0), teach={"early": early})
    augment(params)
    Path("data/testsets/dev/clean").mkdir(parents=True)
    found = embed_augmented.run(params)["frames"]
    assert ("early" in found) == (early > 0)
    if early:
        clips = {clip.id: clip for clip in FeatureStore(Path("data/embedded/train")).clips}
        targets = FeatureStore(Path("data/embedded/early")).clips
        assert {clip.id for clip in targets} == {name for name, clip in clips.items() if clip.label == "keyword"}
        assert all(clip.frames == clips[clip.id].frames for clip in targets)
