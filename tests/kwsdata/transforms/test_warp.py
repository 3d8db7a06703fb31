"""Speed, tempo and pitch do to a tone what their names say."""

import shutil

import numpy as np
import pytest
from acoustics import cents, level_db, tone_hz
from augmenting import applied, applied_take
from hypothesis import given, settings
from hypothesis import strategies as st
from sound import burst, tone, white_noise

from kwsdata.audio import SAMPLE_RATE
from kwsdata.effects.rhythm import RhythmDraw
from kwsdata.effects.voice import PitchDraw, SpeedDraw, TempoDraw
from kwsdata.errors import MissingProgramError
from kwsdata.transforms.engine import engine_for
from kwsdata.transforms.warp import warp

CENTS = 5  # asked of every engine; SOLA joins segments to the sample, soxr's ratio is rounded by 0.4 cents
TONES = st.floats(90, 2500)
SECONDS = st.floats(1.0, 1.6)

needs_sox = pytest.mark.skipif(shutil.which("sox") is None, reason="no sox: apt-get install sox libsox-fmt-all")


@settings(max_examples=40, deadline=None)
@given(hz=TONES, semitones=st.floats(-7, 7), seconds=SECONDS)
def test_pitch_moves_a_tone_by_its_semitones_and_keeps_the_length(hz: float, semitones: float, seconds: float) -> None:
    wave = tone(hz, seconds)
    moved = applied(PitchDraw(semitones), wave)
    assert moved.size == wave.size
    assert tone_hz(moved) == pytest.approx(hz * 2 ** (semitones / 12), rel=CENTS / 1731)
    assert level_db(moved) == pytest.approx(level_db(wave), abs=1.0)


@settings(max_examples=40, deadline=None)
@given(hz=TONES, factor=st.floats(0.7, 1.5), seconds=SECONDS)
def test_speed_scales_pitch_and_length(hz: float, factor: float, seconds: float) -> None:
    wave = tone(hz, seconds)
    faster = applied(SpeedDraw(factor), wave)
    assert faster.size == round(wave.size / factor)
    assert abs(cents(tone_hz(faster), hz * factor)) < CENTS


