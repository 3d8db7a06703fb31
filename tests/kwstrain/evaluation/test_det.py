"""The DET curve against the streaming decoder run by brute force, and against cases worked by hand."""

import time

import numpy as np
import pytest
from decoders import config, rule
from hypothesis import given, settings
from hypothesis import strategies as st

from kwsdata.runtime.decoder import Decoder, votes
from kwstrain.evaluation.det import StreamScores, det_curve, measure
from kwstrain.evaluation.events import near_alarms, negative_peaks, outcomes

STEP_S = 0.02


def stream(vote, events=(), duration_s=None) -> StreamScores:
    vote = np.asarray(vote, np.float32)
    time_s = (np.arange(vote.size) + 1) * STEP_S
    return StreamScores(time_s, vote, list(events), duration_s or vote.size * STEP_S)


def bump(vote: np.ndarray, at_s: float, peak: float, width_s: float = 0.1) -> None:
    first = round(at_s / STEP_S) - 1
    vote[first : first + round(width_s / STEP_S)] = peak


def brute_force(streams, scores, threshold, n, m, lockout_s, tolerance_s) -> tuple[int, int]:
    """Misses and false alarms from the streaming decoder, one float comparison at a time."""
    misses = alarms = 0
    for one, score in zip(streams, scores, strict=True):
        heard = [event.time_s for event in Decoder(config(threshold, n, m, lockout_s)).push(one.time_s, score)]
        windows = [(start, end + tolerance_s) for start, end in one.events]
        misses += sum(not any(a - 5e-7 <= t <= b + 5e-7 for t in heard) for a, b in windows)
        alarms += sum(not any(a - 5e-7 <= t <= b + 5e-7 for a, b in windows) for t in heard)
    return misses, alarms


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 3),
    more=st.integers(0, 3),
    lockout_s=st.sampled_from([0.0, 0.1, 0.5, 2.0]),
    tolerance_s=st.sampled_from([0.0, 0.2]),
    levels=st.sampled_from([4, 1000]),
)
def test_every_point_is_what_the_streaming_decoder_does(seed, n, more, lockout_s, tolerance_s, levels):
    rng = np.random.default_rng(seed)
    streams, scores = [], []
    for _ in range(rng.integers(1, 4)):
        score = (rng.integers(0, levels + 1, rng.integers(1, 300)) / levels).astype(np.float32)
        if rng.random() < 0.5:  # slow scores, as a model's are
            score = np.convolve(score, np.ones(5, np.float32) / 5, mode="same").astype(np.float32)
        # Event times on the grid of decision times, so that window edges and detections coincide.
        starts = rng.choice(300, rng.integers(0, 5), replace=False) * STEP_S
        streams.append(stream(votes(score, rule(n, n + more)), [(a, a + 0.3) for a in starts], 6.5))
        scores.append(score)

    curve = det_curve(streams, lockout_s, tolerance_s)

    for place in rng.choice(curve.threshold.size, min(8, curve.threshold.size), replace=False):
        counted = brute_force(streams, scores, curve.threshold[place], n, n + more, lockout_s, tolerance_s)
        assert (curve.misses[place], curve.false_alarms[place]) == counted
        point = measure(streams, float(curve.threshold[place]), lockout_s, tolerance_s)
        assert (point.misses, point.false_alarms) == counted
        split = [outcomes(one, float(curve.threshold[place]), lockout_s, tolerance_s) for one in streams]
        assert sum(not event.hit for events, _ in split for event in events) == counted[0]
        assert sum(len(alarms) for _, alarms in split) == counted[1]


def test_a_case_worked_by_hand():
    vote = np.full(3000, 0.01, np.float32)  # 60 s
    bump(vote, 10.0, 0.9)  # event 1, hit
    bump(vote, 10.6, 0.95)  # again inside the lockout: nothing
    bump(vote, 20.0, 0.6)  # event 2, below 0.7: miss
    bump(vote, 31.2, 0.8)  # 0.2 s after event 3's end: hit
    bump(vote, 40.0, 0.85)  # no event: false alarm
    bump(vote, 51.4, 0.9)  # 0.6 s after event 4's end, tolerance 0.5: a miss and a false alarm
    events = [(9.5, 10.2), (19.5, 20.2), (30.3, 31.0), (50.0, 50.8)]

    point = measure([stream(vote, events)], 0.7, lockout_s=1.0, tolerance_s=0.5)

    assert (point.misses, point.n_positive, point.false_alarms) == (2, 4, 2)
    assert point.fnr == 0.5
    # 60 s less four windows of 0.7 + 0.5 s, the last 0.8 + 0.5 s
    assert point.hours_negative == pytest.approx((60 - 3 * 1.2 - 1.3) / 3600)
    assert point.fah == pytest.approx(2 * 3600 / 55.1)

    results, alarms = outcomes(stream(vote, events), 0.7, 1.0, 0.5)
    assert [r.hit for r in results] == [True, False, True, False]
    assert results[2].latency_s == pytest.approx(0.2) and results[1].latency_s is None
    assert [r.peak for r in results] == pytest.approx([0.95, 0.6, 0.8, 0.01])
    assert [a.time_s for a in alarms] == pytest.approx([40.0, 51.4])


def test_two_detections_in_one_window_are_one_hit():
    vote = np.zeros(500, np.float32)
    bump(vote, 2.0, 0.9)
    bump(vote, 3.5, 0.9)
    point = measure([stream(vote, [(1.5, 4.0)])], 0.5, lockout_s=1.0, tolerance_s=0.5)
    assert (point.misses, point.false_alarms) == (0, 0)


