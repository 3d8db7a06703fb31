"""The decoder that ships, from scores to detections: warm-up, smoothing, N-of-M vote, threshold, lockout.

    warm-up    a score of a decision made less than `warm_up_s` after the stream's start counts as 0: less than the
               shortest keyword has been heard, and what was not heard cannot be the keyword.
    smooth     s[k] = mean of the last `smooth` probabilities; one before the stream's start counts as 0. With 1: as
               they are. (The rule of microWakeWord's runtime is this one with n = m = 1.)
    vote       v[k] = n-th largest of the scores s[k - m + 1 .. k]; a score before the stream's start counts as 0.
               So "n of the last m scores reach the threshold" is the same as "the vote reaches the threshold".
    crossing   decision k crosses when v[k] >= threshold and v[k - 1] < threshold (v[-1] = 0).
    lockout    a crossing fires unless the last detection fired less than `lockout_s` before it.

Only a crossing can fire. A plateau therefore fires once however long it is: the vote must first drop below the
threshold, and the crossing that comes after the lockout is the next detection. A crossing inside the lockout is lost;
if the vote then stays up past the lockout's end, it does not fire late.

There are two forms, which agree exactly: `Decoder`, which a device would run, a few numbers of state and one step a
decision; and `vote_scores` + `detections`, over whole arrays. To that end scores and thresholds are float32, means are
summed oldest first in both, and times are compared in whole microseconds (`microseconds`), where rounding cannot
decide.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from kwsdata.errors import ParamsError

_BLOCK = 1 << 16  # decisions voted at a time: bounds the memory of the sliding window's copy


class Event(NamedTuple):
    """One detection: the time in s of the deciding decision, and its vote."""

    time_s: float
    score: float


class Decoder:
    """Streaming form: push scores as they come, get the detections they complete."""

    def __init__(
        self, threshold: float, n: int, m: int, lockout_s: float, smooth: int = 1, warm_up_s: float = 0.0
    ) -> None:
        """Fire when `n` of the last `m` smoothed scores reach `threshold`, at most once in `lockout_s`.

        Scores of the first `warm_up_s` of a stream count as 0.

        Raises:
            ParamsError: n is not in 1..m, smooth is below 1, the threshold is not above 0, or the lockout or the
                warm-up is negative.
        """
        _check(n, m, threshold, lockout_s, smooth, warm_up_s)
        self.threshold = np.float32(threshold)
        self.n, self.m, self.smooth = n, m, smooth
        self._lockout_us, self._warm_up_us = int(microseconds(lockout_s)), int(microseconds(warm_up_s))
        self.reset()

    def reset(self, start_s: float = 0.0) -> None:
        """Start a new stream, as after a reset of the model's state. The times of its decisions begin at `start_s`."""
        self._counts_from_us = int(microseconds(start_s)) + self._warm_up_us
        self._heard: deque[np.float32] = deque([np.float32(0)] * self.smooth, maxlen=self.smooth)
        self._last: deque[np.float32] = deque([np.float32(0)] * self.m, maxlen=self.m)
        self._above = False
        self._silent_until_us: int | None = None

    def push(self, time_s: Sequence[float] | np.ndarray, score: Sequence[float] | np.ndarray) -> list[Event]:
        """Take the scores [k] of decisions made at `time_s` [k], return the detections among them, in order."""
        fired = []
        for time, value in zip(np.asarray(time_s, np.float64), np.asarray(score, np.float32), strict=True):
            now_us = int(microseconds(time))
            self._heard.append(value if now_us >= self._counts_from_us else np.float32(0))
            self._last.append(_mean(list(self._heard)))
            vote = sorted(self._last)[-self.n]
            above = bool(vote >= self.threshold)
            if above and not self._above and (self._silent_until_us is None or now_us >= self._silent_until_us):
                fired.append(Event(float(time), float(vote)))
                self._silent_until_us = now_us + self._lockout_us
            self._above = above
        return fired


def _mean(values: list[Any]) -> Any:
    """Return the mean of float32 `values` (numbers or arrays alike), summed in order."""
    return values[0] if len(values) == 1 else sum(values[1:], values[0]) / np.float32(len(values))


