"""The decoder's law, its two forms against each other, and cases worked by hand."""

from itertools import pairwise

import numpy as np
import pytest
from decoders import config, rule
from hypothesis import given, settings
from hypothesis import strategies as st

from kwsdata.errors import ParamsError
from kwsdata.runtime.decoder import Decoder, DecoderConfig, detections, missing_in, votes, warming_up

# A coarse grid of values makes equal scores, and scores equal to the threshold, common.
SCORES = st.lists(st.integers(0, 8).map(lambda i: i / 8), max_size=120)


def times(count: int, step_s: float = 0.02) -> np.ndarray:
    return np.arange(count) * step_s + 0.045


@settings(max_examples=200, deadline=None)
@given(
    scores=SCORES,
    n=st.integers(1, 4),
    more=st.integers(0, 4),
    smooth=st.integers(1, 5),
    threshold=st.sampled_from([0.125, 0.3, 0.5, 0.875, 1.0, 1.1]),
    lockout_s=st.sampled_from([0.0, 0.02, 0.1, 0.5, 10.0]),
    warm_up_s=st.sampled_from([0.0, 0.01, 0.045, 0.065, 0.3, 60.0]),
    cuts=st.lists(st.integers(0, 120), max_size=5),
)
def test_streaming_and_vectorised_forms_agree_exactly(scores, n, more, smooth, threshold, lockout_s, warm_up_s, cuts):
    time_s, score, m = times(len(scores)), np.asarray(scores, np.float32), n + more
    decoder = Decoder(config(threshold, n, m, lockout_s, smooth, warm_up_s))
    edges = [0, *sorted(min(cut, len(scores)) for cut in cuts), len(scores)]
    streamed = [e for a, b in pairwise(edges) for e in decoder.push(time_s[a:b], score[a:b])]

    vote = votes(score, rule(n, m, smooth), warming_up(time_s, warm_up_s))
    fired = detections(time_s, vote, threshold, lockout_s)

    assert streamed == [(time_s[i], vote[i]) for i in fired]


@settings(max_examples=100, deadline=None)
@given(scores=SCORES, n=st.integers(1, 5), more=st.integers(0, 5), threshold=st.sampled_from([0.125, 0.4, 0.625, 1.0]))
def test_vote_reaches_the_threshold_when_n_of_the_last_m_scores_do(scores, n, more, threshold):
    score, m = np.asarray(scores, np.float32), n + more
    counted = [np.count_nonzero(score[max(0, k - m + 1) : k + 1] >= np.float32(threshold)) for k in range(len(score))]
    assert (votes(score, rule(n, m)) >= np.float32(threshold)).tolist() == [count >= n for count in counted]


def test_vote_is_the_same_across_the_blocks_it_is_computed_in(monkeypatch):
    score = np.random.default_rng(0).random(1000, np.float32)
    whole = votes(score, rule(3, 5))
    monkeypatch.setattr("kwsdata.runtime.votes.n_of_m._BLOCK", 7)
    assert np.array_equal(votes(score, rule(3, 5)), whole)


def test_three_of_five_needs_the_third_high_score():
    score = np.float32([0, 0.9, 0.1, 0.8, 0.2, 0.7, 0])  # three of five reach 0.7 at index 5
    fired = Decoder(config(0.7, 3, 5, 1.0)).push(times(7), score)
    assert fired == [(pytest.approx(0.145), pytest.approx(0.7))]


def test_smoothing_is_the_mean_of_the_last_scores():
    score = np.float32([1, 0, 0, 0.5, 1, 0])
    thirds = [1 / 3, 1 / 3, 1 / 3, 0.5 / 3, 0.5, 0.5]
    assert votes(score, rule(1, 1, 3)) == pytest.approx(np.float32(thirds))
    # One high score among low ones no longer reaches 0.4; two of three do.
    assert [event.time_s for event in Decoder(config(0.4, 1, 1, 1.0, 3)).push(times(6), score)] == [
        pytest.approx(0.125)
    ]


def test_scores_before_the_start_count_as_zero():
    assert Decoder(config(0.5, 2, 3, 0.0)).push([0.1], [0.9]) == []
    assert votes(np.float32([0.9, 0.8]), rule(2, 3)).tolist() == [0, np.float32(0.8)]


def test_a_plateau_longer_than_the_lockout_fires_once():
    time_s = times(500)  # 10 s
    assert detections(time_s, np.full(500, 0.9, np.float32), 0.5, 1.0).tolist() == [0]


def test_a_plateau_fires_again_only_after_the_vote_has_dropped():
    vote = np.full(500, 0.9, np.float32)
    vote[300] = 0.4
    assert detections(times(500), vote, 0.5, 1.0).tolist() == [0, 301]


def test_a_crossing_inside_the_lockout_is_lost_even_if_the_vote_stays_up():
    vote = np.full(500, 0.9, np.float32)
    vote[25] = 0.4  # crossing at index 26: 0.52 s after the first, inside the lockout
    assert detections(times(500), vote, 0.5, 1.0).tolist() == [0]


