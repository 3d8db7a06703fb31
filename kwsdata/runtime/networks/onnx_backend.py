"""Backends of ONNX files: streaming with the state given and returned, and whole windows.

    streaming   in    features [1, frames, n_mels], frames a multiple of the stride; state_0, state_1, ...
                out   score [1, decisions]; state_0_out, state_1_out, ...
    window      in    [1, window, dim]
                out   [1, 1]

`features` and `score` are float32. At a stream's start the states are those of silence: the description has them.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from kwsdata.errors import StageInputError
from kwsdata.runtime.networks.description import read_model_file
from kwsdata.runtime.networks.shapes import initial_states
from kwsdata.runtime.networks.windowed import Windowed


class OnnxStream:
    """See `kwsdata.runtime.networks.backend.Backend`."""

    def __init__(self, path: Path, info: dict[str, Any], threads: int, silence: np.ndarray) -> None:
        self._session = open_session(path, threads, info.get("sha256"))
        try:
            self._initial = initial_states(info["states"])
        except (KeyError, TypeError, ValueError) as error:
            raise StageInputError(
                f"model.json describes no states of {path} ({error!r}): type `dvc repro export`."
            ) from None
        wanted = {"features", *self._initial}
        found = {entry.name for entry in self._session.get_inputs()}
        if wanted != found:
            raise StageInputError(
                f"{path} takes {sorted(found)}, model.json says {sorted(wanted)}: type `dvc repro export`."
            )
        self._outputs = ["score", *(f"{name}_out" for name in self._initial)]
        self.reset()

    def reset(self) -> None:
        """See `Backend`."""
        self._states = self._initial

    def score(self, frames: np.ndarray) -> np.ndarray:
        """See `Backend`."""
        score, *states = self._session.run(self._outputs, {"features": frames[None]} | self._states)
        self._states = dict(zip(self._initial, states, strict=True))
        return np.asarray(score[0], np.float32)


class OnnxClip(Windowed):
    """See `Windowed`."""

    def open(self, path: Path, threads: int, sha256: str | None) -> None:
        """See `Windowed`."""
        self._session = open_session(path, threads, sha256)
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            raise StageInputError(f"{path} takes {len(inputs)} inputs: a network without state takes one.")
        given, self._name = inputs[0], inputs[0].name
        if len(given.shape) != 3 or given.shape[1] not in (self._window, "frames"):
            raise StageInputError(f"{path} takes {given.shape}, model.json says a window of {self._window}.")

    def run(self, window: np.ndarray) -> float:
        """See `Windowed`."""
        return float(self._session.run(None, {self._name: window[None]})[0].item())


def open_session(path: Path, threads: int, sha256: str | None = None) -> onnxruntime.InferenceSession:
    """Return a CPU session of one file (none beside it is read) that does not spin while it waits for sound.

    Raises:
        StageInputError: `path` is missing, has another SHA-256 than `sha256`, is not ONNX, or of a kind that this
            onnxruntime does not know.
    """
    model = read_model_file(path, sha256)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # On x86 without VNNI, products of uint8 and int8 would saturate; where there is VNNI this changes nothing.
    options.add_session_config_entry("session.x64quantprecision", "1")
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no public base class
        raise StageInputError(f"{path} cannot be loaded: {error}") from None
