"""Read TFLite files as objects of TensorFlow's schema, and write them in as few bytes as possible.

A flatbuffer refers to its parts by offset, and any number of references may be to one part. `pack` writes what is
equal once: vectors (the zero points of weights, int64 and all 0, are most of it), the quantization of tensors, options
of operators, whole tensors that differ in place alone, and buffers. Nothing is left out that a runtime reads.
"""

from typing import Any

import flatbuffers
import numpy as np

BUFFER_ALIGNMENT = 16  # bytes, the schema's `force_align` of Buffer.data


def unpack(data: bytes) -> Any:
    """Return a TFLite file as objects of the schema (`ModelT`); its vectors of numbers are arrays."""
    from tensorflow.lite.python import schema_py_generated as schema

    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))


def pack(model: Any) -> bytes:
    """Return the bytes of a file of `unpack`'s objects, which are changed: buffers get other places."""
    _one_buffer_each(model)
    model = unpack(_written(model))  # lists of numbers become arrays, which `_Builder` knows from lists of parts
    parts: dict[Any, _Once] = {}
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.quantization = _shared(tensor.quantization, parts)
        for operator in graph.operators:
            operator.builtinOptions = _shared(operator.builtinOptions, parts)
        graph.tensors = [_shared(tensor, parts) for tensor in graph.tensors]
    model.buffers = [_Aligned(buffer) for buffer in model.buffers]
    return _written(model)


def _written(model: Any) -> bytes:
    builder = _Builder(1 << 16)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _one_buffer_each(model: Any) -> None:
    """Let tensors of the same contents share a buffer, and those without contents the first, which is empty."""
    places: dict[bytes, int] = {b"": 0}
    kept = [model.buffers[0]]
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            buffer = model.buffers[tensor.buffer]
            contents = b"" if buffer.data is None else bytes(np.asarray(buffer.data, np.uint8))
            if contents not in places:
                places[contents] = len(kept)
                kept.append(buffer)
            tensor.buffer = places[contents]
    model.buffers = kept


class _Builder(flatbuffers.Builder):
    """Writes equal vectors of numbers, and equal strings, once."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._vectors: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, x: np.ndarray) -> int:
        key = x.dtype.str, x.tobytes()
        if key not in self._vectors:
            self._vectors[key] = super().CreateNumpyVector(x)
        return self._vectors[key]

    def CreateString(self, s: Any, *args: Any) -> int:
        key = "string", bytes(s)
        if key not in self._vectors:
            self._vectors[key] = super().CreateString(s, *args)
        return self._vectors[key]


class _Once:
    """A part that is written the first time, and referred to from then on."""

    def __init__(self, part: Any) -> None:
        self._part = part
        self._place: int | None = None

    def Pack(self, builder: flatbuffers.Builder) -> int:
        if self._place is None:
            self._place = int(self._part.Pack(builder))
        return self._place


class _Aligned:
    """A buffer whose data lie where the schema wants them; Python's generated code does not see to it."""

    def __init__(self, buffer: Any) -> None:
        self._buffer = buffer

    def Pack(self, builder: flatbuffers.Builder) -> int:
        data = self._buffer.data
        if data is not None:
            builder.Prep(BUFFER_ALIGNMENT, len(data))  # the length, 4 bytes, lies before the aligned data
        return self._buffer.Pack(builder)


def _shared(part: Any, parts: dict[Any, _Once]) -> Any:
    return None if part is None else parts.setdefault(_key(part), _Once(part))


def _key(value: Any) -> Any:
    """Return what equal parts have in common, and no others."""
    if isinstance(value, _Once):
        return id(value)
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.tobytes()
    if isinstance(value, list):
        return tuple(_key(item) for item in value)
    if hasattr(value, "__dict__"):
        return type(value).__name__, tuple((name, _key(item)) for name, item in sorted(vars(value).items()))
    return value
