"""Detection error trade-off on continuous streams, with the decoder that ships.

    detection    what `kwsdata.runtime.decoder` fires at a threshold, vote and lockout included
    window       of an event: [start, end + tolerance_s]
    hit          an event with at least one detection in its window; several in one window are one hit
    false alarm  a detection outside every window
    FNR          misses / events
    FAH          false alarms / negative hours; negative hours = duration - the union of the windows

A curve is these numbers at a few hundred thresholds. They are where the trade-off changes: just above each of the
highest negative peaks, at the events' peaks, and a grid between. Each is measured by running the decoder's rule at that
threshold on all streams, so a point of the curve is what a device set to it would do, lockout included. (FAH is for
that reason not quite monotonic in the threshold: far too low a threshold joins many crossings into one.)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kwsdata.runtime.decoder import after_lockout, microseconds

GRID = 64  # thresholds even in (0, 1)
PEAKS = 160  # thresholds from each of: highest negative peaks, events' peaks


@dataclass(frozen=True)
class StreamScores:
    """One continuous stream, voted on.

    time_s float64 [decisions], increasing; vote float32 [decisions], from `decoder.votes`; events: (start_s,
    end_s) of each keyword in the stream; duration_s: of the whole stream.
    """

    time_s: np.ndarray
    vote: np.ndarray
    events: Sequence[tuple[float, float]]
    duration_s: float

    def __post_init__(self) -> None:
        """Refuse what cannot be a stream.

        Raises:
            ValueError: shapes differ, times do not increase or pass the stream's end, a vote is not finite, or an
                event ends before it starts.
        """
        if self.time_s.shape != self.vote.shape or self.time_s.ndim != 1:
            raise ValueError(f"time_s {self.time_s.shape} and vote {self.vote.shape} must be [decisions] alike.")
        if self.time_s.size and (np.diff(self.time_s).min(initial=1.0) <= 0 or self.time_s[-1] > self.duration_s + 0.1):
            raise ValueError(
                f"time_s must increase and end by duration_s = {self.duration_s:g} s (last: {self.time_s[-1]:g}); "
                "are the times in seconds?"
            )
        if not np.isfinite(self.vote).all():
            raise ValueError("vote holds NaN or infinity: the model's output is broken.")
        for start_s, end_s in self.events:
            if not 0 <= start_s <= end_s:
                raise ValueError(f"an event goes from {start_s:g} to {end_s:g} s; are start and end in seconds?")


@dataclass(frozen=True)
class OperatingPoint:
    """What a detector does at one threshold. `fnr` is NaN without events, `fah` without negative sound."""

    threshold: float
    fnr: float
    fah: float
    misses: int
    n_positive: int
    false_alarms: int
    hours_negative: float


@dataclass(frozen=True)
class DetCurve:
    """Points in order of rising threshold: arrays [thresholds]; n_positive and hours_negative hold for all."""

    threshold: np.ndarray  # float32
    misses: np.ndarray
    false_alarms: np.ndarray
    n_positive: int
    hours_negative: float

    @property
    def fnr(self) -> np.ndarray:
        """Missed share of the events, float64 [thresholds]."""
        return self.misses / self.n_positive if self.n_positive else np.full(self.misses.size, np.nan)

    @property
    def fah(self) -> np.ndarray:
        """False alarms per negative hour, float64 [thresholds]."""
        hours = self.hours_negative
        return self.false_alarms / hours if hours > 0 else np.full(self.misses.size, np.nan)

    def point(self, index: int) -> OperatingPoint:
        """Return the point at place `index`."""
        return OperatingPoint(
            float(self.threshold[index]),
            float(self.fnr[index]),
            float(self.fah[index]),
            int(self.misses[index]),
            self.n_positive,
            int(self.false_alarms[index]),
            self.hours_negative,
        )

    def at_max_fah(self, max_fah: float, at_least: float = 0.0) -> OperatingPoint:
        """Return the point of lowest FNR among those with FAH <= `max_fah` and a threshold of `at_least` or above.

        Ties go to the lowest FAH, and then to the threshold nearest the middle of the tied ones: as much room on the
        side of new misses as on that of new false alarms. There always is such a point, since the highest threshold
        of a curve, which is taken where `at_least` is above it, never fires.

        Raises:
            ValueError: the streams hold no event, or no negative sound, so there is no trade-off.
        """
        if not self.n_positive or not self.hours_negative > 0:
            raise ValueError(
                f"{self.n_positive} events in {self.hours_negative:g} h of negative sound: a threshold needs both."
            )
        allowed = np.flatnonzero((self.fah <= max_fah) & self._from(at_least))
        allowed = allowed[self.misses[allowed] == self.misses[allowed].min()]
        allowed = allowed[self.false_alarms[allowed] == self.false_alarms[allowed].min()]
        tied = self.threshold[allowed].astype(np.float64)
        return self.point(int(allowed[np.argmin(np.abs(tied - (tied[0] + tied[-1]) / 2))]))

    def lowest_at_max_fah(self, max_fah: float, at_least: float = 0.0) -> OperatingPoint:
        """Return the lowest point from which on FAH <= `max_fah`, with a threshold of `at_least` or above.

        It takes no event. A lower point may have fewer false alarms again, where many crossings are joined into one.

        Raises:
            ValueError: the streams hold no negative sound.
        """
        if not self.hours_negative > 0:
            raise ValueError("no negative sound: a threshold needs it.")
        refused = np.flatnonzero((self.fah > max_fah) | ~self._from(at_least))
        return self.point(int(refused[-1]) + 1 if refused.size else 0)

    def _from(self, at_least: float) -> np.ndarray:
        """Return which thresholds are `at_least` or above, bool [thresholds]; the highest in any case."""
        return self.threshold >= min(at_least, self.threshold[-1])


def det_curve(
    streams: Sequence[StreamScores],
    lockout_s: float,
    tolerance_s: float,
    thresholds: np.ndarray | None = None,
) -> DetCurve:
    """Return the trade-off over all `streams` together; the decoder starts afresh in each.

    Args:
        streams: at least one.
        lockout_s: of the decoder.
        tolerance_s: how long after an event's end a detection is still a hit.
        thresholds: float32 [thresholds], above 0; by default where the trade-off changes, at most
            GRID + 2 PEAKS + 1 of them.

    Raises:
        ValueError: no streams, or a threshold that is not above 0.
    """
    if not streams:
        raise ValueError("no streams to measure on.")
    laid = _lay_out(streams, lockout_s, tolerance_s)
    if thresholds is None:
        thresholds = _thresholds(streams, laid, lockout_s)
    thresholds = np.unique(np.asarray(thresholds, np.float32))
    if thresholds.size == 0 or not thresholds[0] > 0:
        raise ValueError(f"thresholds must be above 0, got {thresholds[:1]}.")
    lockout_us = int(microseconds(lockout_s))
    misses = np.zeros(thresholds.size, np.int64)
    false_alarms = np.zeros(thresholds.size, np.int64)
    for place, threshold in enumerate(thresholds):
        crossing_us = laid.rise_us[(laid.below < threshold) & (laid.above >= threshold)]
        fired_us = crossing_us[after_lockout(crossing_us, lockout_us)]
        misses[place] = laid.windows_us.shape[0] - np.count_nonzero(_inside(fired_us, laid.windows_us))
        false_alarms[place] = fired_us.size - _inside(fired_us, laid.union_us).sum()
    return DetCurve(thresholds, misses, false_alarms, laid.windows_us.shape[0], laid.hours_negative)


def measure(streams: Sequence[StreamScores], threshold: float, lockout_s: float, tolerance_s: float) -> OperatingPoint:
    """Return what the decoder does over `streams` at one given `threshold`."""
    return det_curve(streams, lockout_s, tolerance_s, np.asarray([threshold], np.float32)).point(0)


def event_windows(events: Sequence[tuple[float, float]], tolerance_s: float) -> np.ndarray:
    """Return [start, end + tolerance] of each event in whole microseconds, int64 [events, 2]."""
    spans = np.asarray(events, np.float64).reshape(-1, 2)
    return microseconds(spans + np.array([0.0, tolerance_s]))


def union_of(windows_us: np.ndarray) -> np.ndarray:
    """Return `windows_us` [windows, 2] sorted, with those that overlap or touch joined: int64 [spans, 2]."""
    joined: list[list[int]] = []
    for start, end in sorted(windows_us.tolist()):
        if joined and start <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([start, end])
    return np.asarray(joined, np.int64).reshape(-1, 2)


@dataclass(frozen=True)
class _Laid:
    """All streams end to end on one time line, so far apart that no lockout reaches from one into the next.

    Only decisions at which the vote rises can cross a threshold, so only these are kept: decision i crosses every
    threshold in (below[i], above[i]].
    """

    below: np.ndarray  # float32 [rises]
    above: np.ndarray  # float32 [rises]
    rise_us: np.ndarray  # int64 [rises]
    windows_us: np.ndarray  # int64 [events, 2]
    union_us: np.ndarray  # int64 [spans, 2]
    hours_negative: float


def _lay_out(streams: Sequence[StreamScores], lockout_s: float, tolerance_s: float) -> _Laid:
    below, above, rise_us, windows, unions = [], [], [], [], []
    offset_us = negative_us = 0
    for stream in streams:
        vote = np.asarray(stream.vote, np.float32)
        before = np.concatenate([np.zeros(1, np.float32), vote[:-1]])[: vote.size]
        rises = np.flatnonzero(vote > before)
        below.append(before[rises])
        above.append(vote[rises])
        rise_us.append(microseconds(stream.time_s[rises]) + offset_us)
        own = event_windows(stream.events, tolerance_s)
        union = union_of(own)
        windows.append(own + offset_us)
        unions.append(union + offset_us)
        end_us = int(microseconds(stream.duration_s))
        negative_us += end_us - int(np.minimum(union, end_us) @ [-1, 1] @ np.ones(len(union), np.int64))
        last_us = max(end_us, int(union.max(initial=0)), int(rise_us[-1].max(initial=0)) - offset_us)
        offset_us += last_us + int(microseconds(lockout_s)) + 1_000_000
    return _Laid(
        np.concatenate(below),
        np.concatenate(above),
        np.concatenate(rise_us),
        np.concatenate(windows),
        np.concatenate(unions),
        negative_us / 3.6e9,
    )


def _inside(fired_us: np.ndarray, windows_us: np.ndarray) -> np.ndarray:
    """Return how many of `fired_us` (sorted) lie in each window, ends included: int64 [windows]."""
    first = np.searchsorted(fired_us, windows_us[:, 0], side="left")
    return np.searchsorted(fired_us, windows_us[:, 1], side="right") - first


def _thresholds(streams: Sequence[StreamScores], laid: _Laid, lockout_s: float) -> np.ndarray:
    """Return thresholds that hold every false alarm count from 0 to PEAKS and the FNR that goes with it."""
    # Negative peaks: the highest rise in each stretch as long as the lockout, which can hold one detection at most.
    outside = _outside(laid.rise_us, laid.union_us)
    stretch = laid.rise_us[outside] // max(1, int(microseconds(max(lockout_s, 0.1))))
    values = laid.above[outside]
    starts = np.flatnonzero(np.diff(stretch, prepend=-1))
    negative = np.maximum.reduceat(values, starts) if values.size else values
    negative = np.sort(negative)[::-1][:PEAKS]
    positive = np.sort(np.asarray(_event_peaks(laid), np.float32))
    if positive.size > PEAKS:
        positive = positive[np.linspace(0, positive.size - 1, PEAKS).round().astype(int)]
    highest = laid.above.max(initial=np.float32(0.5))
    grid = np.linspace(0, 1, GRID + 2, dtype=np.float32)[1:-1]
    infinity = np.float32(np.inf)
    every = np.concatenate([grid, positive, np.nextafter(negative, infinity), [np.nextafter(highest, infinity)]])
    return every[every > 0]


def _event_peaks(laid: _Laid) -> list[float]:
    """Return the highest rise inside each event's window, 0 where there is none: [events]."""
    first = np.searchsorted(laid.rise_us, laid.windows_us[:, 0], side="left")
    last = np.searchsorted(laid.rise_us, laid.windows_us[:, 1], side="right")
    return [float(laid.above[a:b].max(initial=0.0)) for a, b in zip(first, last, strict=True)]


def _outside(times_us: np.ndarray, union_us: np.ndarray) -> np.ndarray:
    """Return bool [times]: True where a time lies in none of the spans (sorted, disjoint)."""
    if union_us.size == 0:
        return np.ones(times_us.size, bool)
    place = np.searchsorted(union_us[:, 0], times_us, side="right") - 1
    return (place < 0) | (times_us > union_us[np.maximum(place, 0), 1])
