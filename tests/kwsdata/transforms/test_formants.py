"""Laws of the vocal tract: formants move by the factor, pitch does not; and the reverse."""

import numpy as np
import pytest
from acoustics import formants_hz, level_db, pitch_hz
from sound import vowel, white_noise

from kwsdata.transforms.formants import shift_formants
from kwsdata.transforms.warp import warp

FORMANTS = (600.0, 1300.0, 2500.0, 3500.0)
MIDDLE = slice(4000, 12000)


@pytest.mark.parametrize("pitch", [90.0, 120.0, 180.0])
@pytest.mark.parametrize("factor", [0.87, 0.95, 1.08, 1.18])
def test_formants_move_by_the_factor_and_pitch_does_not(pitch: float, factor: float) -> None:
    before = vowel(pitch, FORMANTS)
    after = shift_formants(before, factor)
    assert after.dtype == np.float32
    assert after.size == before.size
    assert pitch_hz(after[MIDDLE], pitch / 1.4, pitch * 1.4) == pytest.approx(pitch, rel=2e-3)
    moved = np.array(formants_hz(after[MIDDLE])) / np.array(formants_hz(before[MIDDLE]))
    # A harmonic every 90 to 180 Hz shows no more of a formant, and one or two make the first.
    assert moved[:2] == pytest.approx(factor, rel=0.1)
    assert moved[2:] == pytest.approx(factor, rel=0.03)
    assert abs(level_db(after[MIDDLE]) - level_db(before[MIDDLE])) < 4


@pytest.mark.parametrize("semitones", [-3, 3])
def test_pitch_moves_alone_when_the_tract_is_moved_back(semitones: int) -> None:
    before, factor = vowel(120.0, FORMANTS), 2 ** (semitones / 12)
    after = shift_formants(warp(before, factor, 1.0), 1 / factor)
    assert pitch_hz(after[MIDDLE], 80, 180) == pytest.approx(120 * factor, rel=5e-3)
    assert formants_hz(after[MIDDLE])[1:] == pytest.approx(formants_hz(before[MIDDLE])[1:], rel=0.07)


def test_a_factor_of_nearly_one_changes_nearly_nothing() -> None:
    wave = white_noise(3)
    assert shift_formants(wave, 1.0) is wave
    assert np.max(np.abs(shift_formants(wave, 1 + 1e-9) - wave)) < 1e-6


def test_silence_stays_silent_and_what_follows_it_does_not_ring_before_it() -> None:
    assert not shift_formants(np.zeros(3000, dtype=np.float32), 1.1).any()
    assert shift_formants(np.zeros(0, dtype=np.float32), 1.1).size == 0
    word = vowel(120.0, FORMANTS, 0.3)
    wave = np.concatenate((np.zeros(8000, dtype=np.float32), word, np.zeros(8000, dtype=np.float32)))
    after = shift_formants(wave, 1.15)
    assert not after[: 8000 - 512].any()  # a frame
    assert not after[8000 + word.size + 512 :].any()


@pytest.mark.parametrize("samples", [1, 127, 128, 511, 513, 1000])
def test_any_length_is_kept(samples: int) -> None:
    assert np.isfinite(shift_formants(white_noise(1)[:samples], 0.9)).all()
    assert shift_formants(white_noise(1)[:samples], 0.9).size == samples


def test_level_scales_through() -> None:
    wave = vowel(150.0, FORMANTS)
    assert shift_formants(wave * np.float32(0.01), 1.1) == pytest.approx(shift_formants(wave, 1.1) * 0.01, abs=1e-5)
