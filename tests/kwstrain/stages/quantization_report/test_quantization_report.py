"""The report: agreement of the files is counted on every decision, and what costs too much is refused."""

import json

import numpy as np
import pytest
import torch
from quantized import heard, quantize_student

from kwsdata.files.atomic import write_json
from kwsdata.runtime.front_ends import features_of, make_frontend
from kwstrain.evaluation.det import OperatingPoint
from kwstrain.models import build_model
from kwstrain.models.onnx_graph import write_graph
from kwstrain.quantization.integers import integers_of
from kwstrain.stages.export.files import (
    FLOAT_STREAM,
    INT8_ONNX,
    INT8_TFLITE,
    describe_float,
    describe_onnx,
    describe_state,
    describe_tflite,
)
from kwstrain.stages.export.parity import probe_sound
from kwstrain.stages.export.qdq import write_qdq
from kwstrain.stages.export.tflite import write_tflite
from kwstrain.stages.quantization_report.compare import Comparison, accuracy, relative_drop
from kwstrain.stages.quantization_report.layers import layer_rows
from kwstrain.stages.quantization_report.score import Stream
from kwstrain.stages.quantization_report.stage import QuantizationError, run
from kwstrain.stages.quantize.stage import save_folded


@pytest.fixture(scope="module")
def world(tmp_path_factory, project_params, tone_world):
    """Params that allow any loss, and the directories of an exported small student of random weights."""
    root = tmp_path_factory.mktemp("report")
    small = {"channels": 16, "kernels": [5, 9]}
    model = project_params.model.model_copy(update={"dstcn": project_params.model.dstcn.model_copy(update=small)})
    quantize = project_params.quantize.model_copy(update={"max_relative_drop": 1.0, "max_lsb": 0})
    params = project_params.model_copy(update={"model": model, "quantize": quantize})
    frames = features_of(probe_sound(20), params.features)
    with torch.random.fork_rng([]):
        torch.manual_seed(1)
        student = heard(build_model(params.model, make_frontend(params.features).silence), frames, 1)
    network = quantize_student(student, frames, offset=0.5)
    (root / "quantized").mkdir()
    info = {"calibration": {"windows": 1, "sha256": "0" * 64}, "observer": "min_max", "kept": "calibrated", "steps": 0}
    save_folded(root / "quantized", network, info)
    write_streams(params, student, network, root / "export")
    return params, root, tone_world


def write_streams(params, student, network, out):
    """Write what `export` would of the files that stream: half the time of all."""
    out.mkdir()
    integers, onnx, tflite = integers_of(network), INT8_ONNX[0], INT8_TFLITE[0]
    write_graph(student, out / FLOAT_STREAM.file)
    write_qdq(integers, "stream", out / onnx.file)
    write_tflite(integers, "stream", out / tflite.file)
    states = [describe_state(number, state.numpy()) for number, state in enumerate(student.initial_state(1))]
    files = {
        FLOAT_STREAM.file: describe_float(FLOAT_STREAM, out, 40, states),
        onnx.file: describe_onnx(onnx, out, integers),
        tflite.file: describe_tflite(tflite, out, integers),
    }
    about = {"format": 1, "keyword": "beep", "model": "dstcn", "features": params.features.model_dump()}
    write_json(out / "model.json", about | {"stride": student.stride, "files": files, "warm_up_s": 0.2})


@pytest.fixture(scope="module")
def written(world):
    params, root, testsets = world
    run(params, root / "export", root / "quantized", testsets, root / "out")
    return json.loads((root / "out" / "quantization.json").read_text()), (root / "out" / "index.html").read_text()


def test_the_files_agree_with_the_network_on_every_decision(written, world):
    found, _ = written
    params = world[0]
    decision_s = params.model.dstcn.stride * params.features.hop_ms / 1000
    for pair in ("onnx_torch", "tflite_torch"):
        assert found["apart"][pair]["greatest"] == 0
        assert found["apart"][pair]["decisions"] * decision_s == pytest.approx(5 * 60, abs=1)  # all five streams
        assert found["apart"][pair]["counts"][0] == found["apart"][pair]["decisions"]
    assert found["apart"]["torch_float32"]["greatest"] > 0


