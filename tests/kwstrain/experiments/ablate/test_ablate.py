"""One arm is what its changes say, from training to numbers."""

import json
from pathlib import Path

import pytest

from kwsdata.errors import ParamsError
from kwsdata.params.ablation import AblationParams, load_ablation, with_changes
from kwstrain.experiments.ablate import stage

ROOT = Path(__file__).parents[4]


@pytest.fixture
def ablation() -> AblationParams:
    arms = {"baseline": {}, "focal": {"loss.gamma": 2.0}}
    return AblationParams.model_validate(
        {"arms": list(arms), "seeds": [1], "changes": arms, "compare": {"baseline": "baseline", "resamples": 100}}
    )


def test_an_arm_goes_through_the_stages_with_its_changes_and_seed(params, ablation, tmp_path, monkeypatch):
    seen = {}

    def record(name, result=None):
        def call(own, *paths, **named):
            seen[name] = own, paths
            paths[-1].mkdir() if name != "train" else paths[1].mkdir()
            return result

        return call

    metrics = {"threshold": 0.5, "dev": {}, "test": {}, "other": 1}
    monkeypatch.setattr(stage, "train", record("train"))
    monkeypatch.setattr(stage, "export", record("export"))
    monkeypatch.setattr(stage, "evaluate", record("evaluate", metrics))
    summary = stage.run(params, ablation, "focal", 7, root=tmp_path)
    assert summary == {"arm": "focal", "seed": 7, "threshold": 0.5, "dev": {}, "test": {}}
    own = seen["train"][0]
    assert (own.loss.gamma, own.train.seed) == (2.0, 7)
    assert own.model_copy(update={"loss": params.loss, "train": params.train}) == params
    assert seen["export"][1][0].name == "student" and seen["evaluate"][1][0].name == "export"
    described = json.loads((tmp_path / "focal-s7" / "arm.json").read_text())
    assert described == {"arm": "focal", "seed": 7, "changes": {"loss.gamma": 2.0, "train.seed": 7}}


def test_every_arm_of_the_project_is_params_that_can_be_trained(params):
    ablation = load_ablation(ROOT / "ablation" / "params.yaml")
    arms = {arm: with_changes(params, ablation.changes[arm]) for arm in ablation.arms}
    assert arms["all"] == params
    assert arms["baseline"].distill.alpha == arms["trunk"].distill.alpha == 0
    assert arms["distillation"].distill.alpha == 0.9
    assert arms["baseline"].pretrain.trunk is None
    assert arms["trunk"].pretrain.trunk == "shipped"


def test_an_unknown_arm_names_those_there_are(params, ablation, tmp_path):
    with pytest.raises(ParamsError, match="--arm focul: it must be one of baseline, focal"):
        stage.run(params, ablation, "focul", 1, root=tmp_path)
