"""Log-mel energies, computed causally: frame k sees samples [k hop, k hop + window) and nothing later.

    power   P[k, f] = |rfft(hann * x[k hop : k hop + window])|^2
    mel     M = P W,  W triangular on the HTK mel scale, mel(f) = 2595 log10(1 + f / 700), peak 1
    output  log(max(M, FLOOR))

The scale is that of torchaudio's `melscale_fbanks(norm=None, mel_scale="htk")`, with which tests compare.
"""

import numpy as np

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.params.data import FeaturesParams

FLOOR = 1e-6  # about the energy that rounding to 16 bits leaves in one mel band


class LogMel:
    """Stateful log-mel front end: float32 [frames, n_mels], natural logarithm."""

    def __init__(self, params: FeaturesParams) -> None:
        self.n_mels = params.n_mels
        self.hop = round(params.hop_ms * SAMPLE_RATE / 1000)
        self.window = round(params.window_ms * SAMPLE_RATE / 1000)
        self._fft = 1 << (self.window - 1).bit_length()
        self._hann = np.hanning(self.window + 1)[:-1].astype(np.float32)
        self._bank = mel_filterbank(self._fft, params.n_mels, params.low_hz, params.high_hz)
        self.silence = np.full(params.n_mels, np.log(np.float32(FLOOR)), np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget the samples kept for the next frame."""
        self._kept = np.zeros(0, np.float32)

    def process(self, wave: Waveform) -> np.ndarray:
        """Take `wave` [samples] float32, return the frames it completes: float32 [frames, n_mels]."""
        heard = np.concatenate([self._kept, wave.astype(np.float32, copy=False)])
        count = max(0, (heard.size - self.window) // self.hop + 1)
        self._kept = heard[count * self.hop :].copy()
        if count == 0:
            return np.zeros((0, self.n_mels), np.float32)
        out = np.empty((count, self.n_mels), np.float32)
        frames = np.lib.stride_tricks.sliding_window_view(heard, self.window)[:: self.hop][:count]
        for start in range(0, count, 4096):  # bounds the memory of an hour given at once
            spectrum = np.fft.rfft(frames[start : start + 4096] * self._hann, n=self._fft, axis=1)
            power = np.square(spectrum.real) + np.square(spectrum.imag)
            out[start : start + 4096] = np.log(np.maximum(power.astype(np.float32) @ self._bank, FLOOR))
        return out


def mel_filterbank(fft: int, n_mels: int, low_hz: float, high_hz: float) -> np.ndarray:
    """Return triangular filters, float32 [fft // 2 + 1, n_mels], peak 1, centres even on the HTK mel scale."""
    bins_hz = np.linspace(0, SAMPLE_RATE / 2, fft // 2 + 1)
    edges_mel = np.linspace(2595 * np.log10(1 + low_hz / 700), 2595 * np.log10(1 + high_hz / 700), n_mels + 2)
    edges_hz = 700 * (10 ** (edges_mel / 2595) - 1)
    rise = (bins_hz[:, None] - edges_hz[:-2]) / np.diff(edges_hz)[:-1]
    fall = (edges_hz[2:] - bins_hz[:, None]) / np.diff(edges_hz)[1:]
    return np.maximum(0, np.minimum(rise, fall)).astype(np.float32)
