"""A teacher learns a planted problem, its files are the teacher, and none is made where none is wanted."""

import json

import numpy as np
import onnxruntime
import pytest
import torch
from feature_stores import N_MELS, write_ridge_stores
from file_hashes import hashes
from said import names_said
from sound import white_noise
from toy_teachers import loudness_teacher

from kwsdata.errors import ParamsError, StageInputError
from kwsdata.params import Params
from kwsdata.runtime.embedders import GoogleSpeech, load_embedder
from kwstrain.stages.train_teacher.stage import run
from kwstrain.teachers.listeners import load_listener
from kwstrain.teachers.weights import load_teacher
from kwstrain.training.dev import DevSet

TEACHERS = {
    "speech_embedding": {"window": 36, "hidden": [64, 16], "dropout": 0.2},
    "conformer": {"window": 36, "stride": 4, "subsample": 3, "dim": 16, "heads": 2, "ffn_dim": 32, "layers": 1}
    | {"kernel": 5, "dropout": 0.0},
}


@pytest.fixture(scope="module")
def ridges(tmp_path_factory):
    counts = {"keyword": 300, "confusable": 300, "speech": 300, "noise": 20}
    return write_ridge_stores(tmp_path_factory.mktemp("ridges"), counts)


@pytest.fixture(scope="module")
def make(params):
    """`make(name, **train)`: the project's params with a small teacher."""

    def made(name: str | None, path: str | None = None, **train) -> Params:
        values = params.model_dump(by_alias=True)
        values["teacher"] |= {"name": name, "path": path, "min_log_odds": -9.0, **TEACHERS}
        values["teacher"]["train"] |= {"steps": 300, "eval_every": 100, "batch_size": 64, "warmup_steps": 10}
        # The window (36 frames) holds a whole word (up to 30) and the hold after it.
        values["teacher"]["train"] |= {
            "learning_rate": 0.004,
            "ema_decay": 0.95,
            "hold_s": 0.1,
            "accelerator": "cpu",
        } | train
        values["executor"] |= {"kind": "serial"}
        return Params.model_validate(values)

    return made


@pytest.fixture(scope="module", params=TEACHERS)
def trained(request, ridges, make, tmp_path_factory):
    """Each teacher, trained once: (its directory, teacher.json)."""
    with pytest.MonkeyPatch.context() as patch:
        directory = tmp_path_factory.mktemp(request.param)
        patch.setenv("KWSDATA_CACHE", str(directory / "cache"))
        with names_said() as names:
            info = run(make(request.param), ridges, ridges, directory / "teacher")
    assert names == {"train-teacher", "train-teacher, on its alarms"}
    assert not list((directory / "cache").rglob("checkpoint.pt"))
    return directory / "teacher", info


def test_it_learns_to_tell_the_keyword_from_its_mirror_image(trained):
    directory, info = trained
    # 40 keywords among as many confusables of the same parts.
    assert info["dev"]["n_positive"] == 40
    assert info["dev"]["fnr"] <= 0.15
    assert info["dev"]["fah"] <= 1.0
    assert json.loads((directory / "teacher.json").read_text()) | {"timing": info["timing"]} == info


