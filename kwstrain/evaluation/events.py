"""What happened to each event of a stream at one threshold: hits and latency, misses, false alarms."""

from dataclasses import dataclass

import numpy as np

from kwsdata.runtime.decoder import detections, microseconds
from kwstrain.evaluation.det import StreamScores, event_windows, union_of


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
    """One detection outside every window: `score` is the vote that fired, `peak` the highest until the lockout ends."""

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
        peak = _peak(stream, times_us, first_us, last_us)
        results.append(EventResult(start_s, end_s, bool(inside.size), peak, latency))
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


def negative_peaks(stream: StreamScores, tolerance_s: float, stretch_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Return (time_s float64, vote float32) of the highest vote in each `stretch_s` outside every event's window.

    Only a vote that rises can cross a threshold, so only these count: the way down from a keyword's own peak, past the
    end of its window, does not. A stretch without a rise is left out.
    """
    times_us = microseconds(stream.time_s)
    outside = np.diff(stream.vote, prepend=np.float32(0)) > 0
    for first_us, last_us in union_of(event_windows(stream.events, tolerance_s)):
        outside[np.searchsorted(times_us, first_us) : np.searchsorted(times_us, last_us, side="right")] = False
    place = np.flatnonzero(outside)
    stretch = times_us[place] // int(microseconds(stretch_s))
    parts = np.split(place, np.flatnonzero(np.diff(stretch)) + 1) if place.size else []
    highest = np.asarray([part[np.argmax(stream.vote[part])] for part in parts], np.int64)
    return stream.time_s[highest], stream.vote[highest]


def near_alarms(
    stream: StreamScores, threshold: float, tolerance_s: float, apart_s: float, count: int
) -> list[FalseAlarm]:
    """Return the `count` negative peaks that came closest to `threshold` from below, highest first.

    They are at least `apart_s` from each other and from every higher peak, those that reach the threshold included.
    """
    time_s, peak = negative_peaks(stream, tolerance_s, apart_s)
    taken: list[float] = []
    near: list[FalseAlarm] = []
    for place in np.argsort(-peak, kind="stable"):
        if len(near) == count:
            break
        if all(abs(time_s[place] - other) >= apart_s for other in taken):
            taken.append(time_s[place])
            if peak[place] < np.float32(threshold):
                near.append(FalseAlarm(float(time_s[place]), float(peak[place]), float(peak[place])))
    return near


def _peak(stream: StreamScores, times_us: np.ndarray, first_us: int, last_us: int) -> float:
    first = np.searchsorted(times_us, first_us, side="left")
    return float(stream.vote[first : np.searchsorted(times_us, last_us, side="right")].max(initial=0.0))
