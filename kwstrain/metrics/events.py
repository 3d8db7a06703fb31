"""What happened to each event of a stream at one threshold: hits with their latency, misses, false alarms."""

from dataclasses import dataclass

import numpy as np

from kwstrain.decoder import detections, microseconds
from kwstrain.metrics.det import StreamScores, event_windows, union_of


@dataclass(frozen=True)
class EventResult:
    """One keyword: `peak` is the highest vote in its window; `latency_s` its first detection minus its end, if hit."""

    start_s: float
    end_s: float
    hit: bool
    peak: float
    latency_s: float | None


@dataclass(frozen=True)
class FalseAlarm:
    """One detection outside every window: `score` is the vote that fired, `peak` the highest before the lockout ends."""

    time_s: float
    score: float
    peak: float


def outcomes(
    stream: StreamScores, threshold: float, lockout_s: float, tolerance_s: float
) -> tuple[list[EventResult], list[FalseAlarm]]:
    """Return every event's result, in the order of `stream.events`, and every false alarm, in order of time.

    Counts agree with `det.measure` on the same stream.
    """
    fired = detections(stream.time_s, stream.vote, threshold, lockout_s)
    times_us = microseconds(stream.time_s)
    fired_us = times_us[fired]
    windows = event_windows(stream.events, tolerance_s)
    results = []
    for (start_s, end_s), (first_us, last_us) in zip(stream.events, windows, strict=True):
        inside = fired[(fired_us >= first_us) & (fired_us <= last_us)]
        latency = float(stream.time_s[inside[0]] - end_s) if inside.size else None
        results.append(EventResult(start_s, end_s, bool(inside.size), _peak(stream, times_us, first_us, last_us), latency))
    in_window = np.zeros(fired.size, bool)
    for first_us, last_us in windows:
        in_window |= (fired_us >= first_us) & (fired_us <= last_us)
    reach_us = max(int(microseconds(lockout_s)), 1)
    alarms = [
        FalseAlarm(
            float(stream.time_s[index]),
            float(stream.vote[index]),
            _peak(stream, times_us, time_us, time_us + reach_us),
        )
        for index, time_us in zip(fired[~in_window], fired_us[~in_window], strict=True)
    ]
    return results, alarms


def negative_peaks(stream: StreamScores, tolerance_s: float, stretch_s: float) -> np.ndarray:
    """Return the highest vote of each `stretch_s` of sound outside every event's window: float32 [stretches]."""
    times_us = microseconds(stream.time_s)
    outside = np.ones(times_us.size, bool)
    for first_us, last_us in union_of(event_windows(stream.events, tolerance_s)):
        outside[np.searchsorted(times_us, first_us) : np.searchsorted(times_us, last_us, side="right")] = False
    stretch = times_us[outside] // int(microseconds(stretch_s))
    if stretch.size == 0:
        return np.zeros(0, np.float32)
    return np.maximum.reduceat(stream.vote[outside], np.flatnonzero(np.diff(stretch, prepend=-1)))


def _peak(stream: StreamScores, times_us: np.ndarray, first_us: int, last_us: int) -> float:
    first = np.searchsorted(times_us, first_us, side="left")
    return float(stream.vote[first : np.searchsorted(times_us, last_us, side="right")].max(initial=0.0))
