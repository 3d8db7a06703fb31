"""The last step to a TFLite file: states become variables of the interpreter, names and notes go.

    main    CALL_ONCE(start); x = READ_VARIABLE(VAR_HANDLE state_i) ...; the network; ASSIGN_VARIABLE(state_i, ...);
            score = QUANTIZE(int8 -> uint8)
    start   ASSIGN_VARIABLE(VAR_HANDLE state_i, its value before a stream's start)

That is microWakeWord's form of a streaming model, and its types: int8 in, uint8 out. TensorFlow's converter gives a
graph with states as inputs and outputs; here its flatbuffer is rewritten through TensorFlow's own schema. What the
converter writes of its own (names with counters, its version) is dropped: the same integers give the same bytes.
"""

from typing import Any

import numpy as np

from kwstrain.folded.integers import IntegerNetwork
from kwstrain.folded.ops import FEATURES, Conv


def weight_order(conv: Conv) -> tuple[int, int, int, int]:
    """Return how TFLite orders the axes (out, in, mels, frames) of weights."""
    return (1, 3, 2, 0) if conv.depthwise else (0, 3, 2, 1)


def unpacked(data: bytes) -> Any:
    """Return a TFLite file as objects of the schema (`ModelT`)."""
    from tensorflow.lite.python import schema_py_generated as schema

    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))


def packed(model: Any) -> bytes:
    """Return the bytes of a file of `unpacked`'s objects."""
    import flatbuffers

    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def finished(data: bytes, network: IntegerNetwork, streams: bool) -> bytes:
    """Return the converted file `data` with its states inside, where it `streams`, and without notes."""
    model = unpacked(data)
    rewrite = Rewrite(model)
    rewrite.exact_scales(network)
    if streams:
        rewrite.states_inside(network)
        rewrite.score_unsigned()
    rewrite.tidy()
    return packed(model)


