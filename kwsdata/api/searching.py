"""Embed sounds in memory as vectors, and find the ones most similar to another.

A project's own index, of any size, is `kwsdata.vectors.index`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.runtime.embedders import Embedder, load_embedder

_DEFAULT = "google_speech"


@dataclass(frozen=True)
class Match:
    """The stretch of one sound that is nearest: it begins at `start_s` of `sound`. `similarity`: in [-1, 1]."""

    sound: str
    start_s: float
    similarity: float


def embed_wave(wave: Waveform, embedder: str = _DEFAULT) -> np.ndarray:
    """Return float32 [windows, dim]: one vector a window of `wave`, at least one.

    >>> import numpy as np
    >>> from kwsdata import embed_wave
    >>> embed_wave(np.zeros(16_000, np.float32)).shape
    (3, 96)

    Args:
        wave: float32 [samples] at 16 kHz; what is shorter than a window is followed by silence.
        embedder: `google_speech` (windows of 775 ms, 80 ms apart), or the path of an .onnx file with its contract.

    Raises:
        ParamsError, MissingExtraError, StageInputError: there is no such embedder, or it cannot be loaded.
    """
    return _vectors(wave, load_embedder(embedder))


class SoundIndex:
    """Sounds to search in, by id.

    >>> import numpy as np
    >>> from kwsdata import SoundIndex
    >>> time = np.arange(32_000) / 16_000
    >>> sounds = {f"{hz} Hz": np.sin(6.283 * hz * time).astype(np.float32) for hz in (200, 400, 1600)}
    >>> index = SoundIndex(sounds)
    >>> index.search(sounds["400 Hz"][8_000:24_000], count=1)[0].sound
    '400 Hz'
    """

    def __init__(self, sounds: Mapping[str, Waveform], embedder: str = _DEFAULT) -> None:
        """Embed `sounds`, {id: float32 [samples] at 16 kHz}.

        Raises:
            ValueError: there are none.
            ParamsError, MissingExtraError, StageInputError: as of `embed_wave`.
        """
        if not sounds:
            raise ValueError("there are no sounds to search in")
        self._embedder = load_embedder(embedder)
        self._ids = list(sounds)
        found = [_vectors(wave, self._embedder) for wave in sounds.values()]
        self._first = np.cumsum([0, *(len(each) for each in found)])
        vectors = np.concatenate(found)
        self._mean = vectors.mean(axis=0)
        self._vectors = _unit(vectors - self._mean)

    def __len__(self) -> int:
        return len(self._ids)

    def search(self, wave: Waveform, count: int = 5) -> list[Match]:
        """Return the nearest stretch of each of the `count` nearest sounds to `wave` [samples], nearest first.

        Similarity is the cosine of the two windows' vectors, of which the mean of all sounds is taken away first.
        """
        queries = _unit(_vectors(wave, self._embedder) - self._mean)
        similarity = (queries @ self._vectors.T).max(axis=0)
        matches = []
        for number, sound in enumerate(self._ids):
            start, end = self._first[number], self._first[number + 1]
            best = int(np.argmax(similarity[start:end]))
            begins_s = best * self._embedder.hop / SAMPLE_RATE
            matches.append(Match(sound, begins_s, float(similarity[start + best])))
        return sorted(matches, key=lambda match: -match.similarity)[:count]


def _vectors(wave: Waveform, embedder: Embedder) -> np.ndarray:
    return embedder.embed(np.pad(wave, (0, max(0, embedder.window - wave.size))))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
