"""Add operators and tensors to a TFLite file as objects of TensorFlow's schema."""

from typing import Any

import numpy as np


class Editor:
    """One file as it is changed. A tensor is known by its place in its graph."""

    def __init__(self, model: Any) -> None:
        from tensorflow.lite.python import schema_py_generated as schema

        self.schema, self.model, self.graph = schema, model, model.subgraphs[0]

    def subgraph(self) -> Any:
        """Add a graph of nothing; return it."""
        graph = self.schema.SubGraphT()
        graph.tensors, graph.inputs, graph.outputs, graph.operators = [], [], [], []
        self.model.subgraphs.append(graph)
        return graph

    def constant(self, graph: Any, value: np.ndarray, quantization: Any = None) -> int:
        """Add a tensor of `value`, int8 or int32."""
        buffer = self.schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(value).tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        kind = getattr(self.schema.TensorType, value.dtype.name.upper())
        return self.tensor(graph, kind, value.shape, quantization, len(self.model.buffers) - 1)

    def tensor(self, graph: Any, kind: int, shape: Any, quantization: Any = None, buffer: int = 0) -> int:
        """Add a tensor without a name. Buffer 0 is by convention the empty one."""
        tensor = self.schema.TensorT()
        tensor.type, tensor.shape, tensor.quantization, tensor.buffer = kind, list(shape), quantization, buffer
        graph.tensors.append(tensor)
        return len(graph.tensors) - 1

    def op(self, graph: Any, kind: str, inputs: list[int], outputs: list[int], **options: Any) -> None:
        """Add an operator of the builtin `kind`, whose options are called as the kind is."""
        operator = self.schema.OperatorT()
        operator.opcodeIndex = self._code(getattr(self.schema.BuiltinOperator, kind))
        operator.inputs, operator.outputs = inputs, outputs
        title = "".join(word.capitalize() for word in kind.split("_")) + "Options"
        operator.builtinOptionsType = getattr(self.schema.BuiltinOptions, title)
        operator.builtinOptions = getattr(self.schema, f"{title}T")()
        for name, value in options.items():
            setattr(operator.builtinOptions, name, value)
        graph.operators.append(operator)

    def variable(self, graph: Any, name: str) -> int:
        """Add a handle to the interpreter's variable `name`."""
        handle = self.tensor(graph, self.schema.TensorType.RESOURCE, [])
        self.op(graph, "VAR_HANDLE", [], [handle], container=b"", sharedName=name.encode())
        return handle

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
