"""Intervals against published tables and against the laws that define them."""

import math

import pytest
from scipy import stats

from kwstrain.evaluation.intervals import hours_needed, poisson_upper, wilson


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [  # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3 (score without continuity correction)
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_newcombes_table(count, total, low, high):
    assert wilson(count, total) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_wilson_solves_the_score_equation():
    """At each limit p, |share - p| is z standard errors of p."""
    for limit in wilson(7, 90):
        assert abs(7 / 90 - limit) / math.sqrt(limit * (1 - limit) / 90) == pytest.approx(1.959964, abs=1e-5)


def test_wilson_at_the_ends():
    assert wilson(0, 50)[0] == 0.0 and wilson(50, 50)[1] == 1.0
    assert wilson(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError, match="5 of 4"):
        wilson(5, 4)


@pytest.mark.parametrize(
    ("count", "bound"),
    [(0, 2.996), (1, 4.744), (2, 6.296), (5, 10.513), (10, 16.962), (20, 29.062)],  # Garwood 1936, 95 % one-sided
)
def test_poisson_upper_gives_garwoods_table(count, bound):
    assert poisson_upper(count, 1.0) == pytest.approx(bound, abs=5e-4)
    assert poisson_upper(count, 4.0) == pytest.approx(bound / 4, abs=5e-4)


@pytest.mark.parametrize("count", [0, 3, 40])
def test_at_the_bound_so_few_events_have_probability_5_percent(count):
    assert stats.poisson.cdf(count, poisson_upper(count, 1.0)) == pytest.approx(0.05, abs=1e-9)


def test_nothing_heard_proves_nothing():
    assert poisson_upper(0, 0.0) == math.inf
    with pytest.raises(ValueError, match="-1 events"):
        poisson_upper(-1, 1.0)


def test_three_silent_hours_prove_one_an_hour():
    assert hours_needed(1.0) == pytest.approx(2.996, abs=5e-4)
    assert poisson_upper(0, hours_needed(0.5)) == pytest.approx(0.5)
