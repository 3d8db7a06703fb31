"""The tail of negative peaks gives the rates it was drawn from, and thresholds that mostly hold the rate asked for."""

import numpy as np
import pytest

from kwstrain.evaluation.tail import FEWEST, fit_tail

HOURS = 4.0
PER_HOUR = 200.0  # peaks


def excess(shape: float, share: np.ndarray) -> np.ndarray:
    """Return what a generalised Pareto tail of scale 1 passes with the chance `share`."""
    return -np.log(share) if shape == 0 else (share**-shape - 1) / shape


def drawn(shape: float, seed: int, hours: float = HOURS) -> np.ndarray:
    """Return votes whose log-odds, -3 at least, have that tail."""
    rng = np.random.default_rng(seed)
    return vote(excess(shape, 1 - rng.random(rng.poisson(PER_HOUR * hours))) - 3)


def vote(log_odds: np.ndarray | float) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(log_odds)))


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.15])
def test_the_rate_is_that_of_the_distribution(shape: float) -> None:
    at_one = float(vote(excess(shape, np.asarray(1 / PER_HOUR)) - 3))  # 1.0 an hour
    found = [fit_tail(drawn(shape, seed), HOURS, 1.0).fah(at_one) for seed in range(40)]
    assert np.median(found) == pytest.approx(1.0, abs=0.25)
    assert np.quantile(found, 0.9) < 2.0


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.15])
def test_most_thresholds_hold_the_rate(shape: float) -> None:
    thresholds = np.asarray([fit_tail(drawn(shape, seed), HOURS, 1.0).threshold(1.0, 0.9) for seed in range(100)])
    at_one = float(vote(excess(shape, np.asarray(1 / PER_HOUR)) - 3))
    assert 0.65 < np.mean(thresholds >= at_one) < 0.95


def test_more_hours_need_less_room() -> None:
    room = {}
    for hours in (1.0, 4.0, 16.0):
        tails = [fit_tail(drawn(0.0, seed, hours), hours, 1.0) for seed in range(20)]
        room[hours] = np.median([tail.threshold(1.0, 0.9) - tail.threshold(1.0, 0.5) for tail in tails])
    assert room[1.0] > room[4.0] > room[16.0] > 0


def test_the_bound_at_the_threshold_is_the_rate_asked_for() -> None:
    tail = fit_tail(drawn(0.0, 1), HOURS, 1.0)
    for rate in (0.2, 1.0, 4.0):
        threshold = tail.threshold(rate, 0.9)
        assert tail.fah_bound(threshold, 0.9) == pytest.approx(rate, rel=0.02)
        assert tail.fah(threshold) < rate
    assert tail.threshold(0.2, 0.9) > tail.threshold(1.0, 0.9) > tail.threshold(4.0, 0.9)


def test_a_bounded_tail_ends() -> None:
    tail = fit_tail(vote(np.linspace(-2, 2, 400)), HOURS, 1.0)
    assert tail.shape[0] < 0
    assert tail.fah(1 - 1e-6) == 0


def test_the_same_peaks_give_the_same_threshold_in_any_order() -> None:
    peaks = drawn(0.0, 3)
    assert fit_tail(peaks, HOURS, 1.0).threshold(1.0, 0.9) == fit_tail(peaks[::-1], HOURS, 1.0).threshold(1.0, 0.9)


def test_few_peaks_or_equal_ones_have_no_tail() -> None:
    assert fit_tail(drawn(0.0, 1)[: 2 * FEWEST - 1], HOURS, 1.0) is None
    assert fit_tail(np.full(500, 0.2, np.float32), HOURS, 1.0) is None
    assert fit_tail(drawn(0.0, 1), 0.0, 1.0) is None
    assert fit_tail(drawn(0.0, 1), HOURS, 0.2) is None  # not one false alarm at that rate
    assert fit_tail(np.zeros(500), HOURS, 1.0) is None


def test_a_high_rate_is_asked_of_as_many_peaks() -> None:
    many = fit_tail(drawn(0.0, 5), HOURS, 40.0)
    assert many.threshold(40.0, 0.9) < fit_tail(drawn(0.0, 5), HOURS, 1.0).threshold(1.0, 0.9)
    assert many.per_hour[0] >= 2 * 40.0 - 1
