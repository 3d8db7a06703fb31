"""The gate: laws of level, length and clipping on sound whose level, length and clipping are known."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sound import tone, white_noise

from kwsdata.measures.quality import loudest_dbfs, reason_to_reject

RATE = 16_000


@pytest.fixture(scope="module")
def limits(params):
    return params.import_.model_copy(update={"min_duration_s": 0.1, "silence_dbfs": -70.0, "max_clipped_fraction": 0.1})


def test_good_sound_has_no_reason(limits):
    for role in ("keyword", "speech", "noise", "rir"):
        assert reason_to_reject(tone(), RATE, limits, role) is None


@given(level_dbfs=st.floats(-100, -3), rate=st.sampled_from([8_000, 16_000, 44_100, 48_000]))
def test_a_tone_is_as_loud_as_its_rms(level_dbfs, rate):
    amplitude = np.sqrt(2) * 10 ** (level_dbfs / 20)
    wave = tone(1000.0, 0.3, amplitude, rate)  # 10 ms hold 10 whole periods
    assert loudest_dbfs(wave, rate) == pytest.approx(level_dbfs, abs=0.1)  # 44.1 kHz: 441 samples are 10 periods


@given(level_dbfs=st.floats(-90, -50).filter(lambda level: abs(level + 70) > 0.2))
def test_silent_means_below_the_limit(limits, level_dbfs):
    wave = tone(1000.0, 0.3, np.sqrt(2) * 10 ** (level_dbfs / 20))
    reason = reason_to_reject(wave, RATE, limits, "speech")
    assert (reason is not None) == (level_dbfs < -70)
    if reason:
        assert f"loudest 10 ms at {level_dbfs:.1f} dBFS" in reason or "import.silence_dbfs = -70" in reason


def test_one_loud_word_in_a_silent_minute_is_not_silent(limits):
    wave = np.zeros(60 * RATE, np.float32)
    wave[-400:] = tone(1000.0, 400 / RATE)
    assert reason_to_reject(wave, RATE, limits, "keyword") is None


def test_a_constant_offset_is_silent(limits):
    offset = np.full(RATE, 0.3, np.float32)
    assert "silent (loudest 10 ms" in str(reason_to_reject(offset, RATE, limits, "noise"))


@given(samples=st.integers(1, 4000).filter(lambda n: abs(n - 1600) > 1))
def test_too_short_means_under_the_limit(limits, samples):
    reason = reason_to_reject(white_noise(0, samples / RATE), RATE, limits, "speech")
    assert (reason is not None) == (samples < 1600)
    assert reason is None or reason.startswith(f"too short ({samples / RATE:.3f} s, import.min_duration_s = 0.1")


@given(share=st.floats(0.0, 0.5).filter(lambda share: abs(share - 0.1) > 0.001), sign=st.sampled_from([-1.0, 1.0]))
def test_clipped_counts_samples_at_full_scale(limits, share, sign):
    wave = white_noise(0, 1.0, 0.05)
    wave[: round(share * wave.size)] = sign * np.float32(32767 / 32768)  # what a 16-bit recorder leaves
    reason = reason_to_reject(wave, RATE, limits, "speech")
    assert (reason is not None) == (share > 0.1)
    if reason is not None:
        percent = float(re.match(r"clipped \(([\d.]+) % of samples", reason)[1])
        assert percent == pytest.approx(100 * share, abs=0.06)  # one decimal, one sample


def test_one_clipped_channel_is_enough(limits):
    good = white_noise(0)
    bad = np.clip(20 * good, -1, 1)
    assert reason_to_reject(np.stack([good, good], axis=1), RATE, limits, "noise") is None
    assert "clipped" in str(reason_to_reject(np.stack([good, bad], axis=1), RATE, limits, "noise"))


@pytest.mark.parametrize("role", ["speech", "rir"])
def test_empty_zero_and_not_finite_are_unusable_for_every_role(limits, role):
    broken = tone()
    broken[100] = np.nan
    assert reason_to_reject(np.zeros((0, 2), np.float32), RATE, limits, role) == "empty (0 samples)"
    assert reason_to_reject(np.zeros(RATE, np.float32), RATE, limits, role) == "silent (every sample is 0)"
    assert reason_to_reject(broken, RATE, limits, role) == "not finite (the sample at 0.006 s is NaN or infinite)"


def test_an_impulse_response_may_be_short_and_quiet(limits):
    response = np.zeros(200, np.float32)
    response[3] = 1e-4  # -80 dBFS, 12.5 ms
    assert reason_to_reject(response, RATE, limits, "rir") is None
    assert reason_to_reject(response, RATE, limits, "noise") is not None