@pytest.mark.parametrize(("second", "fires"), [(49, False), (50, True)])
def test_the_lockout_ends_exactly_after_its_length(second, fires):
    """50 decisions of 20 ms are 1.0 s, although in floating point 0.045 + 50 * 0.02 - 0.045 is not."""
    vote = np.zeros(60, np.float32)
    vote[[0, second]] = 0.9
    assert detections(times(60), vote, 0.5, 1.0).tolist() == ([0, second] if fires else [0])


@settings(max_examples=200, deadline=None)
@given(
    scores=SCORES,
    n=st.integers(1, 4),
    more=st.integers(0, 4),
    smooth=st.integers(1, 5),
    threshold=st.sampled_from([1e-6, 0.125, 0.5, 1.0]),
    warm_up_s=st.sampled_from([0.0, 0.05, 0.145, 0.5, 2.0]),
)
def test_no_event_comes_before_the_warm_up_and_n_scores_after_it(scores, n, more, smooth, threshold, warm_up_s):
    """Whatever the scores are; and those of the warm-up could as well have been anything else."""
    time_s, score, m = times(len(scores)), np.asarray(scores, np.float32), n + more
    fired = Decoder(config(threshold, n, m, 0.0, smooth, warm_up_s)).push(time_s, score)
    first = warming_up(time_s, warm_up_s)
    assert all(event.time_s >= max(warm_up_s, time_s[min(first + n - 1, len(scores) - 1)]) for event in fired)
    others = np.where(time_s < warm_up_s, 1 - score, score)
    assert Decoder(config(threshold, n, m, 0.0, smooth, warm_up_s)).push(time_s, others) == fired


@pytest.mark.parametrize(("warm_up_s", "first"), [(0.0, 0), (0.045, 0), (0.0451, 1), (0.065, 1), (0.1, 3), (9.0, 50)])
def test_a_score_counts_from_the_end_of_the_warm_up_on(warm_up_s, first):
    assert warming_up(times(50), warm_up_s) == first
    fired = Decoder(config(0.5, 1, 1, 0.0, 1, warm_up_s)).push(times(50), np.ones(50, np.float32))
    assert [event.time_s for event in fired] == times(50)[first : first + 1].tolist()


def test_a_keyword_that_is_said_at_once_is_heard_at_the_end_of_the_warm_up():
    """Scores that have risen within the warm-up, and stay up, fire as soon as they count."""
    fired = Decoder(config(0.5, 2, 3, 1.0, 1, 0.3)).push(times(60), np.full(60, 0.9))
    assert [event.time_s for event in fired] == [times(60)[14]]  # decision 13 is the first that counts


def test_a_device_that_starts_anew_after_each_detection_warms_up_each_time():
    """Its clock may run on: the new stream's times begin where `reset` says."""
    decoder, fired = Decoder(config(0.5, 1, 1, 0.0, 1, 0.3)), []
    for time in times(100):
        if decoder.push([time], [0.9]):
            fired.append(time)
            decoder.reset(time)
    assert np.diff([0.0, *fired]).min() >= 0.3 - 1e-6  # times are compared in whole microseconds
    assert len(fired) == 6


def test_reset_starts_a_new_stream():
    decoder = Decoder(config(0.5, 1, 1, 5.0))
    first = decoder.push([0.1], [0.9])
    decoder.reset()
    assert decoder.push([0.1], [0.9]) == first != []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"n": 6}, "n = 6 is above m = 5"),
        ({"threshold": 0.0}, "above 0"),
        ({"lockout_s": -1.0}, "lockout_s"),
        ({"smooth": 0}, "smooth"),
        ({"warm_up_s": -0.5}, "warm_up_s = -0.5"),
    ],
)
def test_impossible_settings_are_refused_with_their_value(change, says):
    with pytest.raises((ParamsError, ValueError), match=says):
        config(**({"threshold": 0.5, "n": 3, "m": 5, "lockout_s": 1.0} | change))


def test_a_decoder_is_read_as_it_was_written_and_what_names_no_vote_is_n_of_m():
    written = config(0.7, 2, 3, 1.5, 4, 0.2)
    row = written.row()
    assert row == {"threshold": 0.7, "smooth": 4, "n": 2, "m": 3, "lockout_s": 1.5, "warm_up_s": 0.2}
    assert DecoderConfig.from_row(row | {"file": "model.onnx"}) == written
    assert DecoderConfig.from_row(row | {"vote": "n_of_m"}) == written
    assert missing_in(row) == [] and missing_in({"n": 1, "m": 2}) == ["lockout_s", "smooth", "threshold", "warm_up_s"]
    for wrong in ({"n": 4}, {"vote": "guess"}, {"threshold": float("nan")}):
        with pytest.raises((ParamsError, ValueError)):
            DecoderConfig.from_row(row | wrong)
