"""Rooms, filters, telephone and codecs: linear where they must be, and nothing moves in time."""

import numpy as np
import pytest
from acoustics import band_db, lag, level_db
from augmenting import applied
from hypothesis import given, settings
from hypothesis import strategies as st
from sound import burst, tone, white_noise

from kwsdata.effects.line import CODECS, LINES, CodecDraw, TelephoneDraw
from kwsdata.effects.microphone import BANDS_HZ, BandLimitDraw, EqualizerDraw
from kwsdata.rooms.bank import DIRECT_SAMPLE, align, early_part, in_room
from kwsdata.transforms.convolution import BLOCKS, Filter, convolve


@settings(max_examples=40, deadline=None)
@given(
    samples=st.integers(1, 3 * BLOCKS[0]),
    taps=st.integers(1, 3 * BLOCKS[0]),
    lead=st.integers(0, 5000),
    seed=st.integers(0, 99),
)
def test_convolution_in_blocks_is_convolution(samples: int, taps: int, lead: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    wave = np.concatenate((np.zeros(lead), rng.standard_normal(samples), np.zeros(lead // 3))).astype(np.float32)
    by = rng.standard_normal(taps).astype(np.float32)
    size = wave.size + by.size
    exact = np.fft.irfft(np.fft.rfft(wave, size) * np.fft.rfft(by, size), size)
    for length in (None, wave.size // 2 + 1, size - 1):
        heard = convolve(wave, Filter(by), length)
        wanted = exact[: wave.size if length is None else length]
        assert heard.size == wanted.size
        # float32 transforms: 1e-6 of the filter's and the clip's energy
        assert np.max(np.abs(heard - wanted)) < 2e-6 * np.sqrt(samples * taps) + 1e-5


def response(seed: int, seconds: float = 0.4) -> np.ndarray:
    tail = white_noise(seed, seconds, 0.05) * np.exp(-6.9 * np.arange(round(seconds * 16_000)) / (seconds * 16_000))
    tail[100] = 1.0
    return align(tail.astype(np.float32), 100)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), start=st.integers(0, 9000))
def test_reverb_leaves_an_onset_on_its_sample(seed: int, start: int) -> None:
    wave = np.zeros(10_000, dtype=np.float32)
    wave[start] = 1.0
    heard = in_room(wave, Filter(response(seed)))
    assert heard.size == wave.size
    assert int(np.argmax(np.abs(heard))) == start
    window = heard[max(start - 8, 0) : start + 9]
    if 8 <= start < 10_000 - 8:
        assert np.sum(np.square(window)) == pytest.approx(1.0, abs=1e-3)  # the direct path's energy


def test_the_early_part_is_the_response_up_to_its_end() -> None:
    rir = response(1)
    early = early_part(rir, 50).taps
    assert early.size == DIRECT_SAMPLE + 800
    assert np.array_equal(early[:-80], rir[: early.size - 80])
    late = np.concatenate((rir[: early.size] - early, rir[early.size :]))
    assert level_db(late) < level_db(rir)  # something was left out
    assert np.all(late[: early.size - 80] == 0)


@settings(max_examples=15, deadline=None)
@given(gains=st.lists(st.floats(-8, 8), min_size=5, max_size=5))
def test_the_equalizer_has_its_gain_in_each_band(gains: list[float]) -> None:
    for hz, gain in zip(BANDS_HZ, gains, strict=True):
        heard = applied(EqualizerDraw(gains), tone(hz, 1.0, 0.1))
        # 32 ms of filter smooth the curve's corners, most at 100 Hz
        assert level_db(heard[4000:]) - level_db(tone(hz, 1.0, 0.1)[4000:]) == pytest.approx(gain, abs=2.0)


def test_a_flat_equalizer_does_nothing() -> None:
    assert np.max(np.abs(applied(EqualizerDraw([0.0] * 5), burst()) - burst())) < 1e-5


@settings(max_examples=15, deadline=None)
@given(low=st.floats(150, 400), high=st.floats(2500, 6000))
def test_the_band_ends_at_its_corners(low: float, high: float) -> None:
    draw = BandLimitDraw(low, high)

    def gain_db(hz: float) -> float:
        return level_db(applied(draw, tone(hz, 1.0))[4000:]) - level_db(tone(hz, 1.0)[4000:])

    assert gain_db(low) == pytest.approx(-3, abs=1.5)
    assert gain_db(high) == pytest.approx(-3, abs=1.0)
    assert gain_db(low / 2) < -18
    assert gain_db(np.sqrt(low * high)) == pytest.approx(0, abs=0.5)


def test_a_filter_rings_after_a_sound_and_not_before() -> None:
    click = np.zeros(4000, dtype=np.float32)
    click[2000] = 1.0
    heard = applied(BandLimitDraw(200, 4000), click)
    assert level_db(heard[:1999]) < level_db(heard[2000:]) - 60


@pytest.mark.parametrize("line", LINES)
def test_a_telephone_passes_its_band_in_place(line: str) -> None:
    wave = white_noise(0, 1.0, 0.1)
    heard = applied(TelephoneDraw(line), wave)
    assert heard.size == wave.size
    assert band_db(heard, 4200, 8000) < band_db(heard, 500, 3000) - 40
    assert band_db(heard, 0, 150) < band_db(heard, 500, 650) - 10  # GSM has noise of its own there
    assert abs(lag(heard, wave)) <= 4  # the low-pass at 3.4 kHz delays by a few samples


def test_mu_law_adds_the_noise_of_eight_bits() -> None:
    wave = tone(1013.7, 1.0, 0.3)  # no whole number of samples a period: steps fall everywhere
    clean = applied(TelephoneDraw("alaw"), tone(1000, 1.0, 1e-6))
    heard = applied(TelephoneDraw("mulaw"), wave)[2000:-2000]
    assert level_db(clean) < -60
    spectrum = np.square(np.abs(np.fft.rfft(heard * np.hanning(heard.size))))
    peak = int(np.argmax(spectrum))
    noise = spectrum.sum() - spectrum[peak - 4 : peak + 5].sum()
    assert 10 * np.log10(spectrum[peak - 4 : peak + 5].sum() / noise) == pytest.approx(38, abs=4)  # G.711


@pytest.mark.parametrize("codec", CODECS)
def test_a_codec_keeps_the_sound_in_place_and_changes_it(codec: str) -> None:
    wave = burst(5, 0.3, 1.0, 0.2)
    heard = applied(CodecDraw(codec, 0.7), wave)
    assert heard.size == wave.size
    assert abs(lag(heard, wave)) <= 1
    assert 0.9 < np.corrcoef(heard, wave)[0, 1] < 0.99999
    assert np.array_equal(heard, applied(CodecDraw(codec, 0.7), wave))
