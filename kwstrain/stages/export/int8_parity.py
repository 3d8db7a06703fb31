"""Check that the int8 files give the quantized network's scores, in steps of 1/256.

They are run by the runtime that ships (`kwsdata.runtime`), streams one decision at a time.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kwsdata.runtime.networks.onnx_backend import OnnxStream
from kwsdata.runtime.networks.tflite_backend import TfliteNetwork, TfliteStream
from kwstrain.quantization.network import FoldedStudent

CLIPS = 50  # whole clips compared


def measure_int8(directory: Path, files: dict[str, Any], network: FoldedStudent, frames: np.ndarray) -> dict[str, int]:
    """Return the greatest difference of each int8 file's scores on `frames` float32 [frames, n_mels], in 1/256."""
    stride, length = network.stride, network.receptive_field
    frames = frames[: len(frames) // stride * stride]
    with torch.inference_mode():
        expected = network.score(network(torch.from_numpy(frames)[None])[0])[0].numpy()
    steps = [frames[start : start + stride] for start in range(0, len(frames), stride)]
    # A decision hears the frames that end with its own: those whose whole past is there are clips.
    last = np.arange(expected.size)[(length - 1) // stride :]
    chosen = last[np.linspace(0, last.size - 1, min(CLIPS, last.size)).astype(int)]
    clips = [frames[(decision + 1) * stride - length : (decision + 1) * stride] for decision in chosen]

    silence = network.silence.numpy()

    def off(name: str, pieces: list[np.ndarray], scores: np.ndarray) -> int:
        run = _runner(directory / name, files[name] | {"stride": stride}, silence)
        found = np.concatenate([run(piece).reshape(-1) for piece in pieces])
        return int(np.abs(np.rint(256 * found) - np.rint(256 * scores)).max())

    result = {name: off(name, steps, expected) for name in ("model.int8.onnx", "model.int8.tflite")}
    return result | {name: off(name, clips, expected[chosen]) for name in ("clip.int8.onnx", "clip.int8.tflite")}


def _runner(path: Path, info: dict[str, Any], silence: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return what gives the scores of frames [frames, n_mels]."""
    if info["runtime"] == "onnx":
        return OnnxStream(path, info, 1, silence).score
    return TfliteNetwork(path, 1) if info["form"] == "clip" else TfliteStream(path, info, 1, silence).score
