"""Vote N of M: n of the last m scores, each the mean of `smooth`, must reach the threshold.

    smooth     s[k] = mean of the last `smooth` probabilities; one before the stream's start counts as 0. With 1: as
               they are. (The rule of microWakeWord's runtime is this one with n = m = 1.)
    vote       v[k] = n-th largest of the scores s[k - m + 1 .. k]; a score before the stream's start counts as 0.
               So "n of the last m scores reach the threshold" is the same as "the vote reaches the threshold".

Means are summed oldest first in both forms, so that they agree exactly.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from kwsdata.params import StreamingParams
from kwsdata.runtime.votes.base import Vote

_BLOCK = 1 << 16  # decisions voted at a time: bounds the memory of the sliding window's copy


@dataclass(frozen=True)
class NOfM(Vote):
    """`smooth`, `n` and `m` count scores; n is at most m."""

    smooth: int
    n: int
    m: int

    def start(self) -> Callable[[np.float32], np.float32]:
        """See `Vote`."""
        heard = deque([np.float32(0)] * self.smooth, maxlen=self.smooth)
        last = deque([np.float32(0)] * self.m, maxlen=self.m)

        def push(score: np.float32) -> np.float32:
            heard.append(score)
            last.append(_mean(list(heard)))
            return sorted(last)[-self.n]

        return push

    def whole(self, scores: np.ndarray) -> np.ndarray:
        """See `Vote`."""
        smoothed = smooth_scores(scores, self.smooth)
        if self.m == 1:
            return smoothed.copy()
        padded = np.concatenate([np.zeros(self.m - 1, np.float32), smoothed])
        vote = np.empty(smoothed.size, np.float32)
        for start in range(0, smoothed.size, _BLOCK):
            windows = np.lib.stride_tricks.sliding_window_view(padded[start : start + _BLOCK + self.m - 1], self.m)
            vote[start : start + _BLOCK] = np.partition(windows, self.m - self.n, axis=1)[:, self.m - self.n]
        return vote


def build_n_of_m(params: StreamingParams) -> NOfM:
    """Return the vote that the block `streaming` describes."""
    return NOfM(params.smooth, params.n, params.m)


def smooth_scores(scores: np.ndarray, smooth: int) -> np.ndarray:
    """Return the mean of the last `smooth` scores at each decision: float32 [decisions]."""
    scores = np.asarray(scores, np.float32)
    padded = np.concatenate([np.zeros(smooth - 1, np.float32), scores])
    return np.asarray(_mean([padded[start : start + scores.size] for start in range(smooth)]))


def _mean(values: list[Any]) -> Any:
    """Return the mean of float32 `values` (numbers or arrays alike), summed in order."""
    return values[0] if len(values) == 1 else sum(values[1:], values[0]) / np.float32(len(values))
