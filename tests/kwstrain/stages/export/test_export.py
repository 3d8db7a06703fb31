"""The exported file is the trained model: scores, streaming, description; and a wrong one is refused."""

import json

import numpy as np
import onnx
import pytest
import torch
from decoders import config
from quantized import heard, quantize_student
from sound import tone, white_noise
from starts import starts

from kwsdata.files.atomic import sha256_of, write_json
from kwsdata.params import load_params
from kwsdata.runtime.detect.detector import Detector
from kwsdata.runtime.front_ends import features_of, make_frontend
from kwsdata.runtime.networks.backend import open_backend
from kwsdata.runtime.networks.description import read_model_json
from kwsdata.runtime.networks.model import StreamingModel
from kwstrain.models import MODELS, build_model
from kwstrain.models.weights import FILE, load_student
from kwstrain.stages.export import stage
from kwstrain.stages.export.files import FLOAT_CLIP, FLOAT_STREAM, INT8_ONNX, INT8_TFLITE
from kwstrain.stages.export.parity import Session, measure, probe_sound
from kwstrain.stages.quantize.stage import save_folded

FILES = [form.file for form in (FLOAT_STREAM, FLOAT_CLIP, *INT8_ONNX, *INT8_TFLITE)]


@pytest.fixture(scope="module", params=MODELS)
def project_params(request):
    params = load_params(request.config.rootpath / "params.yaml")
    return params.model_copy(update={"model": params.model.model_copy(update={"name": request.param})})


@pytest.fixture(scope="module")
def student(project_params, tmp_path_factory):
    """The project's student with normalisation as after training: (its directory, the model)."""
    directory = tmp_path_factory.mktemp("student")
    with torch.random.fork_rng([]):
        torch.manual_seed(5)
        model = build_model(project_params.model, make_frontend(project_params.features).silence).train()
    heard(model, features_of(probe_sound(20), project_params.features), 5)
    torch.save(model.state_dict(), directory / FILE)
    write_json(directory / "train.json", {"warm_up_s": 0.21})
    return directory, model


@pytest.fixture(scope="module")
def quantized(student, project_params, tmp_path_factory):
    """The same student quantized: its directory."""
    directory = tmp_path_factory.mktemp("quantized")
    save_folded(directory, quantize_student(student[1], features_of(probe_sound(20), project_params.features)), {})
    return directory


@pytest.fixture(scope="module")
def exported(project_params, student, quantized, tmp_path_factory):
    out = tmp_path_factory.mktemp("export") / "export"
    return out, stage.run(project_params, student[0], out, quantized)


def test_parity_is_measured_over_a_minute_and_holds(exported):
    _, info = exported
    assert info["parity"]["decisions"] * info["stride"] * 0.01 >= 60
    for key in ("step_by_step", "one_piece", "across", "states"):
        assert info["parity"][key] <= 1e-4


def test_the_description_is_of_this_file(exported, project_params, student):
    out, info = exported
    stored = json.loads((out / "model.json").read_text())
    assert stored == {key: value for key, value in info.items() if key != "step_us"}
    assert stored["sha256"] == sha256_of(out / "model.onnx")
    graph = onnx.load(out / "model.onnx")
    inputs = {i.name: [d.dim_value or d.dim_param for d in i.type.tensor_type.shape.dim] for i in graph.graph.input}
    assert inputs == {"features": [1, "frames", 40]} | {s["name"]: s["shape"] for s in stored["states"]}
    outputs = [o.name for o in graph.graph.output]
    assert outputs == ["score", *(f"{s['name']}_out" for s in stored["states"])]
    assert graph.opset_import[0].version == stored["opset"]
    assert stored["features"] == project_params.features.model_dump()
    assert stored["n_params"] == student[1].n_params


@pytest.mark.parametrize("decisions", [1, 2, 50, 500])
def test_any_number_of_decisions_runs(exported, student, decisions):
    out, _ = exported
    _, model = student
    frames = decisions * model.stride
    x = np.random.default_rng(frames).normal(-5, 3, (frames, 40)).astype(np.float32)
    scores = Session(out / "model.onnx", model)(x)
    with torch.inference_mode():
        expected = model.score(model(torch.from_numpy(x)[None])[0])[0].numpy()
    assert scores.shape == (decisions,)
    np.testing.assert_allclose(scores, expected, atol=stage.MAX_DIFFERENCE)
    assert np.ptp(scores) > 0.1 or decisions < 50  # the comparison is of scores that move


