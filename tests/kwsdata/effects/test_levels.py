"""Level, SNR and clipping: what is asked for is what is measured."""

import numpy as np
import pytest
from augmenting import applied
from hypothesis import given, settings
from hypothesis import strategies as st
from sound import burst, tone, white_noise

from kwsdata.audio import rms
from kwsdata.effects.amplifier import ClippingDraw, LoudnessDraw
from kwsdata.effects.mixing import BabbleDraw, babble_of
from kwsdata.pools.sounds import Sound, SoundPool
from kwsdata.transforms.levels import active_level, below_full_scale, mix, rms32

SEEDS = st.integers(0, 10_000)


@settings(max_examples=40, deadline=None)
@given(snr_db=st.floats(-10, 40), seed=SEEDS, silence_s=st.floats(0, 1.5))
def test_mix_has_the_snr_asked_for_whatever_silence_is_around(snr_db: float, seed: int, silence_s: float) -> None:
    speech = tone(440, 0.5, level=0.2)
    wave = np.pad(speech, round(silence_s * 16_000))
    added = mix(wave, white_noise(seed, wave.size / 16_000), snr_db, active_level(wave)) - wave
    # the speech is a steady tone: its level over active frames is its own RMS, but for two partly filled frames
    assert 20 * np.log10(rms(speech) / rms(added)) == pytest.approx(snr_db, abs=0.1)


@settings(max_examples=30, deadline=None)
@given(snr_db=st.floats(-5, 30), seed=SEEDS)
def test_mix_has_the_snr_of_a_word_with_pauses(snr_db: float, seed: int) -> None:
    wave = burst(seed)
    added = mix(wave, white_noise(seed, wave.size / 16_000), snr_db, active_level(wave)) - wave
    frames = wave[: wave.size // 160 * 160].reshape(-1, 160).astype(np.float64)
    power = np.square(frames).mean(axis=1)
    spoken = np.sqrt(power[power >= power.max() / 1000].mean())  # the definition, written again
    assert 20 * np.log10(spoken / rms(added)) == pytest.approx(snr_db, abs=0.1)


def test_silence_has_no_snr_and_stays_silence() -> None:
    silence, noise = np.zeros(1600, dtype=np.float32), white_noise(0, 0.1)
    assert np.array_equal(mix(silence, noise, 10, active_level(silence)), silence)
    assert np.array_equal(mix(noise, silence, 10, active_level(noise)), noise)


@settings(max_examples=30, deadline=None)
@given(level_dbfs=st.floats(-45, -15), seed=SEEDS)
def test_loudness_is_the_level_asked_for(level_dbfs: float, seed: int) -> None:
    heard = applied(LoudnessDraw(level_dbfs), burst(seed))
    assert 20 * np.log10(active_level(heard)) == pytest.approx(level_dbfs, abs=0.01)


def test_loudness_stops_at_full_scale() -> None:
    heard = applied(LoudnessDraw(0.0), tone())
    assert np.max(np.abs(heard)) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("peak", [1e-30, 0.5, 1.0, 3.0, 1e30])
def test_below_full_scale_changes_only_what_is_above(peak: float) -> None:
    wave = (tone(level=1.0) * np.float64(peak)).astype(np.float32)
    heard = below_full_scale(wave)
    assert np.max(np.abs(heard)) <= 1.0
    assert np.array_equal(heard, wave) == (np.max(np.abs(wave)) <= 1.0)


@settings(max_examples=30, deadline=None)
@given(fraction=st.floats(0.001, 0.5), seed=SEEDS)
def test_clipping_cuts_the_fraction_asked_for(fraction: float, seed: int) -> None:
    wave = white_noise(seed)
    heard = applied(ClippingDraw(fraction), wave)
    assert np.mean(heard != wave) == pytest.approx(fraction, abs=2 / wave.size)  # a sample at the limit itself


def test_rms32_is_rms() -> None:
    assert rms32(white_noise()) == pytest.approx(rms(white_noise()), rel=1e-5)
    assert rms32(np.zeros(0, dtype=np.float32)) == 0.0


def test_babble_is_all_its_voices_at_one_level(tmp_path) -> None:
    from kwsdata.clips.manifests import make_cut
    from kwsdata.clips.shards import Clip, shard_cuts, write_shard

    hz = [300, 700, 1500]
    voices = [Clip(make_cut(f"v{i}", 8000), tone(f, 0.5, level=0.1 * (i + 1))) for i, f in enumerate(hz)]
    write_shard(tmp_path, 0, voices)
    pool = SoundPool({cut.id: Sound((cut.custom or {})["shard"], 8000, cut.id) for cut in shard_cuts(tmp_path)})
    heard = babble_of(BabbleDraw(["v0", "v1", "v2"], [0.0, 0.3, 0.6], 10), pool, 16_000)
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(heard.size)))
    peaks = [20 * np.log10(spectrum[f - 20 : f + 20].max()) for f in hz]  # 1 Hz a bin
    assert max(peaks) - min(peaks) < 0.5
