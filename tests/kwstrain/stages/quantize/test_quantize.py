"""The stage: the float student stays, the calibration set is train's and dev's, fine-tuning keeps what dev says."""

import json

import pytest
import torch
from feature_stores import SILENCE, write_ridge_stores
from quantized import heard
from said import names_said

from kwsdata.features.store import FeatureStore
from kwsdata.files.atomic import read_jsonl_gz, sha256_of
from kwsdata.params import Params
from kwstrain.models import build_model
from kwstrain.models.weights import FILE
from kwstrain.quantization.store import load_folded
from kwstrain.stages.quantize.stage import log_odds, run
from kwstrain.training.dev import DevSet


@pytest.fixture(scope="module")
def world(tmp_path_factory, project_params):
    """Small params, ridges, and a student of random weights on disk."""
    root = tmp_path_factory.mktemp("quantize")
    values = project_params.model_dump(by_alias=True)
    values["model"]["dstcn"] |= {"channels": 8, "kernels": [5, 9]}
    values["train"] |= {"batch_size": 16, "accelerator": "cpu", "threads": 1, "mel_mask_bins": 2}
    values["quantize"] |= {"steps": 6, "eval_every": 3, "learning_rate": 0.003, "ema_decay": 0.5}
    values["quantize"]["calibration"] |= {"train_windows": 24, "dev_windows": 8}
    params = Params.model_validate(values)
    counts = {"keyword": 12, "confusable": 12, "speech": 12, "noise": 4}
    features = write_ridge_stores(root / "features", counts, 12)
    store = FeatureStore(features / "train")
    frames = store.frames(store.clips[0], 0, 100).astype("float32")
    frames = torch.from_numpy(frames).repeat(6, 1).numpy()
    with torch.random.fork_rng([]):
        torch.manual_seed(2)
        student = heard(build_model(params.model, SILENCE), frames, 2)
    (root / "student").mkdir()
    torch.save(student.state_dict(), root / "student" / FILE)
    return params, root


@pytest.fixture(scope="module")
def done(world, tmp_path_factory):
    params, root = world
    before = sha256_of(root / "student" / FILE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KWSDATA_CACHE", str(tmp_path_factory.mktemp("cache")))
        with names_said() as names:
            summary = run(params, root / "student", root / "features", None, root / "out")
    assert names == {"quantize"}
    assert sha256_of(root / "student" / FILE) == before
    return summary, json.loads((root / "out" / "quantized.json").read_text()), root / "out"


def test_the_best_on_dev_is_kept_and_measured_as_said(done, world):
    summary, info, out = done
    params, root = world
    results = info["dev"]
    assert set(results) == {"float", "calibrated", "fine_tuned"}
    dev = DevSet(FeatureStore(root / "features" / "dev"), params.streaming, params.evaluate, 0.1)
    again = dev.measure(load_folded(out)).as_dict()
    assert again == results[info["kept"]]
    tuned, calibrated = results["fine_tuned"], results["calibrated"]
    no_worse = tuned["fnr"] <= calibrated["fnr"] and tuned["fnr_around"] <= calibrated["fnr_around"]
    assert info["kept"] == ("fine_tuned" if no_worse else "calibrated")
    assert summary["calibration"] == info["calibration"]
    assert len((out / "history.jsonl").read_text().splitlines()) == 2


def test_the_threshold_of_float_is_in_the_middle(done):
    _, info, _ = done
    assert info["offset"] == pytest.approx(log_odds(info["dev"]["float"]["threshold"]))
    assert log_odds(0.5) == 0
    assert abs(log_odds(1.0)) < 10


def test_the_calibration_set_is_of_train_and_dev_and_has_a_hash(done, world):
    _, info, out = done
    params, root = world
    rows = list(read_jsonl_gz(out / "calibration.jsonl.gz"))
    assert [row["store"] for row in rows] == ["train"] * 24 + ["dev"] * 8
    for name in ("train", "dev"):
        ids = {clip.id for clip in FeatureStore(root / "features" / name).clips}
        assert {row["clip"] for row in rows if row["store"] == name} <= ids
    quick = params.quantize.model_copy(update={"steps": 0})
    same = run(params.model_copy(update={"quantize": quick}), root / "student", root / "features", None, root / "same")
    assert same["calibration"]["sha256"] == info["calibration"]["sha256"]
    assert (same["kept"], same["steps"]) == ("calibrated", 0)
    other = quick.model_copy(update={"calibration": quick.calibration.model_copy(update={"seed": 2})})
    moved = run(
        params.model_copy(update={"quantize": other}), root / "student", root / "features", None, root / "moved"
    )
    assert moved["calibration"]["sha256"] != info["calibration"]["sha256"]
