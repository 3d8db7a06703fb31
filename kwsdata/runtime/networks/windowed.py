"""Base of backends without state, which run on the last frames: openWakeWord heads and whole-clip exports.

    in    [1, window, dim], the last `window` frames
    out   [1, 1], the keyword's probability

Before a stream there is silence, as the front end hears it.
"""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np


class Windowed(ABC):
    """See `kwsdata.runtime.networks.backend.Backend`. Subclasses say how one window is run."""

    def __init__(self, path: Path, info: dict[str, Any], threads: int, silence: np.ndarray) -> None:
        self._window, self._stride = int(info["receptive_field_frames"]), int(info["stride"])
        self._before = np.tile(silence.astype(np.float32), (self._window - self._stride, 1))
        self.open(path, threads, info.get("sha256"))
        self.reset()

    @abstractmethod
    def open(self, path: Path, threads: int, sha256: str | None) -> None:
        """Load the network, whose SHA-256 is `sha256` where one is given.

        Raises:
            StageInputError: it is another file, cannot be loaded, or takes another window.
        """

    @abstractmethod
    def run(self, window: np.ndarray) -> float:
        """Return the score of one window, float32 [window, dim]."""

    def reset(self) -> None:
        """See `Backend`."""
        self._past = self._before

    def score(self, frames: np.ndarray) -> np.ndarray:
        """See `Backend`."""
        heard = np.concatenate([self._past, frames])
        self._past = heard[len(heard) - len(self._past) :]
        starts = range(0, len(frames), self._stride)
        return np.asarray([self.run(heard[start : start + self._window]) for start in starts], np.float32)
