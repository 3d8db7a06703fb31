"""Every int8 file of every student computes the quantized network's scores, bit for bit, and runs where it should."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from ai_edge_litert.interpreter import Interpreter
from small_students import quantized_of, small, student_of

from kwsdata.runtime.front_ends import features_of
from kwsdata.runtime.networks.onnx_backend import OnnxStream
from kwsdata.runtime.networks.shapes import initial_states
from kwsdata.runtime.networks.tflite_backend import TfliteStream
from kwstrain.models import MODELS
from kwstrain.quantization.integers import integers_of
from kwstrain.stages.export.files import INT8_ONNX, INT8_TFLITE, describe_onnx, describe_tflite
from kwstrain.stages.export.int8_parity import measure_int8
from kwstrain.stages.export.parity import probe_sound
from kwstrain.stages.export.qdq import qdq_model, write_qdq
from kwstrain.stages.export.tflite import ConversionError, check_integers, write_tflite
from kwstrain.stages.quantization_report.reference import reference_scores
from kwstrain.training.dev import stream_scores

REAL = Path(__file__).resolve().parents[5] / "shared" / "data" / "wake_words_crowd" / "computer"
# What ESPHome's micro_wake_word registers (streaming_model.cpp).
ESPHOME = {
    *("CALL_ONCE", "VAR_HANDLE", "RESHAPE", "READ_VARIABLE", "STRIDED_SLICE", "CONCATENATION", "ASSIGN_VARIABLE"),
    *("CONV_2D", "MUL", "ADD", "MEAN", "FULLY_CONNECTED", "LOGISTIC", "QUANTIZE", "DEPTHWISE_CONV_2D"),
    *("AVERAGE_POOL_2D", "MAX_POOL_2D", "PAD", "PACK", "SPLIT_V"),
}


@pytest.fixture(scope="module", params=MODELS)
def written(request, project_params, tmp_path_factory):
    """(params, the quantized network, the directory of its int8 files, what model.json says of them)."""
    out = tmp_path_factory.mktemp(request.param)
    params = small(project_params, request.param)
    network = quantized_of(params, student_of(params))
    integers, files = integers_of(network), {}
    for form in INT8_ONNX:
        write_qdq(integers, form.form, out / form.file)
        files[form.file] = describe_onnx(form, out, integers)
    for form in INT8_TFLITE:
        write_tflite(integers, form.form, out / form.file)
        files[form.file] = describe_tflite(form, out, integers)
    return params, network, out, files


def streams(network, out, files):
    info = {name: files[name] | {"stride": network.stride} for name in files}
    yield OnnxStream(out / "model.int8.onnx", info["model.int8.onnx"], 1, network.silence.numpy())
    yield TfliteStream(out / "model.int8.tflite", info["model.int8.tflite"], 1, network.silence.numpy())


def inputs(params):
    rng = np.random.default_rng(4)
    yield "random", rng.normal(-5, 4, (900, 40)).astype(np.float32)
    yield "extreme", rng.choice(np.float32([-100, -14, 0, 8, 100]), (600, 40))
    yield "sounds", features_of(probe_sound(10), params.features)


def test_every_file_is_the_network_to_the_last_bit(written):
    params, network, out, files = written
    for name, frames in inputs(params):
        expected = stream_scores(network, frames)
        assert name == "extreme" or expected.std() > 0.1
        assert measure_int8(out, files, network, frames) == dict.fromkeys(files, 0), name


def test_every_file_is_the_network_on_people(written):
    if not REAL.is_dir():
        pytest.skip("needs ../shared/data")
    params, network, out, files = written
    for path in sorted(REAL.glob("*.flac"))[:3]:
        wave, _ = soundfile.read(path, dtype="float32")
        assert measure_int8(out, files, network, features_of(wave, params.features)) == dict.fromkeys(files, 0)


def test_an_hour_leaves_no_trace_in_the_files(written):
    """After an hour of frames a stream says what a fresh one says, once its receptive field is full."""
    _, network, out, files = written
    rng = np.random.default_rng(7)
    hour = rng.normal(-5, 4, (6000, 40)).astype(np.float32)[: 6000 // network.stride * network.stride]
    count = (network.receptive_field // network.stride + 40) * network.stride
    late = rng.normal(-5, 4, (count, 40)).astype(np.float32)
    expected = stream_scores(network, late)[-40:]
    for stream in streams(network, out, files):
        for _ in range(60):
            stream.score(hour)
        np.testing.assert_array_equal(stream.score(late)[-40:], expected)


def test_reference_kernels_stay_near(written):
    """TFLite-Micro rounds twice where others round once: a step of the log-odds, 4 of the score, is usual.

    Rarely it is more; with these random weights, whose log-odds are scaled up, more often than after training.
    """
    params, network, out, _ = written
    frames = features_of(probe_sound(8), params.features)
    frames = frames[: len(frames) // network.stride * network.stride]
    steps = np.abs(reference_scores(out / "model.int8.tflite", network, frames) - 256 * stream_scores(network, frames))
    assert np.median(steps) <= 4
    assert np.quantile(steps, 0.99) <= 48


def test_tflite_is_integers_with_operators_that_esphome_has(written):
    _, network, out, files = written
    for file in ("model.int8.tflite", "clip.int8.tflite"):
        run = Interpreter(str(out / file), num_threads=1)
        run.allocate_tensors()
        operators = {row["op_name"] for row in run._get_ops_details()} - {"DELEGATE"}
        assert operators <= ESPHOME
        given, made = run.get_input_details()[0], run.get_output_details()[0]
        for details, said in ((given, files[file]["input"]), (made, files[file]["output"])):
            assert details["dtype"] == np.dtype(said["dtype"])
            assert details["shape"].tolist() == said["shape"]
            assert details["quantization"] == pytest.approx((said["scale"], said["zero_point"]))
        assert not any(d["dtype"] == np.float32 for d in run.get_tensor_details())
    assert files["model.int8.tflite"]["input"]["shape"] == [1, network.stride, 40]
    assert files["model.int8.tflite"]["output"]["dtype"] == "uint8"


def test_the_same_integers_give_the_same_bytes(written, tmp_path):
    _, network, out, _ = written
    integers = integers_of(network)
    write_tflite(integers, "stream", tmp_path / "again.tflite")
    assert (tmp_path / "again.tflite").read_bytes() == (out / "model.int8.tflite").read_bytes()
    assert qdq_model(integers, "stream").SerializeToString() == (out / "model.int8.onnx").read_bytes()


def test_a_file_of_other_integers_is_refused(written):
    _, network, out, _ = written
    converted = (out / "clip.int8.tflite").read_bytes()
    check_integers(converted, integers_of(network))
    other = integers_of(network)
    other.convs["stem"].weight[0, 0, 0, 0] ^= 1
    with pytest.raises(ConversionError, match="the weights of stem"):
        check_integers(converted, other)
    scales = dict(network.scales)
    scales["stem"] = scales["stem"]._replace(scale=scales["stem"].scale * 1.01)
    moved = integers_of(network)
    moved.scales.clear()
    moved.scales.update(scales)
    with pytest.raises(ConversionError, match="scale of stem"):
        check_integers(converted, moved)


def test_the_states_of_a_start_are_what_silence_leaves(written):
    """In integers, where it is exact: the description's numbers are the states after any length of silence."""
    _, network, _, files = written
    states = files["model.int8.onnx"]["states"]
    frames = 3 * network.receptive_field // network.stride * network.stride
    with torch.no_grad():
        _, after = network(network.silence.repeat(1, frames, 1), network.empty_state(1))
    assert len(states) == len(after)
    for state, tensor, memory in zip(states, after, network.graph.memories, strict=True):
        zero = network.scales[memory.source].zero
        start = initial_states([state])[state["name"]]
        np.testing.assert_array_equal(start, tensor.numpy().transpose(0, 2, 3, 1) + zero + 128)
    assert any(tensor.unique().numel() > 1 for tensor in after)
