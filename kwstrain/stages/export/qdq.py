"""Write a quantized network as ONNX in QDQ form: each operation between DequantizeLinear and QuantizeLinear.

    stream   features float32 [1, frames, n_mels], state_0 ... uint8 -> score float32 [1, decisions], state_0_out ...
    clip     features float32 [1, frames, n_mels] -> score float32 [1, decisions]: those whose whole past is in the clip

A runtime that knows the pattern computes in 8 bits (onnxruntime: QLinearConv and its like), any other in float with the
same roundings. Activations are stored as uint8, q + 128, since onnxruntime's kernels for x86 take no other; weights are
int8. There is no clamp: the scales end where the clamps do. The same integers give the same bytes.

States have channels last, [1, mels, frames, channels]. onnxruntime's int8 convolutions want them so, and it takes out
transpositions that undo each other: with channels first, as ONNX's Conv has them, two would stay for each state.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kwstrain.models.onnx_graph import OPSET
from kwstrain.models.ops import FEATURES, Add, Conv, Mul, Remember, Sigmoid
from kwstrain.quantization.integers import IntegerNetwork
from kwstrain.quantization.scales import LOW, Scale

END = np.iinfo(np.int64).max
IR_VERSION = 10
CHANNELS_LAST, CHANNELS_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)


class Writer:
    """Nodes and constants as they are added; a tensor `name` is uint8 and has one scale."""

    def __init__(self, network: IntegerNetwork) -> None:
        self.network = network
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}
        self._scaled: dict[Scale, str] = {}

    def node(self, kind: str, sources: list[str], name: str, **fields: Any) -> str:
        """Add a node with one output, `name`, which is all the name it has; return it."""
        self.nodes.append(helper.make_node(kind, sources, [name], **fields))
        return name

    def constant(self, name: str, value: Any, dtype: Any) -> str:
        """Add a constant, once; return its name."""
        self.constants[name] = np.asarray(value, dtype)
        return name

    def _scale(self, name: str) -> list[str]:
        """Return the names of the scale and zero point of the tensor `name`: those of the first one that had them."""
        scale = self.network.scales[name]
        name = self._scaled.setdefault(scale, name)
        return [
            self.constant(f"{name}_scale", scale.scale, np.float32),
            self.constant(f"{name}_zero", scale.zero - LOW, np.uint8),
        ]

    def real(self, name: str) -> str:
        """Return the float32 form of the uint8 tensor `name`."""
        wanted = f"{name}_real"
        if any(node.output[0] == wanted for node in self.nodes):
            return wanted
        return self.node("DequantizeLinear", [name, *self._scale(name)], wanted)

    def rounded(self, source: str, name: str) -> str:
        """Add uint8 `name`, made from float32 `source`."""
        return self.node("QuantizeLinear", [source, *self._scale(name)], name)

    def conv(self, op: Conv, source: str) -> None:
        """Add a convolution of `source`, with its weights."""
        own, inputs = self.network.convs[op.name], [self.real(source)]
        numbers = [("weight", own.weight, own.scale)]
        if np.any(own.bias):
            numbers.append(("bias", own.bias, own.scale * np.float32(self.network.scales[op.source].scale)))
        for what, value, unit in numbers:  # without a zero point it is 0
            constant = self.constant(f"{op.name}_{what}", value, value.dtype)
            scale = self.constant(f"{op.name}_{what}_scale", unit, np.float32)
            inputs.append(self.node("DequantizeLinear", [constant, scale], f"{constant}_real", axis=0))
        made = self.node(
            "Conv",
            inputs,
            f"{op.name}_made",
            kernel_shape=list(op.kernel),
            strides=list(op.stride),
            pads=[op.pad, 0, op.pad, 0],
            group=op.channels if op.depthwise else 1,
        )
        self.rounded(made, op.name)

    def without_first(self, name: str, frames: int, axis: int = 3) -> str:
        """Return uint8 `name` from frame number `frames` on; a negative number counts from the end."""
        short = f"{name}_from_{frames}".replace("-", "minus_")
        if any(node.output[0] == short for node in self.nodes):
            return short
        bounds = [self.constant(f"from_{frames}".replace("-", "minus_"), [frames], np.int64)]
        bounds += [self.constant("end", [END], np.int64), self.constant(f"axis_{axis}", [axis], np.int64)]
        if name in self.network.scales:
            self.network.scales.setdefault(short, self.network.scales[name])
        return self.node("Slice", [name, *bounds], short)

    def remember(self, op: Remember, source: str, state: str) -> None:
        """Add what `op` gives: `state`, then `source`; and the state to come."""
        new = self.node("Transpose", [source], f"{op.name}_new", perm=CHANNELS_LAST)
        heard = self.node("Concat", [state, new], f"{op.name}_last", axis=2)
        self.node("Identity", [self.without_first(heard, -op.frames, axis=2)], f"{state}_out")
        self.node("Transpose", [heard], op.name, perm=CHANNELS_FIRST)


def qdq_model(network: IntegerNetwork, form: str) -> onnx.ModelProto:
    """Return `network` in the `form` "stream" or "clip"."""
    graph, streams = network.graph, form == "stream"
    write = Writer(replace(network, scales=dict(network.scales)))
    inputs = [helper.make_tensor_value_info(FEATURES, TensorProto.FLOAT, [1, "frames", graph.n_mels])]
    outputs = [helper.make_tensor_value_info("score", TensorProto.FLOAT, [1, "decisions"])]
    turned = write.node("Transpose", [FEATURES], "turned", perm=[0, 2, 1])
    axis = write.constant("new_axis", [2 if graph.mels_as_channels else 1], np.int64)
    write.network.scales["features_q"] = network.scales[FEATURES]
    write.rounded(write.node("Unsqueeze", [turned, axis], "image"), "features_q")
    names = {FEATURES: "features_q"}  # of tensors under another name than their operation's
    for op in graph.ops:
        source = names.get(op.source, op.source)
        if isinstance(op, Remember):
            if not streams:
                names[op.name] = source
                continue
            number = graph.memories.index(op)
            state = f"state_{number}"
            shape = list(network.initial[op.name].transpose(CHANNELS_LAST).shape)
            inputs.append(helper.make_tensor_value_info(state, TensorProto.UINT8, shape))
            outputs.append(helper.make_tensor_value_info(f"{state}_out", TensorProto.UINT8, shape))
            write.remember(op, source, state)
        elif isinstance(op, Conv):
            write.conv(op, source)
        elif isinstance(op, Add | Mul):
            other = names.get(op.other, op.other)
            if isinstance(op, Add) and not streams:
                other = write.without_first(other, op.late)
            kind = "Add" if isinstance(op, Add) else "Mul"
            write.rounded(write.node(kind, [write.real(source), write.real(other)], f"{op.name}_made"), op.name)
        elif isinstance(op, Sigmoid):
            write.network.scales["score_q"] = network.scales[op.name]
            write.rounded(write.node("Sigmoid", [write.real(source)], "sigmoid"), "score_q")
            axes = write.constant("squeezed_axes", [1, 2], np.int64)
            write.node("Squeeze", [write.real("score_q"), axes], "score")
    constants = [numpy_helper.from_array(value, name) for name, value in write.constants.items()]
    made = helper.make_graph(write.nodes, "kwstrain", inputs, outputs, constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    model.producer_name = "kwstrain"
    onnx.checker.check_model(model, full_check=True)
    return model


def write_qdq(network: IntegerNetwork, form: str, path: Path) -> None:
    """Write `qdq_model` to `path`."""
    onnx.save(qdq_model(network, form), str(path))
