"""Turn a TFLite file's states into variables of the interpreter, and drop names and notes.

    main    CALL_ONCE(start); the network, with state_i = READ_VARIABLE(VAR_HANDLE) before it is used first and
            ASSIGN_VARIABLE(VAR_HANDLE, the new state_i) once that is there; score = QUANTIZE(int8 -> uint8)
    start   ASSIGN_VARIABLE(VAR_HANDLE, state_i at a stream's start, that of silence: CONCATENATION of a few frames)

That is microWakeWord's form of a streaming model, and its types: int8 in, uint8 out. TensorFlow's converter gives a
graph with states as inputs and outputs; here its flatbuffer is rewritten through TensorFlow's own schema. What the
converter writes of its own (names with counters, its version) is dropped: the same integers give the same bytes.
"""

from typing import Any

import numpy as np

from kwstrain.models.ops import FEATURES, Conv
from kwstrain.quantization.integers import IntegerNetwork
from kwstrain.stages.export.tflite_edit import Editor
from kwstrain.stages.export.tflite_pack import pack, unpack

MAX_INPUTS = 10  # of CONCATENATION, in TFLite-Micro
FRAMES = 1  # the axis of [1, frames, mels, channels]


def weight_order(conv: Conv) -> tuple[int, int, int, int]:
    """Return how TFLite orders the axes (out, in, mels, frames) of weights."""
    return (1, 3, 2, 0) if conv.depthwise else (0, 3, 2, 1)


def finish_file(data: bytes, network: IntegerNetwork, streams: bool) -> bytes:
    """Return the converted file `data` with its states inside, where it `streams`, and without notes."""
    model = unpack(data)
    rewrite = Rewrite(model)
    rewrite.exact_scales(network)
    rewrite.one_zero_bias()
    if streams:
        rewrite.states_inside(network)
        rewrite.score_unsigned()
    rewrite.tidy()
    return pack(model)


class Rewrite(Editor):
    """One file as it is rewritten. The converter keeps the order of inputs (features, states) and outputs."""

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self.features, *self.states = (int(place) for place in self.graph.inputs)
        self.score, *self.new_states = (int(place) for place in self.graph.outputs)

    def exact_scales(self, network: IntegerNetwork) -> None:
        """Write the network's own scales: the converter's, found again from ranges, are off in the last bit.

        That bit decides, once in some thousand frames, to which side a number near the middle of two is rounded.
        """
        weights = {}
        for conv in network.graph.convs:
            own = network.convs[conv.name]
            weights[np.ascontiguousarray(own.weight.transpose(weight_order(conv))).tobytes(), own.scale.size] = (
                own.scale
            )
        known = np.asarray([scale.scale for scale in network.scales.values()], np.float32)
        for tensor in self.graph.tensors:
            quantization = tensor.quantization
            if quantization is None or quantization.scale is None:
                continue
            scale, data = np.asarray(quantization.scale, np.float32), self.model.buffers[tensor.buffer].data
            if data is None or not len(data):
                nearest = known[np.abs(known / scale[0] - 1).argmin()]
                quantization.scale = [float(nearest)]
            elif tensor.type == self.schema.TensorType.INT8:
                quantization.scale = weights[bytes(np.asarray(data, np.uint8)), scale.size].tolist()

    def one_zero_bias(self) -> None:
        """Give biases of zeros (of depthwise convolutions) one scale: they are zero in any, and then they are one."""
        scales: dict[int, Any] = {}
        for tensor in self.graph.tensors:
            data = self.model.buffers[tensor.buffer].data
            if tensor.type == self.schema.TensorType.INT32 and tensor.quantization is not None and not np.any(data):
                tensor.quantization = scales.setdefault(len(data), tensor.quantization)

    def states_inside(self, network: IntegerNetwork) -> None:
        """Turn the inputs and outputs that are states into variables."""
        inner, self.graph.operators = self.graph.operators, []
        start, handles = self.subgraph(), {}
        self.op(self.graph, "CALL_ONCE", [], [], initSubgraphIndex=len(self.model.subgraphs) - 1)
        for operator in inner:
            for number, place in enumerate(self.states):
                if place in operator.inputs and number not in handles:
                    handles[number] = self.variable(self.graph, f"state_{number}")
                    self.op(self.graph, "READ_VARIABLE", [handles[number]], [place])
            self.graph.operators.append(operator)
            for number, place in enumerate(self.new_states):
                if place in operator.outputs:
                    self.op(self.graph, "ASSIGN_VARIABLE", [handles[number], place], [])
        for number, memory in enumerate(network.graph.memories):
            self._start(start, f"state_{number}", self.states[number], network.initial[memory.name])

    def _start(self, start: Any, name: str, place: int, initial: np.ndarray) -> None:
        """Give variable `name`, a state as at `place`, its first value: `initial` int8 [1, channels, mels, frames]."""
        like, frames = self.graph.tensors[place], initial.shape[-1]
        assert tuple(like.shape) == initial.transpose(0, 3, 2, 1).shape, f"{name}: the converter reordered its inputs"
        times = max(times for times in range(1, MAX_INPUTS + 1) if frames % times == 0)
        part = initial[..., : frames // times]  # all frames are alike
        value = self.constant(start, part.transpose(0, 3, 2, 1), like.quantization)
        if times > 1:
            whole = self.tensor(start, like.type, like.shape, like.quantization)
            self.op(start, "CONCATENATION", [value] * times, [whole], axis=FRAMES)
            value = whole
        self.op(start, "ASSIGN_VARIABLE", [self.variable(start, name), value], [])

    def score_unsigned(self) -> None:
        """Give the score as uint8 with zero point 0 instead of int8 with -128."""
        signed = self.graph.tensors[self.score]
        quantization = self.schema.QuantizationParametersT()
        quantization.scale, quantization.zeroPoint = [float(signed.quantization.scale[0])], [0]
        unsigned = self.tensor(self.graph, self.schema.TensorType.UINT8, signed.shape, quantization)
        self.op(self.graph, "QUANTIZE", [self.score], [unsigned])
        self.score = unsigned

    def tidy(self) -> None:
        """Name the input and the output by what they are, and no other tensor; drop notes."""
        for graph, title in zip(self.model.subgraphs, (b"main", b"start"), strict=False):
            graph.name = title
            for tensor in graph.tensors:
                tensor.name = None
        signature = self.schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = b"serving_default", 0
        signature.inputs, signature.outputs = [self._named(FEATURES, self.features)], [self._named("score", self.score)]
        self.graph.inputs, self.graph.outputs = [self.features], [self.score]
        self.model.signatureDefs = [signature]
        for note in self.model.metadata or []:
            self.model.buffers[note.buffer].data = None
        self.model.metadata, self.model.metadataBuffer, self.model.description = None, None, b"kwstrain"

    def _named(self, name: str, place: int) -> Any:
        """Name the tensor at `place`; return the signature's entry of it."""
        self.graph.tensors[place].name = name.encode()
        entry = self.schema.TensorMapT()
        entry.name, entry.tensorIndex = name.encode(), place
        return entry
