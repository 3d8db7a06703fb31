"""Sound that tests make: every law is stated on waves whose physics is known."""

import numpy as np
from scipy.signal import lfilter

from kwsdata.audio import SAMPLE_RATE, Waveform


def tone(hz: float = 440.0, seconds: float = 1.0, level: float = 0.5, rate: int = SAMPLE_RATE) -> Waveform:
    """Return a sine of `hz`, float32 [seconds * rate]."""
    time = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def white_noise(seed: int = 0, seconds: float = 1.0, level: float = 0.1) -> Waveform:
    """Return Gaussian noise with standard deviation `level`, float32 [samples]."""
    count = round(seconds * SAMPLE_RATE)
    return (level * np.random.default_rng(seed).standard_normal(count)).astype(np.float32)


def burst(seed: int = 0, before_s: float = 0.3, word_s: float = 0.5, after_s: float = 0.2) -> Waveform:
    """Return a "word": silence, a harmonic sound with a syllable envelope, silence."""
    rng = np.random.default_rng(seed)
    count = round(word_s * SAMPLE_RATE)
    time = np.arange(count) / SAMPLE_RATE
    pitch = rng.uniform(90, 250)
    wave = sum(np.sin(2 * np.pi * pitch * k * time + rng.uniform(0, 6)) / k for k in range(1, 12))
    wave = 0.2 * wave * np.abs(np.sin(np.pi * 3 * time / word_s))
    before, after = np.zeros(round(before_s * SAMPLE_RATE)), np.zeros(round(after_s * SAMPLE_RATE))
    return np.concatenate([before, wave, after]).astype(np.float32)


def vowel(pitch_hz: float, formants_hz: tuple[float, ...], seconds: float = 1.0, level: float = 0.3) -> Waveform:
    """Return a steady vowel: pulses at `pitch_hz` through a resonance, 100 Hz wide, at each of `formants_hz`."""
    count = round(seconds * SAMPLE_RATE)
    phase = np.arange(count + 1) * pitch_hz / SAMPLE_RATE
    wave = np.diff(np.floor(phase))
    radius = np.exp(-np.pi * 100 / SAMPLE_RATE)
    for hz in formants_hz:
        wave = lfilter([1], [1, -2 * radius * np.cos(2 * np.pi * hz / SAMPLE_RATE), radius**2], wave)
    return (level * wave / np.max(np.abs(wave))).astype(np.float32)