def test_every_arithmetic_has_the_numbers_of_every_set(written):
    found, page = written
    assert set(found["sets"]) == {"dev/clean", "test/clean", "test/noise_reverb"}
    for rows in (*found["sets"].values(), *found["pooled"].values()):
        assert set(rows) == {"float32", "torch", "onnx", "tflite"}
        assert rows["torch"] == rows["onnx"] == rows["tflite"]
        assert rows["float32"]["n_positive"] == rows["onnx"]["n_positive"] > 0
    assert found["pooled"]["test"]["onnx"]["n_positive"] == 11
    assert found["calibration"]["sha256"] in json.dumps(found)
    assert "Every tensor" in page and "{{" not in page


def test_what_costs_too_much_is_refused_after_the_report_is_written(world, monkeypatch):
    params, root, testsets = world
    strict = params.model_copy(update={"quantize": params.quantize.model_copy(update={"max_relative_drop": 0.0})})
    monkeypatch.setattr("kwstrain.stages.quantization_report.stage.relative_drop", lambda reference, found: 0.01)
    with pytest.raises(QuantizationError, match="loses 1 % of float's accuracy on dev"):
        run(strict, root / "export", root / "quantized", testsets, root / "refused")
    assert json.loads((root / "refused" / "quantization.json").read_text())["failures"]


def test_float_scores_are_shifted_as_int8_scores_are():
    shares = np.asarray([0.0, 0.2, 0.5, 0.9, 1.0], np.float32)
    stream = Stream("dev", "clean", "a", 1.0, np.arange(5.0), {"float32": shares}, 0.2, [])
    comparison = Comparison.__new__(Comparison)
    comparison.offset = np.log(0.9 / 0.1)
    # 0.9 becomes one half; 0.5 has odds of 1 to 9 then; ends stay ends.
    np.testing.assert_array_equal(comparison.shifted_float(stream), [0, round(256 / 37), round(25.6), 128, 255])


def test_accuracy_is_balanced_over_events_and_seconds():
    point = OperatingPoint(0.5, 0.25, 2.0, misses=5, n_positive=20, false_alarms=36, hours_negative=1.0)
    assert accuracy(point) == pytest.approx((0.75 + 0.99) / 2)
    assert accuracy(OperatingPoint(0.5, float("nan"), 0.0, 0, 0, 0, 1.0)) is None
    assert relative_drop(0.8, 0.76) == pytest.approx(0.05)


def test_noise_falls_by_six_db_a_bit_and_saturation_is_what_lies_beyond(world):
    params, *_ = world
    frames = features_of(probe_sound(5), params.features)
    with torch.random.fork_rng([]):
        torch.manual_seed(1)
        network = quantize_student(
            heard(build_model(params.model, make_frontend(params.features).silence), frames, 1), frames
        )
    low, high = network.scales["features"].low, network.scales["features"].high
    frames = np.random.default_rng(1).uniform(low, high, (500, 40)).astype(np.float32)
    wide = {row["tensor"]: row for row in layer_rows(network, frames)}
    assert wide["features"]["saturation"] == 0
    scale = network.scales["features"]
    network.scales["features"] = scale._replace(scale=scale.scale * 2)
    coarse = {row["tensor"]: row for row in layer_rows(network, frames)}
    # Halving the resolution of the input costs 6 dB there.
    assert wide["features"]["sqnr_db"] - coarse["features"]["sqnr_db"] == pytest.approx(6.02, abs=0.1)
    network.scales["features"] = scale._replace(scale=scale.scale / 4)
    narrow = {row["tensor"]: row for row in layer_rows(network, frames)}
    inside = (frames >= network.scales["features"].low) & (frames <= network.scales["features"].high)
    assert narrow["features"]["saturation"] == pytest.approx(1 - np.mean(inside), abs=0.02)
