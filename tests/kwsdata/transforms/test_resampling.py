"""Resampling moves every tone by the same factor, loses none below the band's end, and makes none of its own."""

import numpy as np
import pytest
from acoustics import cents, level_db
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sound import tone, white_noise

from kwsdata.transforms.resampling import played_factor, resample

EDGE = 400  # samples at either end, where the filter meets the clip's start and end


@settings(max_examples=30, deadline=None)
@given(factor=st.floats(0.76, 4.0), place=st.floats(0.01, 0.9), seconds=st.floats(0.4, 1.5))
@example(factor=1.0005, place=0.5, seconds=1.0)
@example(factor=2.0, place=0.88671875, seconds=1.0)  # a ratio of small numbers: its blocks are the shortest
def test_a_tone_is_the_same_tone_at_another_rate(factor: float, place: float, seconds: float) -> None:
    hz = place * 8000 * min(1, 1 / played_factor(factor))
    played = resample(tone(hz, seconds), factor)
    step = 2 * np.pi * hz * played_factor(factor) / 16_000
    wanted = 0.5 * np.sin(step * np.arange(played.size))
    # float32, and what is left of the filter beyond the sixteenth of a block that is dropped
    assert level_db((played - wanted)[EDGE:-EDGE]) < level_db(wanted) - 95


@settings(max_examples=100, deadline=None)
@given(factor=st.floats(0.25, 4.0))
@example(factor=1.0004)
def test_the_factor_is_rounded_by_less_than_a_cent(factor: float) -> None:
    rounding = abs(cents(played_factor(factor), factor))
    assert rounding < 0.9
    assert rounding < 0.4 or abs(factor * 2 - round(factor * 2)) < 0.005  # fractions are far apart near whole and half


@pytest.mark.parametrize("factor", [1.02, 1.1, 1.5])
def test_what_would_alias_is_gone(factor: float) -> None:
    wave = tone(8000 / factor + 40, 1.0)  # just beyond the end of the band
    assert level_db(resample(wave, factor)[EDGE:-EDGE]) < level_db(wave) - 90


@pytest.mark.parametrize("factor", [0.67, 0.9, 0.98])
def test_a_slower_clip_has_no_image(factor: float) -> None:
    played = resample(white_noise(1, 1.0), factor)[EDGE:-EDGE]
    power = np.square(np.abs(np.fft.rfft(played * np.kaiser(played.size, 14))))
    end = round(played_factor(factor) * (power.size - 1)) + 20
    assert 10 * np.log10(power[end:].max() / power[:end].mean()) < -90


@pytest.mark.parametrize("factor", [0.05, 0.3, 0.9, 1.0, 1.1, 4.5, 20.0])
@pytest.mark.parametrize("samples", [0, 1, 2, 1000])
def test_any_clip_comes_back_finite_in_its_new_length(factor: float, samples: int) -> None:
    played = resample(np.ones(samples, dtype=np.float32), factor)
    assert played.dtype == np.float32
    assert np.isfinite(played).all()
    assert played.size == pytest.approx(samples / factor, rel=2e-3, abs=1.01 + 1 / factor)
    assert bool(played.size) == bool(samples)