def test_the_runtime_hears_what_pytorch_hears(exported, student, project_params):
    """Sound through the front end and the exported file, 123 ms at a time, against one PyTorch pass."""
    sound = probe_sound(5)
    runtime = StreamingModel(exported[0])
    scores = np.concatenate([runtime.process(sound[i : i + 1968])[1] for i in range(0, len(sound), 1968)])
    x = features_of(sound, project_params.features)
    with torch.inference_mode():
        whole = len(x) // student[1].stride * student[1].stride
        expected = student[1].score(student[1](torch.from_numpy(x[:whole])[None])[0])[0].numpy()
    np.testing.assert_allclose(scores, expected, atol=1e-4)


@pytest.mark.parametrize("file", FILES)
def test_a_stream_starts_as_after_silence_in_every_file(exported, student, project_params, file):
    """The first decisions are those of a stream that began with silence: in int8 to the bit, in float to rounding."""
    directory, silence, stride = exported[0], make_frontend(project_params.features).silence, student[1].stride
    info = read_model_json(directory, file)
    exact = info["arithmetic"] == "int8"
    sound = features_of(np.concatenate([tone(300, 0.5, 0.3), white_noise(1, 0.8, 0.05)]), project_params.features)
    sound = sound[: len(sound) // stride * stride]
    backend = open_backend(directory / file, info, silence)
    first = backend.score(sound)
    assert np.ptp(first) > 0.1
    for seconds in (0.03, 0.3, 3.0):
        backend.reset()
        quiet = backend.score(np.tile(silence, (round(seconds * 100 / stride) * stride, 1)))
        assert np.ptp(quiet) == 0 if exact else np.ptp(quiet) <= stage.MAX_DIFFERENCE
        np.testing.assert_allclose(backend.score(sound), first, atol=0 if exact else stage.MAX_DIFFERENCE)


@pytest.mark.parametrize("file", FILES)
def test_a_reset_is_a_fresh_start_whatever_was_heard(exported, file):
    model = StreamingModel(exported[0], file=file)
    sounds = starts(0.4)
    for name, wave in sounds.items():
        fresh = StreamingModel(exported[0], file=file).process(wave)
        again = model.process(wave)
        assert np.array_equal(fresh[0], again[0]), name
        np.testing.assert_array_equal(fresh[1], again[1], name)
        model.process(sounds["clipped noise"])
        model.reset()


@pytest.mark.parametrize("file", FILES)
def test_no_event_comes_within_the_warm_up_though_every_score_reaches_the_threshold(exported, file):
    """The worst student there can be: of any sound, and of none, its first event is after the warm-up."""
    model = StreamingModel(exported[0], file=file)
    for n, m, smooth in ((1, 1, 1), (3, 5, 1), (1, 1, 4)):
        detector = Detector(model, config(1e-9, n, m, 0.0, smooth, model.info["warm_up_s"]))
        for name, wave in starts(0.4).items():
            fired = [event.time_s for event in detector.events(np.array_split(wave, 3))]
            assert fired == [] or min(fired) >= 0.21 + (n - 1) * model.decision_s - 1e-6, name
            assert fired or wave.size < 1000 or ".int8" in file, name  # (a score of 8 bits may be 0)


@pytest.mark.parametrize("arithmetic", ["", ".int8"])
def test_clips_and_streams_agree_from_the_first_decision(exported, arithmetic):
    files = [name for name in FILES if (".int8" in name) == bool(arithmetic)]
    models = [StreamingModel(exported[0], file=file) for file in files]
    for name, wave in starts(0.3).items():
        scores = []
        for model in models:
            model.reset()
            scores.append(model.process(wave)[1])
        for file, score in zip(files, scores, strict=True):
            tolerance = 0 if arithmetic else stage.MAX_DIFFERENCE
            np.testing.assert_allclose(score, scores[0], atol=tolerance, err_msg=f"{file}, {name}")


def test_the_same_weights_give_the_same_bytes_without_local_paths(exported, student, project_params, tmp_path, request):
    stage.write_graph(load_student(student[0], project_params.model, 40), tmp_path / "again.onnx")
    again = (tmp_path / "again.onnx").read_bytes()
    assert again == (exported[0] / "model.onnx").read_bytes()
    assert str(request.config.rootpath).encode() not in again
    assert b".py" not in again


def test_a_graph_of_other_weights_fails_parity(exported, student, quantized, project_params, tmp_path, monkeypatch):
    directory, model = student
    frames = features_of(probe_sound(3), project_params.features)
    norm = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)][-1]
    with torch.no_grad():
        norm.running_mean.add_(0.1)
        try:
            assert measure(exported[0] / "model.onnx", model, frames).worst > stage.MAX_DIFFERENCE
        finally:
            norm.running_mean.sub_(0.1)
    monkeypatch.setattr(stage, "MAX_DIFFERENCE", 0.0)
    monkeypatch.setattr(stage, "probe_sound", lambda: probe_sound(2))
    with pytest.raises(stage.ParityError, match="off PyTorch"):
        stage.run(project_params, directory, tmp_path / "out", quantized)
    assert not (tmp_path / "out").exists()
