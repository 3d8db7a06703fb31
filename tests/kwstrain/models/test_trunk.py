"""Trunks: what a student starts from, on disk and in the package."""

import numpy as np
import pytest
import torch
from file_hashes import hashes

from kwsdata.errors import StageInputError
from kwsdata.params import ModelParams
from kwsdata.runtime.front_ends import make_frontend
from kwstrain.models import MODELS, build_model
from kwstrain.models.trunk import SHIPPED, load_trunk, shipped_trunk, trunk_of

SILENCE = np.full(40, -13.0, np.float32)


@pytest.fixture(params=MODELS)
def model_params(request, project_params) -> ModelParams:
    return project_params.model.model_copy(update={"name": request.param})


def built(params: ModelParams, seed: int):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build_model(params, SILENCE).eval()


def test_a_student_takes_the_trunk_and_keeps_its_last_layer(model_params, tmp_path):
    one, other = built(model_params, 1), built(model_params, 2)
    trunk_of(one, {"trunk": "own"}).write(tmp_path)
    read = load_trunk(tmp_path)
    assert read is not None
    last, wanted = other.get_submodule(other.last_layer), one.get_submodule(one.last_layer)
    before = last.weight.clone()
    read.into(other)
    torch.testing.assert_close(last.weight, before, atol=0, rtol=0)
    last.load_state_dict(wanted.state_dict())
    frames = torch.randn(1, 300, 40)
    torch.testing.assert_close(other(frames)[0], one(frames)[0], atol=0.01, rtol=0.01)  # float16 on disk


def test_the_same_trunk_gives_the_same_bytes(model_params, tmp_path):
    trunk = trunk_of(built(model_params, 1), {"trunk": "own"})
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        trunk.write(tmp_path / name)
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b")


def test_another_students_trunk_is_refused(project_params):
    narrow = project_params.model.dstcn.model_copy(update={"channels": 16})
    other = built(project_params.model.model_copy(update={"dstcn": narrow}), 1)
    with pytest.raises(StageInputError, match=r"not of this student \(.*differs\)"):
        trunk_of(built(project_params.model, 1), {}).into(other)


def test_a_damaged_file_is_told(project_params, tmp_path):
    trunk_of(built(project_params.model, 1), {"trunk": "own"}).write(tmp_path)
    data = (tmp_path / "trunk.npz").read_bytes()
    (tmp_path / "trunk.npz").write_bytes(data[: len(data) // 2])
    with pytest.raises(StageInputError, match=r"trunk.npz cannot be read .*dvc repro pretrain"):
        load_trunk(tmp_path)


@pytest.mark.parametrize("frontend", ["logmel", "micro"])
def test_one_ships_for_the_default_student(project_params, frontend):
    window = {"logmel": 25, "micro": 30}[frontend]
    features = project_params.features.model_copy(update={"frontend": frontend, "window_ms": window})
    trunk = shipped_trunk(project_params.model, features)
    model = build_model(project_params.model, make_frontend(features).silence)
    trunk.into(model)
    assert trunk.info["trunk"] == "shipped"
    assert trunk.info["held_out_loss"] < 0.75
    assert trunk.info["command"]
    assert all(source["licences"] for source in trunk.info["sources"])
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*")) < 300_000
