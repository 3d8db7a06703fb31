"""Convolution and resampling on a torch device, for machines with a GPU. The CPU's results are the canonical ones.

Against the CPU's, a convolution differs by less than 1e-5 of its peak (another order of float32 sums). Resampling is
another filter of the same kind, applied to the spectrum: it differs by less than -50 dB below 0.85 of the band.
"""

import numpy as np
import torch

from kwsdata.audio import Waveform
from kwsdata.transforms.convolution import Filter

_GUARD = 1024  # zeros after the clip: what its end rings into, instead of its start
_FLAT = 0.91  # of the narrower band: where the CPU's passband ends


class TorchEngine:
    """`convolve` and `resample` on one torch device ("cuda", "cuda:1", "mps", "cpu")."""

    def __init__(self, device: str) -> None:
        self.device = torch.device(device)

    def convolve(self, wave: Waveform, by: Filter, length: int | None = None) -> Waveform:
        """As `kwsdata.transforms.convolution.convolve`."""
        taps = by.taps
        total = wave.size if length is None else length
        if wave.size == 0 or taps.size == 0:
            return np.zeros(total, dtype=np.float32)
        size = 1 << (wave.size + taps.size - 2).bit_length() if wave.size + taps.size > 2 else 1
        spectrum = torch.fft.rfft(self._to(wave), size) * torch.fft.rfft(self._to(taps), size)
        heard = torch.fft.irfft(spectrum, size)[:total].cpu().numpy()
        return np.pad(heard, (0, total - heard.size))

    def resample(self, wave: Waveform, factor: float) -> Waveform:
        """Return `wave` [n] played `factor` times as fast: [round(n / factor)], 1 sample at least."""
        samples = max(round(wave.size / factor), 1)
        # a length whose quotient is nearly whole: its rounding would drift through the clip
        sizes = np.arange(wave.size + _GUARD, wave.size + 2 * _GUARD)
        size = int(sizes[np.argmin(np.abs(sizes / factor - np.round(sizes / factor)))])
        target = round(size / factor)
        spectrum = torch.fft.rfft(self._to(wave), size)
        bins = min(size, target) // 2 + 1
        # a raised cosine from the passband's edge to the narrower band's end: no brick wall, no long ringing
        place = torch.linspace(0, 1, bins, device=self.device)
        ramp = torch.clamp((place - _FLAT) / (1 - _FLAT), 0, 1)
        kept = spectrum[:bins] * (0.5 + 0.5 * torch.cos(torch.pi * ramp))
        return (torch.fft.irfft(kept, target) * (target / size))[:samples].cpu().numpy()

    def _to(self, wave: Waveform) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(wave, dtype=np.float32)).to(self.device)
