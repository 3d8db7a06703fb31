"""Leads, tails and shifts: the clip itself is untouched, and where it says."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sound import burst, tone, white_noise

from kwsdata.effects.scene import ContextDraw, ShiftDraw, in_context, moved, shift_samples
from kwsdata.transforms.levels import active_level


@settings(max_examples=40, deadline=None)
@given(lead=st.floats(0, 2), tail=st.floats(0, 1), gap=st.floats(0, 0.5), level_db=st.floats(-20, 5))
def test_the_other_speech_ends_a_gap_before_the_clip_at_its_level(lead, tail, gap, level_db) -> None:
    wave, other = tone(440, 0.5, level=0.1), white_noise(1, 1.0)
    draw = ContextDraw(lead, tail, "other", 0.0, min(gap, lead), level_db)
    scene = in_context(wave, draw, other, active_level(other))
    start = round(lead * 16_000)
    assert scene.size == start + wave.size + round(tail * 16_000)
    assert np.array_equal(scene[start : start + wave.size], wave)
    assert not scene[start + wave.size :].any()
    silent = round(draw.gap_s * 16_000)
    assert not scene[start - silent : start].any()
    heard = scene[: start - silent]
    if heard.size > 4000:
        assert heard[-1000:].any()
        middle = heard[heard.size - min(heard.size, other.size) + 200 : -200]
        ratio_db = 20 * np.log10(np.sqrt(np.mean(np.square(middle))) / active_level(wave))
        assert abs(ratio_db - level_db) < 1.0  # a noise's level over part of it


def test_no_speech_is_silence() -> None:
    scene = in_context(burst(), ContextDraw(0.5, 0.1))
    assert not scene[:8000].any()


@settings(max_examples=60)
@given(seconds=st.floats(-2, 2), start=st.integers(0, 8000), length=st.integers(0, 8000))
def test_a_shift_never_loses_the_word(seconds: float, start: int, length: int) -> None:
    wave = np.zeros(16_000, dtype=np.float32)
    wave[start : start + length] = 1.0
    shift = shift_samples(ShiftDraw(seconds), wave.size, (start, start + length))
    after = moved(wave, shift)
    assert after.size == wave.size
    assert np.array_equal(np.flatnonzero(after), np.flatnonzero(wave) + shift)
    assert abs(shift) <= abs(round(seconds * 16_000))
