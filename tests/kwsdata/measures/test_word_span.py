"""A word is found where it is, whatever lies around it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kwsdata.audio import SAMPLE_RATE
from kwsdata.measures.word_span import word_span


def tone(seconds: float, rng: np.random.Generator) -> np.ndarray:
    """A voice-like sound of three syllables."""
    time_s = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    voice = sum(np.sin(2 * np.pi * 120 * k * time_s + rng.uniform(0, 6)) / k for k in range(1, 20))
    return voice * (0.2 + np.abs(np.sin(np.pi * 3 * time_s / seconds)))


@settings(max_examples=40, deadline=None)
@given(
    start_s=st.floats(0, 1.5),
    seconds=st.floats(0.3, 1.0),
    snr_db=st.floats(12, 50),
    level_db=st.floats(-40, 0),
    seed=st.integers(0, 99),
)
def test_a_word_in_noise_is_found_within_a_tenth_of_a_second(start_s, seconds, snr_db, level_db, seed):
    rng = np.random.default_rng(seed)
    wave = rng.standard_normal(3 * SAMPLE_RATE)
    word = tone(seconds, rng)
    word *= 10 ** (snr_db / 20) / np.sqrt(np.mean(word**2))
    start = round(start_s * SAMPLE_RATE)
    wave[start : start + word.size] += word
    wave *= 10 ** (level_db / 20) / np.abs(wave).max()
    found = np.array(word_span(wave.astype(np.float32))) / SAMPLE_RATE
    assert found[0] == pytest.approx(start_s, abs=0.1)
    assert found[1] == pytest.approx(start_s + seconds, abs=0.16)  # and what is kept after it


def test_a_click_is_not_the_word():
    rng = np.random.default_rng(0)
    wave = 0.001 * rng.standard_normal(3 * SAMPLE_RATE)
    wave[SAMPLE_RATE : SAMPLE_RATE + 8000] += 0.1 * tone(0.5, rng)
    wave[2000:2040] = 0.9
    start, end = word_span(wave.astype(np.float32))
    assert start == pytest.approx(SAMPLE_RATE, abs=1600)
    assert end == pytest.approx(SAMPLE_RATE + 8000, abs=2600)


@pytest.mark.parametrize("samples", [0, 1, 400, 40_000])
def test_where_nothing_stands_out_it_is_all_of_it(samples):
    noise = np.random.default_rng(1).standard_normal(samples).astype(np.float32)
    assert word_span(noise) == word_span(np.zeros(samples, np.float32)) == (0, samples)
