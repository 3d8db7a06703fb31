"""Describe each exported file in model.json: enough to run it without looking inside."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kwsdata.files.atomic import sha256_of
from kwstrain.models.ops import FEATURES
from kwstrain.quantization.integers import IntegerNetwork
from kwstrain.quantization.scales import LOW, SCORE
from kwstrain.stages.export.qdq import CHANNELS_LAST


@dataclass(frozen=True)
class Form:
    """One of the exported files: its runtime (onnx, tflite), arithmetic (float32, int8) and form (stream, clip)."""

    file: str
    runtime: str
    arithmetic: str
    form: str


FLOAT_STREAM = Form("model.onnx", "onnx", "float32", "stream")
FLOAT_CLIP = Form("clip.onnx", "onnx", "float32", "clip")
INT8_ONNX = [Form("model.int8.onnx", "onnx", "int8", "stream"), Form("clip.int8.onnx", "onnx", "int8", "clip")]
INT8_TFLITE = [
    Form("model.int8.tflite", "tflite", "int8", "stream"),
    Form("clip.int8.tflite", "tflite", "int8", "clip"),
]


def describe_float(form: Form, directory: Path, n_mels: int, states: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what model.json says of a float file."""
    states = [state | {"dtype": "float32"} for state in states] if form.form == "stream" else []
    return _file(form, directory) | _onnx_ends(n_mels) | {"states": states}


def describe_state(number: int, initial: np.ndarray) -> dict[str, Any]:
    """Return name, shape and first value of a state: `initial` in as few numbers as broadcast to it, nested lists."""
    kept = initial
    for axis in range(initial.ndim):
        first = kept.take([0], axis)
        if np.array_equal(np.broadcast_to(first, kept.shape), kept):
            kept = first
    kept = kept.reshape(kept.shape[next((axis for axis, size in enumerate(kept.shape) if size > 1), kept.ndim) :])
    if kept.dtype == np.float32:  # the float64 whose shortest digits are those of the float32
        kept = np.asarray([float(str(value)) for value in kept.flat]).reshape(kept.shape)
    return {"name": f"state_{number}", "shape": list(initial.shape), "initial": kept.tolist()}


def describe_onnx(form: Form, directory: Path, network: IntegerNetwork) -> dict[str, Any]:
    """Return what model.json says of an int8 ONNX file."""
    states = []
    for number, memory in enumerate(network.graph.memories if form.form == "stream" else []):
        initial = network.initial[memory.name].transpose(CHANNELS_LAST).astype(np.int64) - LOW
        states.append({"dtype": "uint8"} | describe_state(number, initial))
    return _file(form, directory) | _onnx_ends(network.graph.n_mels) | {"states": states}


def describe_tflite(form: Form, directory: Path, network: IntegerNetwork) -> dict[str, Any]:
    """Return what model.json says of a TFLite file."""
    graph, scale = network.graph, network.scales[FEATURES]
    frames = graph.stride if form.form == "stream" else graph.receptive_field
    signed = form.form == "clip"
    return _file(form, directory) | {
        "input": {
            "name": FEATURES,
            "dtype": "int8",
            "shape": [1, frames, graph.n_mels],
            "scale": scale.scale,
            "zero_point": scale.zero,
        },
        "output": {
            "name": "score",
            "dtype": "int8" if signed else "uint8",
            "shape": [1, 1],
            "scale": SCORE.scale,
            "zero_point": LOW if signed else 0,
        },
        "states": [],
    }


def _onnx_ends(n_mels: int) -> dict[str, Any]:
    return {
        "input": {"name": FEATURES, "dtype": "float32", "shape": [1, "frames", n_mels]},
        "output": {"name": "score", "dtype": "float32", "shape": [1, "decisions"]},
    }


def _file(form: Form, directory: Path) -> dict[str, Any]:
    path = directory / form.file
    return {
        "runtime": form.runtime,
        "arithmetic": form.arithmetic,
        "form": form.form,
        "sha256": sha256_of(path),
        "bytes": path.stat().st_size,
    }
