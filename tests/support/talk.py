"""Sound with the structure of speech: syllables of a gliding voice in changing formants, and breath between them."""

import numpy as np
from scipy.signal import lfilter

from kwsdata.audio import SAMPLE_RATE, Waveform

_SYLLABLE_S = (0.12, 0.28)
_GAP_S = (0.02, 0.08)


def talk(seed: int, seconds: float = 3.0) -> Waveform:
    """Return `seconds` of a voice that nobody else has, float32 [samples]: every seed gives another."""
    rng = np.random.default_rng(seed)
    pitch_hz = rng.uniform(90, 240)
    parts = []
    while sum(part.size for part in parts) < seconds * SAMPLE_RATE:
        parts += [_syllable(rng, pitch_hz), np.zeros(round(rng.uniform(*_GAP_S) * SAMPLE_RATE))]
    wave = np.concatenate(parts)[: round(seconds * SAMPLE_RATE)]
    wave += 1e-3 * rng.standard_normal(wave.size)
    return (0.3 * wave / np.abs(wave).max()).astype(np.float32)


def _syllable(rng: np.random.Generator, pitch_hz: float) -> np.ndarray:
    count = round(rng.uniform(*_SYLLABLE_S) * SAMPLE_RATE)
    glide = np.linspace(*(pitch_hz * rng.uniform(0.8, 1.25, 2)), count) * (
        1 + 0.01 * rng.standard_normal(count).cumsum() / 100
    )
    pulses = np.diff(np.floor(np.cumsum(glide) / SAMPLE_RATE), prepend=0) + 0.02 * rng.standard_normal(count)
    for hz, width in zip(rng.uniform((250, 800, 1800), (800, 2000, 3200)), (60, 90, 150), strict=True):
        radius = np.exp(-np.pi * width / SAMPLE_RATE)
        pulses = lfilter([1 - radius], [1, -2 * radius * np.cos(2 * np.pi * hz / SAMPLE_RATE), radius**2], pulses)
    pulses /= np.abs(pulses).max()
    return pulses * np.sin(np.linspace(0, np.pi, count)) ** 0.5


def room(seed: int, t60_s: float, direct: float = 1.0) -> Waveform:
    """Return a response: a direct sound of `direct`, and noise of energy 1 that falls by 60 dB in `t60_s`."""
    count = round(t60_s * SAMPLE_RATE)
    tail = np.random.default_rng(seed).standard_normal(count) * 10 ** (-3 * np.arange(count) / count)
    tail /= np.linalg.norm(tail)
    tail[0] += direct
    return tail.astype(np.float32)
