"""Laws of the channel: the spectrum and the floor measured afterwards are those of the other recording."""

import numpy as np
import pytest
from acoustics import band_db, level_db
from scipy.signal import butter, sosfilt
from sound import vowel, white_noise

from kwsdata.audio import Waveform
from kwsdata.transforms.channels import channel_of, transplant
from kwsdata.transforms.levels import active_level

RNG_SEED = 5


def talk(seed: int, band: tuple[float, float], floor: float, seconds: float = 4.0) -> Waveform:
    """Bursts of noise in a band, half of the time, over a floor of white noise with RMS `floor`."""
    count = round(seconds * 16000)
    sos = butter(2, band, "bandpass", fs=16000, output="sos")
    spoken = sosfilt(sos, np.random.default_rng(seed).standard_normal(count)) * 0.1
    spoken[(np.arange(count) // 4000) % 2 == 1] = 0
    return (spoken + floor * np.random.default_rng(seed + 1).standard_normal(count)).astype(np.float32)


def test_the_spectrum_becomes_the_recordings() -> None:
    dull, bright = talk(1, (150, 1500), 1e-4), talk(3, (500, 6000), 1e-4)
    wanted, had = channel_of(bright), channel_of(dull)
    got = channel_of(transplant(dull, (0, dull.size), wanted, np.random.default_rng(RNG_SEED)))

    def apart(one, other) -> float:
        difference = one.speech_db - other.speech_db
        return float(np.std(difference))

    assert apart(had, wanted) > 8
    assert apart(got, wanted) < 0.4 * apart(had, wanted)  # bands are moved by 20 dB at most


@pytest.mark.parametrize("floor", [3e-3, 3e-4])
def test_the_floor_lies_as_far_below_the_word_as_in_the_recording(floor: float) -> None:
    recording = talk(1, (300, 3000), floor)
    word = vowel(120.0, (600.0, 1300.0, 2500.0), 0.6)
    wave = np.concatenate((np.zeros(16000, dtype=np.float32), word, np.zeros(8000, dtype=np.float32)))
    span = (16000, 16000 + word.size)
    made = transplant(wave, span, channel_of(recording), np.random.default_rng(RNG_SEED))
    pause = recording[4200:7800]  # of what `talk` makes
    expected = level_db(pause) - 20 * np.log10(active_level(recording[:4000]))
    got = level_db(made[:15000]) - 20 * np.log10(active_level(made[slice(*span)]))
    assert got == pytest.approx(expected, abs=2)  # dB; bands of a third of an octave forget the edges
    assert active_level(made[slice(*span)]) == pytest.approx(active_level(word), rel=0.05)  # the floor adds to it


def test_the_floor_has_the_recordings_colour() -> None:
    sos = butter(4, 1000, "lowpass", fs=16000, output="sos")
    rumble = sosfilt(sos, np.random.default_rng(0).standard_normal(64000)) * 0.003
    recording = (talk(1, (300, 5000), 1e-5) + rumble).astype(np.float32)
    wave = np.concatenate((np.zeros(16000, dtype=np.float32), vowel(120.0, (600.0, 1300.0), 0.6)))
    made = transplant(wave, (16000, wave.size), channel_of(recording), np.random.default_rng(RNG_SEED))
    assert band_db(made[:15000], 200, 900) - band_db(made[:15000], 2000, 6000) > 15


def test_pauses_of_digital_silence_are_no_floor() -> None:
    recording = talk(1, (300, 3000), 0.0)
    recording[recording.size // 2 :] = 0
    assert channel_of(recording).floor_db is None
    wave = np.concatenate((np.zeros(16000, dtype=np.float32), vowel(120.0, (600.0, 1300.0), 0.6)))
    made = transplant(wave, (16000, wave.size), channel_of(recording), np.random.default_rng(RNG_SEED))
    assert not made[:15000].any()


def test_levels_of_the_recording_do_not_matter() -> None:
    recording, wave = talk(1, (300, 3000), 1e-3), vowel(120.0, (600.0, 1300.0), 0.6)
    span = (0, wave.size)
    one = transplant(wave, span, channel_of(recording), np.random.default_rng(RNG_SEED))
    quieter = channel_of(recording * np.float32(0.05))
    assert transplant(wave, span, quieter, np.random.default_rng(RNG_SEED)) == pytest.approx(one, abs=1e-5)


def test_silence_has_no_channel_and_is_left_as_it_is() -> None:
    assert channel_of(np.zeros(16000, dtype=np.float32)) is None
    assert channel_of(white_noise(0)[:100]) is None
    silence = np.zeros(16000, dtype=np.float32)
    made = transplant(silence, (0, 16000), channel_of(talk(1, (300, 3000), 1e-3)), np.random.default_rng(RNG_SEED))
    assert not made.any()
