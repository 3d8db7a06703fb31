"""Embed a voice as 256 numbers with the network of the wheel `Resemblyzer` (Apache-2.0).

    mel      400 samples each 160, 40 bands (Slaney's scale, each of equal area), power, not in dB
    network  3 LSTM layers of 256 over 1.6 s, a linear layer, ReLU, unit length; the mean of such windows, unit length

Vectors of one voice point the same way: voices are compared by the cosine between them, which is 0 to 1. Paper: L. Wan,
Q. Wang, A. Papir, I. Lopez Moreno, Generalized end-to-end loss for speaker verification, ICASSP 2018.
"""

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
from scipy.ndimage import binary_dilation
from scipy.signal import get_window

from kwsdata.audio import SAMPLE_RATE, Waveform, dbfs, rms
from kwsdata.errors import MissingExtraError

DIM = 256
_WHEEL, _FILE = "Resemblyzer", "resemblyzer/pretrained.pt"
_FFT, _HOP, _BANDS = 400, 160, 40
_FRAMES, _STEP = 160, 77  # mel frames of a window, and between two
_LEAST_PART = 0.75  # of the last window that must be sound
_LEVEL_DBFS = -30.0  # quieter sound is raised to this
_BLOCK = 480  # samples that are speech or pause as one
_PAUSE_DB = 30.0  # blocks so far below the loud ones are pauses
_AROUND = 7  # blocks: shorter pauses stay
_FLOOR = 1e-10


def weights_file() -> Path | None:
    """Return where the wheel keeps the network's weights; None where the wheel is not installed."""
    try:
        return Path(str(distribution(_WHEEL).locate_file(_FILE)))
    except PackageNotFoundError:
        return None


def speech_of(wave: Waveform) -> Waveform:
    """Return `wave` [samples] at 16 kHz without its pauses and no quieter than -30 dBFS, float32 [samples or fewer]."""
    blocks = wave[: wave.size // _BLOCK * _BLOCK].reshape(-1, _BLOCK)
    level = rms(wave) if wave.size else 0.0
    if not len(blocks) or level == 0:
        return np.zeros(0, np.float32)
    levels_db = 10 * np.log10(np.square(blocks, dtype=np.float64).mean(axis=1) + _FLOOR)
    heard = binary_dilation(levels_db > np.percentile(levels_db, 95) - _PAUSE_DB, np.ones(_AROUND))
    return np.float32(10 ** (max(_LEVEL_DBFS - dbfs(level), 0) / 20)) * blocks[heard].ravel()


class VoiceNetwork:
    """The network, on the processor.

    Raises:
        MissingExtraError: the wheel, or `torch`, is not installed.
    """

    def __init__(self) -> None:
        path = weights_file()
        if path is None:
            raise MissingExtraError("resemblyzer", "voices", "check.voices")
        try:
            import torch
        except ImportError:
            raise MissingExtraError("torch", "voices", "check.voices") from None
        self._torch = torch
        self._lstm = torch.nn.LSTM(_BANDS, DIM, 3, batch_first=True)
        self._linear = torch.nn.Linear(DIM, DIM)
        state = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
        for name, layer in (("lstm.", self._lstm), ("linear.", self._linear)):
            layer.load_state_dict({k.removeprefix(name): v for k, v in state.items() if k.startswith(name)})

    def embed(self, speech: Waveform) -> np.ndarray:
        """Return the voice in `speech` [samples] at 16 kHz without pauses (`speech_of`): float32 [256] of unit length.

        Raises:
            ValueError: there is none.
        """
        if not speech.size:
            raise ValueError("no speech to tell a voice by")
        starts = list(range(0, max(1, speech.size // _HOP + 2 - _FRAMES + _STEP), _STEP))
        if len(starts) > 1 and speech.size - starts[-1] * _HOP < _LEAST_PART * _FRAMES * _HOP:
            starts.pop()
        mel = _mel(np.pad(speech, (0, max(0, (starts[-1] + _FRAMES) * _HOP - speech.size))))
        torch = self._torch
        with torch.no_grad():
            windows = torch.from_numpy(np.stack([mel[start : start + _FRAMES] for start in starts]))
            _, (hidden, _) = self._lstm(windows)
            vectors = torch.relu(self._linear(hidden[-1])).numpy()
        mean = (vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), _FLOOR)).mean(axis=0)
        return (mean / max(float(np.linalg.norm(mean)), _FLOOR)).astype(np.float32)


def _mel(wave: Waveform) -> np.ndarray:
    """Return float32 [frames, 40]: power in bands, of frames whose middles are at 0, 160, ... samples."""
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(wave, _FFT // 2), _FFT)[::_HOP]
    spectrum = np.fft.rfft(frames * get_window("hann", _FFT).astype(np.float32), axis=1)
    return (np.square(np.abs(spectrum)) @ mel_bands()).astype(np.float32)


@lru_cache(maxsize=1)
def mel_bands() -> np.ndarray:
    """Return triangular filters of equal area, [201, 40], even on Slaney's scale: linear to 1 kHz, then logarithmic."""
    step_hz, corner_hz, octave = 200 / 3, 1000.0, np.log(6.4) / 27
    corner = corner_hz / step_hz
    mels = np.linspace(0, corner + np.log(SAMPLE_RATE / 2 / corner_hz) / octave, _BANDS + 2)
    edges_hz = np.where(mels < corner, step_hz * mels, corner_hz * np.exp(octave * (mels - corner)))
    bins_hz = np.linspace(0, SAMPLE_RATE / 2, _FFT // 2 + 1)
    rise = (bins_hz[:, None] - edges_hz[:-2]) / np.diff(edges_hz)[:-1]
    fall = (edges_hz[2:] - bins_hz[:, None]) / np.diff(edges_hz)[1:]
    return np.maximum(0, np.minimum(rise, fall)) * (2 / (edges_hz[2:] - edges_hz[:-2]))
