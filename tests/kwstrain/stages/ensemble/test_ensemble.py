"""An ensemble answers as its members do together, and a student learns from it as from any teacher."""

import json
import shutil

import numpy as np
import pytest
import torch
from file_hashes import hashes
from said import names_said

from kwsdata.errors import ParamsError
from kwsdata.features.store import FeatureStore
from kwstrain.answers import TeachStore
from kwstrain.models.weights import load_student
from kwstrain.stages.ensemble.stage import run as ensemble
from kwstrain.stages.train.stage import run as train
from kwstrain.training.alarms import read_alarms
from kwstrain.training.job import answers_of


@pytest.fixture(scope="module")
def brief(small, change):
    """Two members of a few steps."""
    params = change(
        small,
        train={"steps": 30, "eval_every": 15},
        ensemble={"members": 2, "teach": True, "min_log_odds": -9.0},
        distill={"alpha": 0.9},
    )
    return params.model_copy(update={"executor": params.executor.model_copy(update={"kind": "serial"})})


@pytest.fixture(scope="module")
def untaught(tmp_path_factory):
    directory = tmp_path_factory.mktemp("teach")
    (directory / "teach.json").write_text(json.dumps({"teacher": None, "unlabelled": [], "dim": 0}))
    return directory


@pytest.fixture(scope="module")
def made(brief, ridges, untaught, tmp_path_factory):
    """The answers of two members, and what teach.json says."""
    root = tmp_path_factory.mktemp("ensemble")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KWSDATA_CACHE", str(root / "cache"))
        with names_said() as names:
            info = ensemble(brief, ridges, untaught, out=root / "out")
    assert names == {"ensemble, member 1 of 2", "ensemble, member 2 of 2"}
    assert not list((root / "cache" / "train").rglob("checkpoint.pt"))
    return root / "out", info


def test_it_says_the_mean_of_its_members_log_odds(made, brief, ridges, project, change):
    directory, info = made
    store = FeatureStore(ridges / "train")
    said = TeachStore(directory, store)
    clip = store.clips[7]
    frames = torch.from_numpy(store.frames(clip).astype(np.float32))[None]
    total = 0.0
    for number, told in enumerate(info["members"]):
        alone = change(brief, train={"seed": told["seed"]})
        summary = train(alone, ridges, project / str(number))
        assert summary["dev"]["fnr"] == told["dev_fnr"]
        with torch.inference_mode():
            logits, _ = load_student(project / str(number), brief.model, store.n_mels)(
                frames[:, : clip.frames // 2 * 2]
            )
        total += (logits[0, :, 1] - logits[0, :, 0]).numpy() / 2
    last = 2 * np.arange(clip.frames // 2) + 1
    heard = said.answers(np.full(last.shape, 7), last, np.zeros_like(last))
    assert heard.known.all()
    np.testing.assert_allclose(heard.log_odds, total, atol=0.02, rtol=0.01)  # float16 on disk


def test_members_have_seeds_of_their_own(made, brief):
    seeds = {member["seed"] for member in made[1]["members"]}
    assert len(seeds) == 2
    assert brief.train.seed not in seeds


def test_a_student_learns_from_it(made, brief, ridges, project):
    taught = train(brief, ridges, project / "taught", taught=made[0])
    alone = train(brief, ridges, project / "alone")
    assert taught["distill"]["alpha"] == 0.9
    assert taught["weights_sha256"] != alone["weights_sha256"]


def test_a_student_hears_its_false_alarms(made, brief, ridges, project):
    directory, info = made
    store = FeatureStore(ridges / "train")
    alarms = read_alarms(directory, len(store.clips))
    assert 0 < len(alarms) == info["alarms"]
    assert "keyword" not in {store.clips[number].label for number in alarms[:, 0]}
    hearing = train(brief, ridges, project / "hearing", alarms=directory)
    alone = train(brief, ridges, project / "not")
    assert hearing["weights_sha256"] != alone["weights_sha256"]


def test_the_same_inputs_give_the_same_answers(made, brief, ridges, untaught, project):
    ensemble(brief, ridges, untaught, out=project / "again")
    assert hashes(project / "again") == hashes(made[0])


def test_without_members_nothing_is_trained_and_the_teacher_teaches(brief, ridges, untaught, project, change):
    none = change(brief, ensemble={"members": 0})
    assert ensemble(none, ridges, untaught, out=project / "none")["teacher"] is None
    assert answers_of(none, project / "teach", project / "ensemble") == project / "teach"
    assert answers_of(brief, project / "teach", project / "ensemble") == project / "ensemble"


def test_without_distillation_no_member_is_trained(brief, ridges, untaught, project, change):
    plain = change(brief, ensemble={"alarms_per_clip": 0}, distill={"alpha": 0.0})
    assert ensemble(plain, ridges, untaught, out=project / "plain")["teacher"] is None


def test_embeddings_are_asked_of_the_teacher_and_of_no_ensemble(brief, ridges, untaught, project, change):
    wanted = change(brief, ensemble={"members": 2}, distill={"feature_weight": 0.5})
    with pytest.raises(ParamsError, match="ensemble.teach to false"):
        ensemble(wanted, ridges, untaught, out=project / "unwanted")
    assert not (project / "unwanted").exists()


def test_members_learn_from_the_answers_to_the_copies_themselves_where_early_targets_changed_them(
    brief, ridges, untaught, tmp_path, project, monkeypatch
):
    from kwstrain.stages.ensemble import stage

    taught = tmp_path / "teach"
    shutil.copytree(untaught, taught)
    shutil.copytree(untaught, taught / "plain")
    heard = []
    monkeypatch.setattr(stage, "_job", lambda params, features, answers, *rest: heard.append(answers) or _stop())
    with pytest.raises(StopIteration):
        ensemble(brief, ridges, taught, out=tmp_path / "out")
    assert heard == [taught / "plain"]


def _stop():
    raise StopIteration
