"""TFLite over a window of frames: the head of an openWakeWord-style detector, or a whole-clip export."""

from pathlib import Path

import numpy as np

from kwsdata.errors import StageInputError
from kwstrain.runtime.tflite_interpreter import TfliteNetwork
from kwstrain.runtime.windowed import Windowed


class TfliteClip(Windowed):
    """See `Windowed`."""

    def open(self, path: Path, threads: int, sha256: str | None) -> None:
        """See `Windowed`."""
        self._network = TfliteNetwork(path, threads, sha256)
        shape = self._network.input.shape
        if shape[:2] != (1, self._window):
            raise StageInputError(f"{path} takes {list(shape)}, model.json says a window of {self._window}.")

    def run(self, window: np.ndarray) -> float:
        """See `Windowed`."""
        return float(self._network(window).item())
