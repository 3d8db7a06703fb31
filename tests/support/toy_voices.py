"""A network of voices for tests: a voice is the mean spectrum, so that tones of one pitch are one voice."""

from pathlib import Path

import numpy as np
import pytest

from kwsdata.stages.check import voice_network, voices


class ToyVoices:
    """What `VoiceNetwork` is for real."""

    def embed(self, speech: np.ndarray) -> np.ndarray:
        frames = speech[: speech.size // 512 * 512].reshape(-1, 512)
        power = np.square(np.abs(np.fft.rfft(frames, axis=1)[:, : voice_network.DIM])).mean(axis=0)
        return (power / np.linalg.norm(power)).astype(np.float32)


def use_toy_voices(patch: pytest.MonkeyPatch, weights: Path) -> None:
    """Let the gate tell voices apart by `ToyVoices`, whose weights are the file `weights`."""
    weights.write_bytes(b"weights")
    patch.setattr(voices, "weights_file", lambda: weights)
    patch.setattr(voices, "_network", ToyVoices)
