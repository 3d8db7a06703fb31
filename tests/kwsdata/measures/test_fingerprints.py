import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sound import white_noise
from spoken import SENTENCES, spoken, voices

from kwsdata.audio import SAMPLE_RATE, resample
from kwsdata.measures.fingerprints import HOP_S, Table, fingerprint

pytest.importorskip("espeakng_loader", reason="the extra `espeak` is not installed")


@pytest.fixture(scope="module")
def waves():
    talk = [spoken(text, name) for name in voices()[:3] for text in SENTENCES]
    return [*talk, *(white_noise(seed, seconds=3.0) for seed in range(6))]


@pytest.fixture(scope="module")
def table(waves):
    return Table(fingerprint(wave) for wave in waves)


@settings(max_examples=40, deadline=None)
@given(
    clip=st.integers(0, 29),
    gain_db=st.floats(-30, 10),
    shift_ms=st.floats(0, 300),
    rate=st.sampled_from([8000, 11_025, 22_050, 16_000]),
)
def test_a_recording_is_found_again_under_gain_resampling_and_shift(waves, table, clip, gain_db, shift_ms, rate):
    wave = np.concatenate([np.zeros(round(shift_ms * 16), np.float32), waves[clip]]) * 10 ** (gain_db / 20)
    wave = resample(resample(wave, SAMPLE_RATE, rate), rate, SAMPLE_RATE)
    found = table.matches(fingerprint(wave), 0.2, 50)
    assert [match.clip for match in found] == [clip]
    # Half a hop of misalignment flips some one bit in twenty.
    assert found[0].bit_error < 0.12
    assert -found[0].offset * HOP_S * 1000 == pytest.approx(shift_ms, abs=15)


def test_other_sounds_are_not_found(table):
    strangers = [spoken(text, name) for name in voices()[10:13] for text in SENTENCES]
    strangers += [white_noise(seed, seconds=3.0) for seed in range(100, 106)]
    assert [table.matches(fingerprint(wave), 0.2, 50) for wave in strangers] == [[]] * len(strangers)


def test_a_cut_out_stretch_is_found_inside_other_sound(waves, table):
    other = spoken(SENTENCES[0], voices()[20])
    mixed = np.concatenate([other, waves[4][: round(2.6 * SAMPLE_RATE)], other])
    (match,) = table.matches(fingerprint(mixed), 0.2, 50)
    assert match.clip == 4
    assert match.offset * HOP_S == pytest.approx(-other.size / SAMPLE_RATE, abs=0.015)


@pytest.mark.parametrize("wave", [np.zeros(0, np.float32), np.zeros(16_000, np.float32)])
def test_silence_matches_nothing_not_even_itself(wave):
    table = Table([fingerprint(wave)])
    assert table.matches(fingerprint(wave), 0.2, 10) == []


def test_gain_changes_no_bit(waves):
    one, other = fingerprint(waves[0]), fingerprint(waves[0] * np.float32(0.25))
    # A power of two scales float32 exactly.
    np.testing.assert_array_equal(one.codes, other.codes)
    np.testing.assert_array_equal(one.loud, other.loud)


@pytest.mark.parametrize("copies", [1, 100, 400, 600, 1500])
def test_a_recording_that_is_held_often_is_found(waves, copies):
    one = fingerprint(waves[0][:32_000])
    found = Table([one] * copies).matches(fingerprint(0.5 * waves[0][:32_000]), 0.2, 50)
    assert found
    assert found[0].bit_error == 0