def smooth_scores(scores: np.ndarray, smooth: int) -> np.ndarray:
    """Return the mean of the last `smooth` scores at each decision: float32 [decisions]."""
    scores = np.asarray(scores, np.float32)
    padded = np.concatenate([np.zeros(smooth - 1, np.float32), scores])
    return np.asarray(_mean([padded[start : start + scores.size] for start in range(smooth)]))


def warming_up(time_s: np.ndarray, warm_up_s: float) -> int:
    """Return how many of the decisions made at `time_s` [decisions] since a stream's start are within its warm-up.

    Raises:
        ParamsError: the warm-up is negative.
    """
    _check(1, 1, warm_up_s=warm_up_s)
    return int(np.searchsorted(microseconds(time_s), microseconds(warm_up_s), side="left"))


def vote_scores(scores: np.ndarray, n: int, m: int, smooth: int = 1, warm_up: int = 0) -> np.ndarray:
    """Return the vote of each decision: float32 [decisions], the n-th largest of the last m smoothed `scores`.

    The first `warm_up` scores (see `warming_up`) count as 0.

    Raises:
        ParamsError: n is not in 1..m, or smooth is below 1.
    """
    _check(n, m, smooth=smooth)
    counted = np.array(scores, np.float32)
    counted[:warm_up] = 0
    scores = smooth_scores(counted, smooth)
    if m == 1:
        return scores.copy()
    padded = np.concatenate([np.zeros(m - 1, np.float32), scores])
    vote = np.empty(scores.size, np.float32)
    for start in range(0, scores.size, _BLOCK):
        windows = np.lib.stride_tricks.sliding_window_view(padded[start : start + _BLOCK + m - 1], m)
        vote[start : start + _BLOCK] = np.partition(windows, m - n, axis=1)[:, m - n]
    return vote


def detections(time_s: np.ndarray, vote: np.ndarray, threshold: float, lockout_s: float) -> np.ndarray:
    """Return the indices, int64 [detections], of the decisions at which one whole stream fires.

    Args:
        time_s: [decisions], increasing.
        vote: [decisions], from `vote_scores`.
        threshold: above 0; taken as float32.
        lockout_s: 0 or more.
    """
    _check(1, 1, threshold, lockout_s)
    above = np.asarray(vote, np.float32) >= np.float32(threshold)
    crossings = np.flatnonzero(above & ~np.concatenate([[False], above[:-1]]))
    fired = after_lockout(microseconds(np.asarray(time_s)[crossings]), int(microseconds(lockout_s)))
    return crossings[fired]


def after_lockout(crossing_us: np.ndarray, lockout_us: int) -> np.ndarray:
    """Return which crossings fire: int64 [detections], indices into `crossing_us` [crossings], increasing times."""
    if crossing_us.size < 2 or np.diff(crossing_us).min() >= lockout_us:
        return np.arange(crossing_us.size)
    # following[i]: the first crossing that may fire after crossing i has.
    following = np.maximum(
        np.searchsorted(crossing_us, crossing_us + lockout_us, side="left"), np.arange(1, crossing_us.size + 1)
    ).tolist()
    fired, place = [], 0
    while place < crossing_us.size:
        fired.append(place)
        place = following[place]
    return np.asarray(fired, np.int64)


def microseconds(time_s: float | np.ndarray) -> np.ndarray:
    """Return times in s as whole microseconds, int64, same shape."""
    return np.rint(np.asarray(time_s, np.float64) * 1e6).astype(np.int64)


def _check(
    n: int, m: int, threshold: float = 0.5, lockout_s: float = 0.0, smooth: int = 1, warm_up_s: float = 0.0
) -> None:
    if not 1 <= n <= m:
        raise ParamsError(f"streaming: n = {n} of m = {m}; n must be 1 to m.")
    if smooth < 1:
        raise ParamsError(f"streaming.smooth = {smooth}; it must be 1 score or more.")
    if not threshold > 0:
        raise ParamsError(f"the threshold is {threshold:g}; it must be above 0 (scores are probabilities in [0, 1]).")
    if not lockout_s >= 0:
        raise ParamsError(f"streaming.lockout_s = {lockout_s:g}; it must be 0 s or more.")
    if not warm_up_s >= 0:
        raise ParamsError(f"warm_up_s = {warm_up_s:g}; it must be 0 s or more.")