@settings(max_examples=40, deadline=None)
@given(hz=TONES, factor=st.floats(0.7, 1.5), seconds=SECONDS)
def test_tempo_scales_the_length_and_keeps_pitch(hz: float, factor: float, seconds: float) -> None:
    wave = tone(hz, seconds)
    faster = applied(TempoDraw(factor), wave)
    assert faster.size == round(wave.size / factor)
    assert abs(cents(tone_hz(faster), hz)) < CENTS


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_tempo_moves_events_and_keeps_their_distance_in_proportion(factor: float) -> None:
    wave = np.zeros(2 * SAMPLE_RATE, dtype=np.float32)
    for start_s in (0.4, 1.4):
        wave[round(start_s * SAMPLE_RATE) :][:1600] = tone(500, 0.1)
    heard = applied(TempoDraw(factor), wave)
    onsets = [np.flatnonzero(np.abs(part) > 0.1)[0] for part in np.split(heard, [heard.size // 2])]
    assert onsets[0] == pytest.approx(0.4 * SAMPLE_RATE / factor, abs=0.02 * SAMPLE_RATE)  # a segment's search: 15 ms
    assert heard.size // 2 + onsets[1] == pytest.approx(1.4 * SAMPLE_RATE / factor, abs=0.02 * SAMPLE_RATE)


def test_what_would_alias_is_removed() -> None:
    wave = tone(6500, 1.0)  # 1.4 times as fast it would be 9.1 kHz: heard at 6.9 kHz if it aliased
    assert level_db(applied(SpeedDraw(1.4), wave)[500:-500]) < level_db(wave) - 80


def test_one_warp_is_speed_then_tempo_then_pitch() -> None:
    wave = tone(440, 1.0)
    speed, tempo, semitones = 1.1, 0.9, 2.0
    at_once = warp(wave, speed * 2 ** (semitones / 12), 1 / (speed * tempo))
    in_turn = applied(PitchDraw(semitones), applied(TempoDraw(tempo), applied(SpeedDraw(speed), wave)))
    assert at_once.size == pytest.approx(in_turn.size, abs=2)
    assert abs(cents(tone_hz(at_once), tone_hz(in_turn))) < CENTS


def _spectrogram(wave: np.ndarray) -> np.ndarray:
    """Return log power in bands of 125 Hz, dB, averaged over the clip's loud frames."""
    frames = np.lib.stride_tricks.sliding_window_view(wave, 512)[::128] * np.hanning(512)
    power = np.square(np.abs(np.fft.rfft(frames)))
    loud = power.sum(axis=1) > power.sum(axis=1).max() / 100
    return 10 * np.log10(power[loud].mean(axis=0)[:256].reshape(-1, 4).mean(axis=1) + 1e-9)


@needs_sox
@pytest.mark.parametrize(("pitch", "duration"), [(1.2, 1.0), (0.8, 1.0), (1.0, 0.8), (1.0, 1.25), (1.1, 1 / 1.1)])
def test_a_voice_sounds_as_sox_makes_it_sound(pitch: float, duration: float) -> None:
    from kwsdata.transforms.sox import sox_warp

    wave = burst(3, before_s=0.2, word_s=1.0, after_s=0.2)
    ours, reference = warp(wave, pitch, duration), sox_warp(wave, pitch, duration)
    assert ours.size == reference.size
    assert level_db(ours) == pytest.approx(level_db(reference), abs=1.0)
    bands, wanted = _spectrogram(ours), _spectrogram(reference)
    voiced = wanted > wanted.max() - 40  # below that is what joints leave, of which ours leave less
    difference = np.mean(np.abs(bands - wanted)[voiced])
    assert difference < 0.7  # dB
    nothing_done = np.mean(np.abs(_spectrogram(wave) - wanted)[voiced])
    assert nothing_done > 2 * difference or pitch == 1.0


@needs_sox
@settings(max_examples=4, deadline=None)
@given(hz=TONES, semitones=st.floats(-4, 4))
def test_sox_obeys_the_same_law(hz: float, semitones: float) -> None:
    from kwsdata.transforms.sox import sox_warp

    moved = sox_warp(tone(hz, 1.2), 2 ** (semitones / 12), 1.0)
    assert moved.size == round(1.2 * SAMPLE_RATE)
    # SoX's tempo -s overlaps 12 ms segments with a coarser search than ours: it keeps to 20 cents, not to 5
    assert abs(cents(tone_hz(moved), hz * 2 ** (semitones / 12))) < 20


@needs_sox
def test_params_may_ask_for_sox() -> None:
    from kwsdata.transforms.sox import sox_warp

    assert np.array_equal(engine_for("sox", "cpu").warp(burst(), 1.2, 0.9), sox_warp(burst(), 1.2, 0.9))


def test_without_sox_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from kwsdata.transforms.sox import sox_warp

    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(MissingProgramError, match="apt-get install sox libsox-fmt-all"):
        sox_warp(tone(), 1.1, 1.0)
    engine_for.cache_clear()
    with pytest.raises(MissingProgramError, match=r"augment\.engine = sox needs the program `sox`"):
        engine_for("sox", "cpu")  # what the stage asks before any work


@settings(max_examples=30, deadline=None)
@given(hz=TONES, factors=st.lists(st.floats(0.6, 1.4), min_size=1, max_size=16), part_s=st.floats(0.08, 0.4))
def test_an_uneven_pace_keeps_pitch_and_moves_the_word_with_the_sound(hz, factors, part_s) -> None:
    quiet, word = np.zeros(4000, np.float32), tone(hz, 0.8)
    take = applied_take(RhythmDraw(part_s, factors), np.concatenate([quiet, word, quiet]), (4000, 4000 + word.size))
    start, end = take.span
    inside = take.wave[start + 400 : end - 400]
    assert abs(cents(tone_hz(inside), hz)) < 12  # over whatever length the word has now
    assert min(factors) * 0.98 < word.size / (end - start) < max(factors) * 1.02
    loud = np.flatnonzero(np.abs(take.wave) > 0.02 * np.abs(take.wave).max())
    assert abs(loud[0] - start) < 320 and abs(loud[-1] - end) < 320  # 20 ms: a segment moves by half of 15


def test_each_part_has_its_own_pace_and_an_even_one_changes_nothing() -> None:
    wave = white_noise(3, 1.0, 0.1)
    assert applied(RhythmDraw(0.5, [0.5, 1.0]), wave).size == pytest.approx(1.5 * SAMPLE_RATE, abs=2)
    inner = slice(0, SAMPLE_RATE - 800)
    np.testing.assert_allclose(applied(RhythmDraw(0.3, [1.0]), wave)[inner], wave[inner], atol=1e-6)
