"""A torch device gives what the CPU gives, within the tolerance that its module states. Run here on torch's CPU."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sound import burst, tone, white_noise

from kwsdata.errors import ParamsError
from kwsdata.transforms.convolution import Filter, convolve
from kwsdata.transforms.engine import engine_for
from kwsdata.transforms.resampling import played_factor, resample
from kwsdata.transforms.torch_engine import TorchEngine

TORCH = TorchEngine("cpu")


@settings(max_examples=20, deadline=None)
@given(samples=st.integers(1, 30_000), taps=st.integers(1, 9000), seed=st.integers(0, 99))
def test_convolution_is_equal_to_1e_5_of_its_peak(samples: int, taps: int, seed: int) -> None:
    wave, by = white_noise(seed, samples / 16_000), Filter(white_noise(seed + 1, taps / 16_000))
    canonical = convolve(wave, by, samples + 40)
    error = np.max(np.abs(TORCH.convolve(wave, by, samples + 40) - canonical))
    assert error < 1e-5 * max(np.max(np.abs(canonical)), 1e-3)


@settings(max_examples=20, deadline=None)
@given(hundredths=st.integers(75, 135), place=st.floats(0.02, 0.85))
def test_resampling_is_equal_to_50_db_below_the_bands_end(hundredths: int, place: float) -> None:
    factor = hundredths / 100
    hz = place * 8000 * min(1, 1 / factor)
    wave = tone(hz, 1.0) * np.hanning(16_000).astype(np.float32)
    # the CPU's factor is rounded by up to 0.4 cents: a few samples by the clip's end
    assert error_db(TORCH.resample(wave, played_factor(factor)), resample(wave, factor)) < -50


def error_db(ours: np.ndarray, canonical: np.ndarray) -> float:
    shared = min(ours.size, canonical.size)
    assert abs(ours.size - canonical.size) <= 1
    error = np.mean(np.square(ours[:shared] - canonical[:shared])) / np.mean(np.square(canonical))
    return 10 * float(np.log10(error))


@pytest.mark.parametrize("factor", [0.9, 1.1, 1.25])
def test_a_resampled_voice_is_the_same_voice(factor: float) -> None:
    wave = burst(1, 0.2, 0.8, 0.2)
    # the CPU's factor is rounded by up to 0.4 cents: a few samples by the clip's end
    assert error_db(TORCH.resample(wave, played_factor(factor)), resample(wave, factor)) < -50


def test_a_device_that_is_not_there_is_named() -> None:
    with pytest.raises(ParamsError, match=r"augment\.device = 'cuda:77'"):
        engine_for("fast", "cuda:77")
