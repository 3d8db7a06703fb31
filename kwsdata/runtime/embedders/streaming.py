"""Google's speech embedding of a stream, chunk by chunk, as `pyopen-wakeword` computes it.

    chunk c (from -1)   samples [1280 c, 1280 c + 1760): 8 mel frames, in dB but never 80 dB below the chunk's loudest
    embedding c         the oldest 76 of the last 80 mel frames: one vector each 80 ms

Before the stream there is silence. Embedding c is there at sample 1280 c + 1760, so the first is at sample 480.
numpy and onnxruntime are enough. Window and hop in the class are those of `kwsdata.runtime.front_ends`, in which frame
number k is complete at k hop + window.
"""

from pathlib import Path

import numpy as np

from kwsdata.audio import FULL_SCALE, Waveform
from kwsdata.runtime.embedders.base import open_session
from kwsdata.runtime.embedders.google_speech import NETWORKS, network_files

_CHUNK = 1760  # samples
_KEPT = 80  # mel frames, whole chunks
_FRAMES, _BANDS = 76, 32  # of mel that an embedding sees


class SpeechStream:
    """A front end (`kwsdata.runtime.front_ends`) whose frames are speech embeddings: float32 [frames, 96]."""

    n_mels = 96
    hop = 1280
    window = _CHUNK - hop

    def __init__(self, directory: Path | None = None) -> None:
        """Load the two networks from `directory`, or from the wheel that brings them.

        Raises:
            MissingExtraError: no directory is given and the wheel is not installed.
            StageInputError: a file is missing or not ONNX.
        """
        paths = network_files() if directory is None else [Path(directory) / name for name in NETWORKS]
        self._mel, self._network = (open_session(path, str(path)) for path in paths)
        self._input = self._network.get_inputs()[0].name
        mel = self._mels(np.zeros(_CHUNK, np.float32))
        self._before = np.tile(mel, (_KEPT // len(mel), 1))
        self.silence = self._embed(self._before)
        self.reset()

    def reset(self) -> None:
        """Forget everything heard: before the next sound there was silence."""
        self._kept = np.zeros(self.hop, np.float32)
        self._frames = self._before

    def process(self, wave: Waveform) -> np.ndarray:
        """Take `wave` [samples], return the embeddings it completes: float32 [frames, 96]."""
        heard = np.concatenate([self._kept, wave.astype(np.float32, copy=False)])
        vectors = [np.zeros((0, self.n_mels), np.float32)]
        start = 0
        while start + _CHUNK <= heard.size:
            self._frames = np.concatenate([self._frames, self._mels(heard[start : start + _CHUNK])])[-_KEPT:]
            vectors.append(self._embed(self._frames)[None])
            start += self.hop
        self._kept = heard[start:].copy()
        return np.concatenate(vectors)

    def _mels(self, chunk: Waveform) -> np.ndarray:
        """Return the mel frames [8, 32] of a chunk [1760]."""
        (raw,) = self._mel.run(None, {"input": chunk[None] * np.float32(FULL_SCALE)})
        return np.asarray(raw.reshape(-1, _BANDS) / 10 + 2, np.float32)

    def _embed(self, frames: np.ndarray) -> np.ndarray:
        """Return the vector [96] of the first 76 mel frames of [80, 32]."""
        (vector,) = self._network.run(None, {self._input: frames[None, :_FRAMES, :, None]})
        return np.asarray(vector.reshape(-1), np.float32)
