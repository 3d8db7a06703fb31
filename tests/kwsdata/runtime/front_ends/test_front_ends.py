import numpy as np
import pytest
import torchaudio
from hypothesis import given, settings
from hypothesis import strategies as st
from sound import tone, white_noise

from kwsdata.errors import ParamsError
from kwsdata.params.data import FeaturesParams
from kwsdata.runtime.front_ends import features_of, frame_end_s, frames_before, make_frontend
from kwsdata.runtime.front_ends.logmel import FLOOR, mel_filterbank

LOGMEL = FeaturesParams(frontend="logmel", n_mels=40, window_ms=25, hop_ms=10, low_hz=60, high_hz=7600)
MICRO = FeaturesParams(frontend="micro", n_mels=40, window_ms=30, hop_ms=10, low_hz=125, high_hz=7500)
BOTH = pytest.mark.parametrize("params", [LOGMEL, MICRO], ids=["logmel", "micro"])


@BOTH
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000))
def test_chunks_of_any_length_give_the_frames_of_the_whole(params, seed):
    wave = white_noise(seed, seconds=1.5)
    rng = np.random.default_rng(seed)
    frontend, parts, at = make_frontend(params), [], 0
    while at < wave.size:
        step = int(rng.integers(1, 3000))
        parts.append(frontend.process(wave[at : at + step]))
        at += step
    # logmel: a matrix product of another height may round the last bit differently; micro is exact.
    np.testing.assert_allclose(np.concatenate(parts), features_of(wave, params), atol=2e-6)


@BOTH
def test_reset_forgets(params):
    frontend = make_frontend(params)
    first = frontend.process(tone())
    frontend.reset()
    np.testing.assert_array_equal(first, frontend.process(tone()))


@BOTH
def test_silence_is_one_frame_however_long_it_lasts_and_leaves_nothing_behind(params):
    after = []
    for frames in (1, 60_000):
        frontend = make_frontend(params)
        quiet = frontend.process(np.zeros(frontend.window + (frames - 1) * frontend.hop, np.float32))
        assert (frontend.silence.dtype, len(quiet)) == (np.float32, frames)
        assert np.array_equal(np.unique(quiet, axis=0), frontend.silence[None])
        after.append(frontend.process(white_noise(1)))
    assert np.array_equal(*after)  # ten minutes leave what one frame leaves, noise estimates included


@BOTH
def test_a_frame_depends_on_nothing_after_its_end(params):
    wave = white_noise(3, seconds=1)
    frontend = make_frontend(params)
    known = frames_before(0.6, frontend)
    changed = wave.copy()
    changed[round(0.6 * 16_000) :] = 0
    np.testing.assert_array_equal(features_of(wave, params)[:known], features_of(changed, params)[:known])
    assert frame_end_s(known - 1, frontend) <= 0.6 < frame_end_s(known, frontend)


@pytest.mark.parametrize("hz", [200, 440, 1000, 3000, 6000])
def test_a_tone_is_loudest_in_the_band_it_lies_in(hz):
    centres_mel = np.linspace(2595 * np.log10(1 + 60 / 700), 2595 * np.log10(1 + 7600 / 700), 42)[1:-1]
    nearest = np.abs(centres_mel - 2595 * np.log10(1 + hz / 700)).argmin()
    assert features_of(tone(hz), LOGMEL)[20:].mean(axis=0).argmax() == nearest


def test_the_filters_are_torchaudios():
    theirs = torchaudio.functional.melscale_fbanks(257, 60.0, 7600.0, 40, 16_000).numpy()
    np.testing.assert_allclose(mel_filterbank(512, 40, 60, 7600), theirs, atol=1e-5)  # theirs is made in float32


def test_twice_the_level_adds_log_four():
    quiet, loud = (features_of(white_noise(1, level=level), LOGMEL) for level in (0.1, 0.2))
    np.testing.assert_allclose(loud - quiet, np.log(4), atol=1e-3)


def test_silence_is_the_floor():
    assert np.all(features_of(np.zeros(16_000, np.float32), LOGMEL) == np.float32(np.log(FLOOR)))


def test_micro_refuses_what_its_library_cannot_do():
    with pytest.raises(ParamsError, match="window_ms = 25"):
        make_frontend(MICRO.model_copy(update={"window_ms": 25}))
