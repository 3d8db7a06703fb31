"""What a model file holds and does, read from the file: parameters, and multiply-accumulates of one call."""

from pathlib import Path

import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

_CODES = schema.BuiltinOperator


def tflite_costs(path: Path, input_shape: list[int] | None = None) -> tuple[int, int]:
    """Return (parameters, MACs of one call); weights and biases are what counts as parameters."""
    interpreter = Interpreter(str(path), num_threads=1)
    if input_shape is not None:
        interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], input_shape)
    interpreter.allocate_tensors()
    shapes = {row["index"]: row["shape"] for row in interpreter.get_tensor_details()}
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(path.read_bytes(), 0))
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    graph = model.subgraphs[0]
    parameters, macs = set(), 0
    for operator in graph.operators:
        code = codes[operator.opcodeIndex]
        if code not in (_CODES.CONV_2D, _CODES.DEPTHWISE_CONV_2D, _CODES.FULLY_CONNECTED):
            continue
        weight = graph.tensors[operator.inputs[1]].shape
        parameters |= {int(place) for place in operator.inputs[1:3] if place >= 0}
        made = int(np.prod(shapes[operator.outputs[0]]))
        macs += made * int(np.prod(weight[1:3] if code == _CODES.DEPTHWISE_CONV_2D else weight[1:]))
    return sum(int(np.prod(graph.tensors[place].shape)) for place in parameters), macs


def onnx_parameters(path: Path) -> int:
    """Return how many numbers the weights and biases of an ONNX graph are; scales of an int8 file are left out."""
    values = onnx.load(path).graph.initializer
    quantized = any(value.data_type == onnx.TensorProto.INT8 for value in values)
    kinds = (onnx.TensorProto.INT8, onnx.TensorProto.INT32) if quantized else (onnx.TensorProto.FLOAT,)
    return sum(int(np.prod(value.dims)) for value in values if value.data_type in kinds and value.dims)
