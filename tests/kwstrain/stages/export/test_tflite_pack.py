"""Packing says the same in fewer bytes: of a file that somebody else made, and of ours."""

from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from small_students import quantized_of, student_of
from tflite_micro.python.tflite_micro.runtime import Interpreter as MicroInterpreter

from kwstrain.quantization.integers import integers_of
from kwstrain.stages.export.tflite import write_tflite
from kwstrain.stages.export.tflite_pack import BUFFER_ALIGNMENT, pack, unpack

PARTS = ("min", "max", "scale", "zeroPoint", "quantizedDimension")


@pytest.fixture(scope="module")
def alexa() -> bytes:
    """microWakeWord's model, as its converter wrote it."""
    package = pytest.importorskip("pymicro_wakeword", reason="needs pip install pymicro-wakeword")
    return (Path(package.__file__).parent / "models" / "alexa.tflite").read_bytes()


@pytest.fixture(scope="module")
def default(project_params, tmp_path_factory) -> Path:
    """The streaming file of the student of params.yaml."""
    path = tmp_path_factory.mktemp("default") / "model.int8.tflite"
    write_tflite(integers_of(quantized_of(project_params, student_of(project_params))), "stream", path)
    return path


def listed(values):
    return None if values is None else np.asarray(values).tolist()


def contents(data: bytes):
    """Yield all that a runtime reads of each tensor and operator."""
    model = unpack(data)
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            own, value = tensor.quantization, model.buffers[tensor.buffer].data
            quantization = own and {part: listed(getattr(own, part)) for part in PARTS}
            constant = None if value is None else bytes(np.asarray(value, np.uint8))
            yield tensor.name, tensor.type, listed(tensor.shape), quantization, constant
        for operator in graph.operators:
            options = operator.builtinOptions and vars(operator.builtinOptions)
            yield operator.opcodeIndex, listed(operator.inputs), listed(operator.outputs), repr(options)


def plain(data: bytes) -> bytes:
    """Return the file `data` written part by part, as the schema's own code does."""
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(unpack(data).Pack(builder), b"TFL3")
    return bytes(builder.Output())


def lite_scores(data: bytes, frames: np.ndarray) -> list[int]:
    run = Interpreter(model_content=data, num_threads=1)
    run.allocate_tensors()
    given, made = run.get_input_details()[0], run.get_output_details()[0]
    found = []
    for frame in frames:
        run.set_tensor(given["index"], frame)
        run.invoke()
        found.append(run.get_tensor(made["index"]).item())
    return found


def micro_scores(data: bytes, frames: np.ndarray) -> list[int]:
    run, found = MicroInterpreter.from_bytes(data), []
    for frame in frames:
        run.set_input(frame, 0)
        run.invoke()
        found.append(run.get_output(0).item())
    return found


def test_a_packed_file_says_the_same(alexa):
    small = pack(unpack(alexa))
    assert list(contents(small)) == list(contents(alexa))
    assert len(small) < 0.85 * len(alexa)


@pytest.mark.parametrize("scores", [lite_scores, micro_scores])
def test_runtimes_read_it_alike(default, scores, project_params):
    data = default.read_bytes()
    frames = np.random.default_rng(1).integers(-128, 128, (200, 1, project_params.model.dstcn.stride, 40))
    found = [scores(form, frames.astype(np.int8)) for form in (data, plain(data))]
    assert found[0] == found[1]
    assert len(set(found[0])) > 10


def test_constants_lie_where_the_schema_wants_them(default):
    from tensorflow.lite.python import schema_py_generated as schema

    model = schema.Model.GetRootAs(default.read_bytes(), 0)
    tables = [model.Buffers(number)._tab for number in range(model.BuffersLength())]
    starts = [table.Vector(table.Offset(4)) for table in tables if table.Offset(4)]
    assert len(starts) > 10
    assert not any(start % BUFFER_ALIGNMENT for start in starts)


def test_every_weight_has_a_scale_and_a_zero_point_a_channel(default):
    """TFLite-Micro reads both by channel."""
    model = unpack(default.read_bytes())
    weights = [tensor for tensor in model.subgraphs[0].tensors if tensor.quantization and len(tensor.shape) == 4]
    by_channel = [tensor for tensor in weights if len(tensor.quantization.scale) > 1]
    assert len(by_channel) > 5
    for tensor in by_channel:
        channels = tensor.shape[tensor.quantization.quantizedDimension]
        assert len(tensor.quantization.scale) == len(tensor.quantization.zeroPoint) == channels
        assert not np.any(tensor.quantization.zeroPoint)


def test_a_file_is_numbers_before_all(default, project_params):
    """What is not weights, biases and scales of the network is less than a quarter of them."""
    integers = integers_of(quantized_of(project_params, student_of(project_params)))
    numbers = sum(own.weight.nbytes + own.bias.nbytes + 2 * own.scale.nbytes for own in integers.convs.values())
    rest = default.stat().st_size - numbers
    assert rest < numbers / 4
