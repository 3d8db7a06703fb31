"""Write a quantized network as TFLite: build it in TensorFlow, convert it, and compare.

The operations are those of `kwstrain.models.ops`, in TensorFlow's layout [1, frames, mels, channels]. Every
activation passes `fake_quant_with_min_max_args` at the ends of its scale, weights and biases are constants that already
are multiples of theirs, and TensorFlow's converter (`Optimize.DEFAULT`, int8 in and out) finds the int8 graph. It could
find another one: `check_integers` refuses a file in which a weight, bias or scale is not the network's own.

    clip     features int8 [1, receptive field, n_mels] -> score int8 [1, 1]
    stream   features int8 [1, stride, n_mels] -> score uint8 [1, 1]; its state see `tflite_state`
"""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from kwsdata.errors import KwsError
from kwstrain.models.ops import FEATURES, Add, Conv, Mul, Remember, Sigmoid
from kwstrain.quantization.integers import IntegerNetwork
from kwstrain.stages.export.tflite_pack import unpack
from kwstrain.stages.export.tflite_state import finish_file, weight_order

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow reads it when it is loaded
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")


class ConversionError(KwsError):
    """TensorFlow's converter made another network than the one it was given."""


def write_tflite(network: IntegerNetwork, form: str, path: Path) -> None:
    """Write `network` to `path` in the `form` "stream" or "clip".

    Raises:
        ConversionError: the file does not hold the network's integers.
    """
    streams = form == "stream"
    frames = network.graph.stride if streams else network.graph.receptive_field
    converted = _convert(network, streams, frames)
    check_integers(converted, network)
    path.write_bytes(finish_file(converted, network, streams))


def _convert(network: IntegerNetwork, streams: bool, frames: int) -> bytes:
    """Return the converted graph; in a stream states are inputs and outputs, as `finish_file` wants them."""
    import tensorflow as tf

    shapes = network.graph.shapes
    specs = [tf.TensorSpec([1, frames, network.graph.n_mels], tf.float32, FEATURES)]
    for number, memory in enumerate(network.graph.memories if streams else []):
        channels, mels = shapes[memory.name]
        specs.append(tf.TensorSpec([1, memory.frames, mels, channels], tf.float32, f"state_{number}"))
    step = tf.function(lambda *inputs: _run(network, inputs), input_signature=specs, autograph=False)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([step.get_concrete_function()])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Statistics for quantized inputs")  # they are in the graph
        return bytes(converter.convert())


def _run(network: IntegerNetwork, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return score [1, decisions] and the new states, of features [1, frames, n_mels] and the old states."""
    import tensorflow as tf

    def rounded(x: Any, name: str) -> Any:
        scale = network.scales[name]
        return tf.quantization.fake_quant_with_min_max_args(x, min=scale.low, max=scale.high, num_bits=8)

    features, *states = inputs
    channels, mels = network.graph.shapes[FEATURES]
    values = {FEATURES: rounded(tf.reshape(features, [1, -1, mels, channels]), FEATURES)}
    new_states: list[Any] = []
    for op in network.graph.ops:
        source = values[op.source]
        if isinstance(op, Remember):
            if states:
                old = states[len(new_states)]
                source = tf.concat([rounded(old, op.source), source], axis=1)
                new_states.append(source[:, -op.frames :])
            values[op.name] = source
        elif isinstance(op, Conv):
            values[op.name] = rounded(_conv(network, op, source), op.name)
        elif isinstance(op, Add):
            other = values[op.other]
            values[op.name] = rounded(source + (other if states else other[:, op.late :]), op.name)
        elif isinstance(op, Mul):
            values[op.name] = rounded(source * values[op.other], op.name)
        elif isinstance(op, Sigmoid):
            values[op.name] = tf.reshape(tf.sigmoid(source), [1, -1])
    return values[network.graph.ops[-1].name], *new_states


def _conv(network: IntegerNetwork, op: Conv, source: Any) -> Any:
    import tensorflow as tf

    own = network.convs[op.name]
    weight = own.weight * own.scale.reshape(-1, 1, 1, 1)
    bias = own.bias * own.scale.astype(np.float64) * network.scales[op.source].scale
    strides = [1, op.stride[1], op.stride[0], 1]
    if op.pad:
        source = tf.pad(source, [[0, 0], [0, 0], [op.pad, op.pad], [0, 0]])
    if op.depthwise:
        made = tf.nn.depthwise_conv2d(source, tf.constant(weight.transpose(3, 2, 0, 1)), strides, "VALID")
    else:
        made = tf.nn.conv2d(source, tf.constant(weight.transpose(3, 2, 1, 0)), strides, "VALID")
    return made + tf.constant(bias.astype(np.float32))


def check_integers(converted: bytes, network: IntegerNetwork) -> None:
    """See that every weight, bias and scale of `network` is in a converted file, and that nothing in it is float.

    Raises:
        ConversionError: one is not.
    """
    from tensorflow.lite.python import schema_py_generated as schema

    model = unpack(converted)
    tensors = model.subgraphs[0].tensors
    constants, scales = set(), set()
    for place, tensor in enumerate(tensors):
        data = model.buffers[tensor.buffer].data
        if tensor.type == schema.TensorType.FLOAT32:
            raise ConversionError(f"TensorFlow's converter left tensor {place} ({tensor.name}) in float: no int8 file.")
        if data is not None and len(data):
            constants.add(bytes(np.asarray(data, np.uint8)))
        elif tensor.quantization is not None and tensor.quantization.scale is not None:
            scales.add((float(tensor.quantization.scale[0]), int(tensor.quantization.zeroPoint[0])))
    for conv in network.graph.convs:
        own = network.convs[conv.name]
        for what, value in (("weights", own.weight.transpose(weight_order(conv))), ("bias", own.bias)):
            if np.ascontiguousarray(value).tobytes() not in constants:
                raise ConversionError(f"TensorFlow's converter changed the {what} of {conv.name}.")
    for name, scale in network.scales.items():
        if not any(zero == scale.zero and np.isclose(found, scale.scale, rtol=1e-6) for found, zero in scales):
            raise ConversionError(f"TensorFlow's converter changed the scale of {name}, {tuple(scale)}.")
