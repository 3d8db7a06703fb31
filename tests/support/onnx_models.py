"""Small ONNX graphs whose output is known, written by tests."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kwsdata.files.atomic import sha256_of


def save(
    path: Path, nodes: list[Any], inputs: dict[str, list[Any]], outputs: dict[str, list[Any]], **constants: Any
) -> None:
    """Write a float32 graph."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))


def loudness_model(directory: Path, params: Any, threshold: float = 0.0) -> None:
    """Write an exported "model" whose score is the logistic of (mean log-mel of the last frame of two) - threshold.

    Its one state counts what it was given, so that a scorer that mixes states up is found out.
    """
    stride, n_mels = 2, params.features.n_mels
    save(
        directory / "model.onnx",
        [
            helper.make_node("ReduceMean", ["features"], ["mean"], axes=[2], keepdims=0),
            helper.make_node("Slice", ["mean", "one", "far", "along", "two"], ["last"]),
            helper.make_node("Sub", ["last", "threshold"], ["logit"]),
            helper.make_node("Sigmoid", ["logit"], ["score"]),
            helper.make_node("Add", ["state_0", "more"], ["state_0_out"]),
        ],
        {"features": [1, "frames", n_mels], "state_0": [1, 1]},
        {"score": [1, "decisions"], "state_0_out": [1, 1]},
        one=np.asarray([1], np.int64),
        far=np.asarray([1 << 40], np.int64),
        along=np.asarray([1], np.int64),
        two=np.asarray([2], np.int64),
        threshold=np.float32(threshold),
        more=np.ones((1, 1), np.float32),
    )
    info = {
        "format": 1,
        "keyword": params.keyword.text,
        "features": params.features.model_dump(),
        "stride": stride,
        "warm_up_s": 0.0,
        "states": [{"name": "state_0", "shape": [1, 1]}],
        "sha256": sha256_of(directory / "model.onnx"),
    }
    (directory / "model.json").write_text(json.dumps(info))
