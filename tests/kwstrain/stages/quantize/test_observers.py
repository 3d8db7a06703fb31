"""Observers: each range is what its rule says, on values whose answer is known."""

import numpy as np
import pytest
import torch

from kwstrain.quantization.scales import scale_of
from kwstrain.stages.quantize.observers import OBSERVERS, Histogram


def seen(*batches: torch.Tensor) -> Histogram:
    histogram = Histogram()
    for batch in batches:
        histogram.widen(batch)
    for batch in batches:
        histogram.add(batch)
    return histogram


def noise(count: int = 100_000) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(1).normal(0, 1, count))


def error(values: torch.Tensor, low: float, high: float) -> float:
    scale, zero = scale_of(low, high)
    held = torch.fake_quantize_per_tensor_affine(values.float(), scale, zero, -128, 127)
    return float((held - values).square().mean())


@pytest.mark.parametrize("observer", OBSERVERS)
def test_every_range_holds_zero_and_lies_within_what_was_seen(observer):
    for values in (noise(), noise().abs() + 1, -noise().abs() - 1):
        low, high = OBSERVERS[observer](seen(values), 99.9)
        assert min(float(values.min()), 0.0) <= low <= 0 <= high <= max(float(values.max()), 0.0)


def test_min_max_is_over_all_batches():
    assert OBSERVERS["min_max"](seen(torch.tensor([1.0, 2.0]), torch.tensor([-3.0])), 99.9) == (-3.0, 2.0)


def test_the_percentile_cuts_off_its_share_at_either_end():
    low, high = OBSERVERS["percentile"](seen(noise()), 99.0)
    # A standard normal has 1 % below -2.326 and 1 % above 2.326; the bins are 0.004 wide.
    assert low == pytest.approx(-2.326, abs=0.03)
    assert high == pytest.approx(2.326, abs=0.03)


def test_mse_is_never_worse_than_min_max_and_better_with_an_outlier():
    for values in (noise(), torch.cat([noise(), torch.tensor([60.0])])):
        histogram = seen(values)
        ends = error(values, *OBSERVERS["min_max"](histogram, 99.9))
        assert error(values, *OBSERVERS["mse"](histogram, 99.9)) <= ends * 1.01  # the bins have a width
    assert error(values, *OBSERVERS["mse"](histogram, 99.9)) < 0.95 * ends