def test_the_lockout_does_not_reach_into_the_next_stream():
    end, start = np.zeros(100, np.float32), np.zeros(100, np.float32)
    end[-1] = start[0] = 0.9
    assert measure([stream(end), stream(start)], 0.5, lockout_s=30.0, tolerance_s=0.0).false_alarms == 2


def test_windows_that_overlap_are_subtracted_once():
    point = measure([stream(np.zeros(500), [(1.0, 2.0), (1.5, 3.0)])], 0.5, 1.0, 0.5)
    assert point.hours_negative == pytest.approx((10 - 2.5) / 3600)


def hour_with_peaks(negative: list[float], positive: list[float]) -> StreamScores:
    vote = np.full(180_000, 0.001, np.float32)
    events = []
    for k, peak in enumerate(negative):
        bump(vote, 1000 + 10 * k, peak)
    for k, peak in enumerate(positive):
        bump(vote, 10 + 10 * k, peak)
        events.append((10 + 10 * k - 0.5, 10 + 10 * k + 0.2))
    return stream(vote, events)


def test_max_fah_picks_the_lowest_fnr_that_is_allowed():
    one = hour_with_peaks(negative=[0.8, 0.6, 0.4], positive=[0.95, 0.7, 0.5, 0.3])
    curve = det_curve([one], lockout_s=1.0, tolerance_s=0.5)
    expected = {0.5: (0.75, 0), 1.1: (0.5, 1), 2.1: (0.25, 2), 3.1: (0.0, 3)}  # max_fah: (fnr, false alarms)
    for max_fah, (fnr, alarms) in expected.items():
        point = curve.at_max_fah(max_fah)
        assert (point.fnr, point.false_alarms) == (fnr, alarms)
        assert point.fah <= max_fah


def test_among_equals_the_threshold_leaves_room_on_both_sides():
    """Positives at 0.9, negatives at 0.3: every threshold between is perfect, the middle is the one to ship."""
    point = det_curve([hour_with_peaks([0.3] * 5, [0.9] * 5)], 1.0, 0.5).at_max_fah(1.0)
    assert (point.misses, point.false_alarms) == (0, 0)
    assert point.threshold == pytest.approx(0.6, abs=1 / 64)  # the grid's step


def test_a_hopeless_model_gets_a_threshold_that_never_fires():
    """The negatives all peak at 1.0, above every positive."""
    point = det_curve([hour_with_peaks([1.0] * 50, [0.5] * 5)], 1.0, 0.5).at_max_fah(1.0)
    assert (point.fnr, point.fah) == (1.0, 0.0)
    assert point.threshold > 1.0


def test_a_trade_off_needs_events_and_negative_sound():
    with pytest.raises(ValueError, match="0 events"):
        det_curve([stream(np.zeros(100))], 1.0, 0.5).at_max_fah(1.0)
    assert np.isnan(det_curve([stream(np.zeros(100))], 1.0, 0.5).fnr).all()
    with pytest.raises(ValueError, match="no streams"):
        det_curve([], 1.0, 0.5)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"time_s": np.array([0.1, 0.1])}, "must increase"),
        ({"time_s": np.array([100.0, 200.0])}, "in seconds"),
        ({"vote": np.float32([0.5, np.nan])}, "NaN"),
        ({"vote": np.float32([0.5])}, "alike"),
        ({"events": [(0.5, 0.2)]}, "from 0.5 to 0.2"),
    ],
)
def test_what_cannot_be_a_stream_is_refused(change, says):
    good = {"time_s": np.array([0.1, 0.2]), "vote": np.float32([0, 0]), "events": [], "duration_s": 1.0}
    with pytest.raises(ValueError, match=says):
        StreamScores(**(good | change))


def test_negative_peaks_leave_the_events_out():
    one = hour_with_peaks(negative=[0.8, 0.6], positive=[0.95, 0.9])
    time_s, peaks = negative_peaks(one, tolerance_s=0.5, stretch_s=1.0)
    assert time_s[np.argsort(-peaks)[:2]] == pytest.approx([1000.0, 1010.0])
    peaks = np.sort(peaks)[::-1]
    assert peaks[:3] == pytest.approx([0.8, 0.6, 0.001])


def test_the_way_down_from_a_keyword_is_no_negative_peak():
    vote = np.zeros(500, np.float32)
    vote[95:150] = np.linspace(0.99, 0.0, 55)  # falls from 1.92 s to 3 s; the event's window ends at 2.5 s
    assert not (negative_peaks(stream(vote, [(1.5, 2.0)]), 0.5, 1.0)[1] > 0).any()


def test_near_alarms_are_the_highest_peaks_below_the_threshold():
    one = hour_with_peaks(negative=[0.8, 0.6, 0.3, 0.5], positive=[0.95, 0.1])
    bump(one.vote, 1000.0 + 0.4, 0.65)  # part of the alarm at 1000 s
    near = near_alarms(one, 0.7, tolerance_s=0.5, apart_s=1.0, count=2)
    assert [(alarm.time_s, alarm.peak) for alarm in near] == [
        (pytest.approx(1010.0), pytest.approx(0.6)),
        (pytest.approx(1030.0), pytest.approx(0.5)),
    ]


def test_three_hours_take_less_than_a_second():
    rng = np.random.default_rng(0)
    streams = []
    for _ in range(18):
        vote = votes(rng.beta(0.3, 3.0, 30_000).astype(np.float32), rule(3, 5))
        streams.append(stream(vote, [(20.0 * k + 5, 20.0 * k + 5.8) for k in range(25)]))
    start = time.process_time()
    curve = det_curve(streams, 1.0, 0.5)
    assert time.process_time() - start < 1.0  # about 0.1 s on one quiet core
    assert 200 <= curve.threshold.size <= 400
