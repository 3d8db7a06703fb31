"""The interface of backends, and backends by name. A new one is a class and a line here."""

import importlib
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from kwsdata.errors import MissingExtraError, StageInputError

BACKENDS = {
    "onnx_stream": "kwsdata.runtime.networks.onnx_backend:OnnxStream",
    "onnx_clip": "kwsdata.runtime.networks.onnx_backend:OnnxClip",
    "tflite_stream": "kwsdata.runtime.networks.tflite_backend:TfliteStream",
    "tflite_clip": "kwsdata.runtime.networks.tflite_backend:TfliteClip",
}


class Backend(Protocol):
    """A model file that is running: it remembers what it has heard."""

    def __init__(self, path: Path, info: dict[str, Any], threads: int, silence: np.ndarray) -> None:
        """Load `path`, which `info` describes (see `kwsdata.runtime.networks.description`).

        `silence` [n_mels] is the front end's frame of digital silence: what was heard before a stream, to a backend
        whose file does not say so itself.

        Raises:
            StageInputError: the file cannot be loaded, or does not do what `info` says.
        """

    def reset(self) -> None:
        """Forget everything heard: before the next frames there was silence, as before the first."""

    def score(self, frames: np.ndarray) -> np.ndarray:
        """Take the next frames, float32 [decisions * stride, n_mels]; return the scores, float32 [decisions]."""
        ...


def open_backend(path: Path, info: dict[str, Any], silence: np.ndarray, threads: int = 1) -> Backend:
    """Return what runs `path`; see `Backend.__init__`.

    Raises:
        StageInputError: there is no such backend, or the file is not what `info` says.
        MissingExtraError: the package that runs it is not installed.
    """
    name = info["backend"]
    if name not in BACKENDS:
        raise StageInputError(f"{path}: no backend is named {name!r}; this version has {', '.join(BACKENDS)}.")
    module, _, kind = BACKENDS[name].partition(":")
    try:
        made: Backend = getattr(importlib.import_module(module), kind)(path, info, threads, silence)
    except ModuleNotFoundError as error:
        package = {"ai_edge_litert": "ai-edge-litert"}.get((error.name or "").split(".")[0])
        if package is None:
            raise
        raise MissingExtraError(package, "runtime", f"{path.name}") from None
    _try(made, path, int(info["stride"]), silence)
    return made


def _try(backend: Backend, path: Path, stride: int, silence: np.ndarray) -> None:
    """Refuse a file that loads, and then does not take the frames that its description says it hears."""
    try:
        scores = backend.score(np.tile(silence.astype(np.float32), (stride, 1)))
        backend.reset()
    except Exception as error:  # the runtimes' own exceptions share no public base class
        raise StageInputError(
            f"{path} does not run on frames of {silence.size} numbers, {stride} a decision: {_first_line(error)}. "
            "Export it again, with its description: `dvc repro export`."
        ) from None
    if scores.shape != (1,) or not 0 <= scores[0] <= 1:
        raise StageInputError(f"{path} gives {scores.tolist()} for one decision, and no probability.")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")
