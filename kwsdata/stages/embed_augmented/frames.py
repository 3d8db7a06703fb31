"""Use an embedder as a front end: frame k is the vector of the window that ends with hop k.

Before a clip there is silence, so that a clip of any length has a frame a hop, as a stream has from its start.
"""

from functools import cached_property

import numpy as np

from kwsdata.audio import Waveform
from kwsdata.runtime.embedders import Embedder


class EmbeddingFrames:
    """A front end (`kwsdata.runtime.front_ends`) of whole clips: frame f is complete at f hop + window samples."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.identity = embedder.identity
        self.n_mels, self.hop = embedder.dim, embedder.hop
        self.window = embedder.hop
        self.context = embedder.window  # samples that a frame depends on

    @cached_property
    def silence(self) -> np.ndarray:
        """The frame of digital silence, float32 [n_mels]."""
        return self._embedder.embed(np.zeros(self._embedder.window, np.float32))[0]

    def reset(self) -> None:
        """Do nothing: each clip is embedded whole."""

    def count(self, samples: int) -> int:
        """Return the frames of a clip of `samples`."""
        return samples // self.hop

    def process(self, wave: Waveform) -> np.ndarray:
        """Return float32 [count, dim] of a whole clip `wave` [samples]."""
        before = self._embedder.window - self.hop
        return self._embedder.embed(np.pad(wave, (before, 0)))
