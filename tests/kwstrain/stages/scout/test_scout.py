"""A scout is a student of another seed; the student that ships hears its false alarms."""

import json
import shutil

import numpy as np
import pytest
import torch
from file_hashes import hashes
from said import names_said

from kwsdata.features.store import FeatureStore
from kwstrain.models.weights import load_student
from kwstrain.stages.scout import stage
from kwstrain.stages.scout.stage import run as scout
from kwstrain.stages.train.stage import run as train
from kwstrain.training.alarms import FILE, read_alarms
from kwstrain.training.job import alarms_of


@pytest.fixture(scope="module")
def brief(small, change):
    """A scout of a few steps, most of whose decisions are alarms."""
    params = change(small, train={"steps": 30, "eval_every": 15}, scout={"min_log_odds": -9.0}, distill={"alpha": 0.9})
    return params.model_copy(update={"executor": params.executor.model_copy(update={"kind": "serial"})})


@pytest.fixture(scope="module")
def untaught(tmp_path_factory):
    directory = tmp_path_factory.mktemp("teach")
    (directory / "teach.json").write_text(json.dumps({"teacher": None, "unlabelled": [], "dim": 0}))
    return directory


@pytest.fixture(scope="module")
def made(brief, ridges, untaught, tmp_path_factory):
    """The scout's alarms, and what scout.json says."""
    root = tmp_path_factory.mktemp("scout")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KWSDATA_CACHE", str(root / "cache"))
        with names_said() as names:
            info = scout(brief, ridges, untaught, out=root / "out")
    assert names == {"scout"}
    assert not list((root / "cache" / "train").rglob("checkpoint.pt"))
    del info["timing"]
    assert info == json.loads((root / "out" / "scout.json").read_text())
    return root / "out", info


def test_alarms_are_where_the_scout_says_the_keyword(made, brief, ridges, project, change):
    """`train` with the scout's seed makes the same student: what it says at each alarm is its clip's loudest."""
    directory, info = made
    store = FeatureStore(ridges / "train")
    summary = train(change(brief, train={"seed": info["seed"]}), ridges, project / "same")
    assert summary["dev"]["fnr"] == info["dev_fnr"]
    model = load_student(project / "same", brief.model, store.n_mels)
    alarms = read_alarms(directory, len(store.clips))
    assert len(alarms) == info["alarms"] > 0
    for number in alarms[:: max(1, len(alarms) // 9), 0]:
        clip = store.clips[number]
        assert clip.label != "keyword"
        frames = torch.from_numpy(store.frames(clip).astype(np.float32))[None]
        with torch.inference_mode():
            logits, _ = model(frames[:, : clip.frames // model.stride * model.stride])
        log_odds = (logits[0, :, 1] - logits[0, :, 0]).numpy()
        own = [int(at) for n, at in alarms if n == number]
        assert float(log_odds.max()) == pytest.approx(
            max(float(log_odds[(at + 1) // model.stride - 1]) for at in own), abs=0.02
        )


def test_its_seed_is_its_own(made, brief):
    assert made[1]["seed"] != brief.train.seed


def test_a_student_hears_its_false_alarms(made, brief, ridges, project):
    hearing = train(brief, ridges, project / "hearing", alarms=made[0])
    alone = train(brief, ridges, project / "not")
    assert hearing["weights_sha256"] != alone["weights_sha256"]


def test_the_same_inputs_give_the_same_alarms(made, brief, ridges, untaught, project):
    scout(brief, ridges, untaught, out=project / "again")
    assert hashes(project / "again") == hashes(made[0])


def test_without_alarms_no_scout_is_trained(brief, ridges, untaught, project, change, monkeypatch):
    monkeypatch.setattr(stage, "complete", lambda job: pytest.fail("trained"))
    none = change(brief, scout={"alarms_per_clip": 0})
    assert scout(none, ridges, untaught, out=project / "none") == {"alarms": None}
    assert not (project / "none" / FILE).exists()
    assert alarms_of(none, project / "none") is None
    assert alarms_of(brief, project / "some") == project / "some"


def test_it_learns_from_the_answers_to_the_copies_themselves_where_early_targets_changed_them(
    brief, ridges, untaught, tmp_path, monkeypatch
):
    taught = tmp_path / "teach"
    shutil.copytree(untaught, taught)
    shutil.copytree(untaught, taught / "plain")
    heard = []
    monkeypatch.setattr(stage, "student_job", lambda params, features, answers, trunk: heard.append(answers) or _stop())
    with pytest.raises(StopIteration):
        scout(brief, ridges, taught, out=tmp_path / "out")
    assert heard == [taught / "plain"]


def _stop():
    raise StopIteration