def test_the_exported_score_is_the_teachers(trained):
    directory, info = trained
    model = load_teacher(directory, info)
    windows = np.random.default_rng(0).normal(0, 2, (5, model.receptive_field, N_MELS)).astype(np.float32)
    session = onnxruntime.InferenceSession(str(directory / "teacher.onnx"), providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    assert given.shape[1:] == [model.receptive_field, N_MELS]
    score = session.run(None, {given.name: windows[:1]})[0]
    assert score.shape == (1, 1)
    with torch.inference_mode():
        expected = torch.softmax(model.window(torch.from_numpy(windows))[:, 0], -1)[:, 1:]
    np.testing.assert_allclose(score, expected[:1], atol=1e-5)
    np.testing.assert_allclose(session.run(None, {given.name: windows})[0], expected, atol=1e-5)
    assert info["max_abs_difference"] < 1e-4


def test_the_second_training_hears_the_false_alarms_of_the_first(ridges, make, project):
    params = make("speech_embedding", steps=20, eval_every=10)

    def trained(**changes):
        teacher = params.teacher.model_copy(update=changes)
        return run(params.model_copy(update={"teacher": teacher}), ridges, ridges, project / "teacher")

    twice, once, quiet = trained(), trained(alarms_per_clip=0), trained(min_log_odds=29.0)
    assert twice["first"] == once["dev"]
    assert (once["alarms"], "first" in once) == (0, False)
    assert twice["alarms"] > 0
    assert twice["weights_sha256"] != once["weights_sha256"] == quiet["weights_sha256"]
    assert quiet["alarms"] == 0


def test_torchrun_cannot_train_twice(ridges, make, project, monkeypatch):
    monkeypatch.setattr("lightning_fabric.plugins.environments.TorchElasticEnvironment.detect", lambda: True)
    with pytest.raises(ParamsError, match=r"teacher.alarms_per_clip > 0 .* set it to 0"):
        run(make("speech_embedding"), ridges, ridges, project / "teacher")


@pytest.mark.parametrize("measurement", [2, 5])  # in the first training, and in the second
def test_interrupted_it_ends_with_the_same_weights(measurement, ridges, make, project, monkeypatch):
    params = make("speech_embedding", steps=9, eval_every=3)
    whole = run(params, ridges, ridges, project / "whole")
    measure, calls = DevSet.measure, []

    def interrupted(dev, model):
        calls.append(1)
        if len(calls) == measurement:
            raise KeyboardInterrupt
        return measure(dev, model)

    monkeypatch.setattr(DevSet, "measure", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(params, ridges, ridges, project / "resumed")
    resumed = run(params, ridges, ridges, project / "resumed")
    assert len(calls) == 7
    assert resumed["weights_sha256"] == whole["weights_sha256"]
    assert hashes(project / "resumed") == hashes(project / "whole")


def test_its_layer_before_the_last_embeds_sound(make, project):
    """`embed.embedder` takes it: the vectors are the head's on windows of the speech embedding."""
    rng = np.random.default_rng(0)
    stores = write_ridge_stores(project / "r")
    directory = project / "teacher"
    params = make("speech_embedding", steps=2, eval_every=2)
    # Of 96 numbers a frame, as the speech embedding has: the ridges six times side by side.
    for name in ("train", "dev"):
        info = json.loads((stores / name / "store.json").read_text()) | {"n_mels": 96, "silence": [0.0] * 96}
        (stores / name / "store.json").write_text(json.dumps(info))
        for path in (stores / name).glob("features.*.npy"):
            np.save(path, np.tile(np.load(path), (1, 6)))
    info = run(params, stores, stores, directory)
    embedder = load_embedder(str(directory / "embedder.onnx"))
    model = load_teacher(directory, info)
    wave = white_noise(1, 6.0) * rng.uniform(0.5, 1)
    speech = GoogleSpeech()
    with torch.inference_mode():
        expected = model.window_embeddings(torch.from_numpy(speech.embed(wave))[None])[0].numpy()
    found = embedder.embed(wave)
    assert embedder.window == speech.window + 35 * speech.hop
    assert found.shape == expected.shape == (len(expected), 16)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_no_teacher_costs_nothing(make, project):
    assert run(make(None), project / "nothing", project / "nothing", project / "t") == {"teacher": None}


def test_a_teacher_of_ones_own_is_kept_beside_its_contract(make, project):
    path = loudness_teacher(project / "mine" / "net.onnx")
    info = run(make("own", str(path)), project / "nothing", project / "nothing", project / "t")
    path.unlink()
    assert info["identity"] == load_listener(project / "t").identity
    entry = run(make("own", "toy_teachers:Clock"), project / "nothing", project / "nothing", project / "e")
    assert entry == {"teacher": "own", "path": "toy_teachers:Clock", "identity": "clock"}
    assert load_listener(project / "e", "toy_teachers:Clock").hop == 1280
    with pytest.raises(StageInputError, match="asks to run the code 'toy_teachers:Clock', which params.yaml does not"):
        load_listener(project / "e")