class Rewrite:
    """One file as it is rewritten. The converter keeps the order of inputs and outputs: features or score, states."""

    def __init__(self, model: Any) -> None:
        from tensorflow.lite.python import schema_py_generated as schema

        self.schema, self.model, self.graph = schema, model, model.subgraphs[0]
        features, *states = (int(place) for place in self.graph.inputs)
        self.inputs = {FEATURES: features} | {f"state_{number}": place for number, place in enumerate(states)}
        score, *states = (int(place) for place in self.graph.outputs)
        self.outputs = {"score": score} | {f"state_{number}_out": place for number, place in enumerate(states)}

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

    def states_inside(self, network: IntegerNetwork) -> None:
        """Turn the inputs state_i and outputs state_i_out into variables."""
        start = self.schema.SubGraphT()
        start.name, start.tensors, start.inputs, start.outputs, start.operators = b"start", [], [], [], []
        self.model.subgraphs.append(start)
        before, after = [self._op("CALL_ONCE", [], [], initSubgraphIndex=len(self.model.subgraphs) - 1)], []
        for number, memory in enumerate(network.graph.memories):
            name = f"state_{number}"
            handle = self._variable(self.graph, before, name)
            before.append(self._op("READ_VARIABLE", [handle], [self.inputs[name]]))
            after.append(self._op("ASSIGN_VARIABLE", [handle, self.outputs[f"{name}_out"]], []))
            like = self.graph.tensors[self.inputs[name]]
            value = network.initial(memory).transpose(0, 3, 2, 1)
            assert tuple(like.shape) == value.shape, f"{name}: the converter changed the order of its inputs"
            initial = self._tensor(start, f"{name}_start", like.type, like.shape, like.quantization, value)
            handle = self._variable(start, start.operators, name)
            start.operators.append(self._op("ASSIGN_VARIABLE", [handle, initial], []))
        self.graph.operators = [*before, *self.graph.operators, *after]
        self.inputs = {FEATURES: self.inputs[FEATURES]}
        self.outputs = {"score": self.outputs["score"]}

    def score_unsigned(self) -> None:
        """Give the score as uint8 with zero point 0 instead of int8 with -128."""
        signed = self.graph.tensors[self.outputs["score"]]
        quantization = self.schema.QuantizationParametersT()
        quantization.scale, quantization.zeroPoint = [float(signed.quantization.scale[0])], [0]
        unsigned = self._tensor(self.graph, "score", self.schema.TensorType.UINT8, signed.shape, quantization)
        self.graph.operators.append(self._op("QUANTIZE", [self.outputs["score"]], [unsigned]))
        self.outputs = {"score": unsigned}

    def tidy(self) -> None:
        """Name tensors by their places, inputs and outputs by what they are; drop notes."""
        for graph, title in zip(self.model.subgraphs, (b"main", b"start"), strict=False):
            graph.name = title
            for place, tensor in enumerate(graph.tensors):
                tensor.name = f"tensor_{place}".encode()
        for name, place in (*self.inputs.items(), *self.outputs.items()):
            self.graph.tensors[place].name = name.encode()
        self.graph.inputs, self.graph.outputs = list(self.inputs.values()), list(self.outputs.values())
        signature = self.schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = b"serving_default", 0
        signature.inputs = [self._named(name, place) for name, place in self.inputs.items()]
        signature.outputs = [self._named(name, place) for name, place in self.outputs.items()]
        self.model.signatureDefs = [signature]
        for note in self.model.metadata or []:
            self.model.buffers[note.buffer].data = None
        self.model.metadata, self.model.metadataBuffer, self.model.description = [], [], b"kwstrain"

    def _named(self, name: str, place: int) -> Any:
        entry = self.schema.TensorMapT()
        entry.name, entry.tensorIndex = name.encode(), place
        return entry

    def _variable(self, graph: Any, operators: list[Any], name: str) -> int:
        """Add a handle to variable `name` to `graph`; return its tensor."""
        handle = self._tensor(graph, f"{name}_handle", self.schema.TensorType.RESOURCE, [])
        operators.append(self._op("VAR_HANDLE", [], [handle], container=b"", sharedName=name.encode()))
        return handle

    def _tensor(
        self, graph: Any, name: str, kind: int, shape: Any, quantization: Any = None, value: np.ndarray | None = None
    ) -> int:
        """Add a tensor to `graph`; return its place."""
        tensor = self.schema.TensorT()
        tensor.name, tensor.type, tensor.shape, tensor.quantization = name.encode(), kind, list(shape), quantization
        tensor.buffer = 0  # by convention the empty one
        if value is not None:
            buffer = self.schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(value).tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            tensor.buffer = len(self.model.buffers) - 1
        graph.tensors.append(tensor)
        return len(graph.tensors) - 1

    def _op(self, kind: str, inputs: list[int], outputs: list[int], **options: Any) -> Any:
        """Return an operator of the builtin `kind`, whose options are called as the kind is."""
        operator = self.schema.OperatorT()
        operator.opcodeIndex = self._code(getattr(self.schema.BuiltinOperator, kind))
        operator.inputs, operator.outputs = inputs, outputs
        title = "".join(word.capitalize() for word in kind.split("_")) + "Options"
        operator.builtinOptionsType = getattr(self.schema.BuiltinOptions, title)
        operator.builtinOptions = getattr(self.schema, f"{title}T")()
        for name, value in options.items():
            setattr(operator.builtinOptions, name, value)
        return operator

    def _code(self, builtin: int) -> int:
        """Return the place of operator `builtin` in the file's list, where it is added if it is missing."""
        for place, code in enumerate(self.model.operatorCodes):
            if code.builtinCode == builtin:
                return place
        code = self.schema.OperatorCodeT()
        code.builtinCode, code.version = builtin, 1
        code.deprecatedBuiltinCode = min(builtin, 127)
        self.model.operatorCodes.append(code)
        return len(self.model.operatorCodes) - 1
