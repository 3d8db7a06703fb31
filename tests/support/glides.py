"""Words of half a second whose pitch rises (the keyword) or falls (another word), in quiet noise."""

from collections.abc import Sequence

import numpy as np
from sound import white_noise

from kwsdata.audio import FULL_SCALE, Waveform, to_int16

RATE = 16_000
WORD_S = 0.5


def glide(seed: int, rising: bool) -> Waveform:
    """Return one word, float32 [WORD_S * RATE]."""
    rng = np.random.default_rng(seed)
    low, high = rng.uniform(200, 300), rng.uniform(700, 900)
    start, end = (low, high) if rising else (high, low)
    time = np.arange(round(WORD_S * RATE)) / RATE
    phase = 2 * np.pi * (start * time + (end - start) * time**2 / (2 * WORD_S))
    wave = sum(np.sin(k * phase) / k for k in range(1, 6)) * np.hanning(time.size) * rng.uniform(0.1, 0.4)
    return np.asarray(wave, np.float32)


def talk(seed: int, seconds: float, words: Sequence[tuple[float, bool]]) -> Waveform:
    """Return noise with words in it, (start in s, rising); of 16 bits, as every runtime hears it."""
    wave = white_noise(seed, seconds, 0.002)
    for number, (at_s, rising) in enumerate(words):
        word = glide(1000 * seed + number, rising)
        wave[round(at_s * RATE) : round(at_s * RATE) + word.size] += word
    return to_int16(wave).astype(np.float32) / np.float32(FULL_SCALE)
