"""TFLite with its state inside, in variables: one decision in a call. What microcontrollers run.

in    [1, stride, n_mels], int8 (or float32)
out   [1, 1], uint8 or int8 (or float32): the keyword's probability
"""

from pathlib import Path
from typing import Any

import numpy as np

from kwsdata.errors import StageInputError
from kwstrain.runtime.tflite_interpreter import TfliteNetwork


class TfliteStream:
    """See `kwstrain.runtime.backend.Backend`."""

    def __init__(self, path: Path, info: dict[str, Any], threads: int, silence: np.ndarray) -> None:
        self._network = TfliteNetwork(path, threads, info.get("sha256"))
        self._stride = int(info["stride"])
        shape = self._network.input.shape
        if shape[:2] != (1, self._stride):
            raise StageInputError(f"{path} takes {list(shape)}, model.json says a stride of {self._stride}.")
        self._fresh = True

    def reset(self) -> None:
        """See `Backend`."""
        if not self._fresh:
            self._network.restart()
            self._fresh = True

    def score(self, frames: np.ndarray) -> np.ndarray:
        """See `Backend`."""
        self._fresh = False
        steps = [self._network(frames[start : start + self._stride]) for start in range(0, len(frames), self._stride)]
        return np.asarray([step.item() for step in steps], np.float32)
