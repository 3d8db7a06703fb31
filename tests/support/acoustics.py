"""Measurements that laws are stated in, each independent of the code it measures."""

import numpy as np
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter

from kwsdata.audio import SAMPLE_RATE, Waveform


def tone_hz(wave: Waveform, rate: int = SAMPLE_RATE) -> float:
    """Return the frequency of the strongest tone in `wave` [samples], its ends left out.

    The peak of a Hann-windowed, zero-padded spectrum, refined by a parabola through its logarithm: 0.1 cents exact.
    """
    edge = wave.size // 8
    middle = wave[edge : wave.size - edge].astype(np.float64)
    size = 1 << 19
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(middle.size), size))
    peak = int(np.argmax(spectrum[1:-1])) + 1
    below, at, above = np.log(spectrum[peak - 1 : peak + 2] + 1e-30)
    return (peak + 0.5 * (below - above) / (below - 2 * at + above)) * rate / size


def cents(hz: float, reference_hz: float) -> float:
    """Return the interval from `reference_hz` to `hz` in cents."""
    return 1200 * float(np.log2(hz / reference_hz))


def level_db(wave: Waveform) -> float:
    """Return the RMS level of `wave` in dB."""
    return 10 * float(np.log10(np.mean(np.square(wave, dtype=np.float64)) + 1e-30))


def band_db(wave: Waveform, low_hz: float, high_hz: float, rate: int = SAMPLE_RATE) -> float:
    """Return the power of `wave` between two frequencies, in dB."""
    power = np.square(np.abs(np.fft.rfft(wave.astype(np.float64) * np.hanning(wave.size))))
    hz = np.fft.rfftfreq(wave.size, 1 / rate)
    return 10 * float(np.log10(power[(hz >= low_hz) & (hz < high_hz)].sum() + 1e-30))


def lag(wave: Waveform, reference: Waveform, farthest: int = 2000) -> int:
    """Return by how many samples `wave` is later than `reference`, at most `farthest` either way."""
    size = 1 << (wave.size + reference.size).bit_length()
    spectrum = np.fft.rfft(wave.astype(np.float64), size) * np.conj(np.fft.rfft(reference.astype(np.float64), size))
    correlation = np.fft.irfft(spectrum, size)
    around = np.concatenate((correlation[-farthest:], correlation[: farthest + 1]))
    return int(np.argmax(around)) - farthest


def pitch_hz(wave: Waveform, low_hz: float, high_hz: float) -> float:
    """Return the pitch of a steady voice between two bounds: where its autocorrelation peaks, to a part of a sample."""
    correlation = np.correlate(wave.astype(np.float64), wave.astype(np.float64), "full")[wave.size - 1 :]
    shortest = int(SAMPLE_RATE / high_hz)
    peak = int(np.argmax(correlation[shortest : int(SAMPLE_RATE / low_hz)])) + shortest
    below, at, above = correlation[peak - 1 : peak + 2]
    return SAMPLE_RATE / (peak + 0.5 * (below - above) / (below - 2 * at + above))


def formants_hz(wave: Waveform, order: int = 12) -> list[float]:
    """Return the frequencies of the resonances of a steady vowel, by linear prediction over all of `wave`."""
    emphasised = lfilter([1, -0.94], [1], wave.astype(np.float64)) * np.hanning(wave.size)
    lags = np.correlate(emphasised, emphasised, "full")[wave.size - 1 : wave.size + order]
    roots = np.roots(np.concatenate(([1.0], solve_toeplitz(lags[:-1], -lags[1:]))))
    roots = roots[roots.imag > 0]
    hz = np.angle(roots) * SAMPLE_RATE / (2 * np.pi)
    widths = -np.log(np.abs(roots)) * SAMPLE_RATE / np.pi
    return sorted(float(value) for value in hz[(widths < 600) & (hz > 150)])
