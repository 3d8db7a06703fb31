"""ONNX over a window of frames: the head of an openWakeWord-style detector, or a whole-clip export."""

from pathlib import Path

import numpy as np

from kwsdata.errors import StageInputError
from kwstrain.runtime.onnx_session import open_session
from kwstrain.runtime.windowed import Windowed


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
