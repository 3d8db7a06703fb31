"""The decoder that ships, from scores to detections: warm-up, vote, threshold, lockout.

    warm-up    a score of a decision made less than `warm_up_s` after the stream's start counts as 0: less than the
               shortest keyword has been heard, and what was not heard cannot be the keyword.
    vote       v[k], one number of the scores heard so far (`kwsdata.runtime.votes`): n of the last m, each a mean.
    crossing   decision k crosses when v[k] >= threshold and v[k - 1] < threshold (v[-1] = 0).
    lockout    a crossing fires unless the last detection fired less than `lockout_s` before it.

Only a crossing can fire. A plateau therefore fires once however long it is: the vote must first drop below the
threshold, and the crossing that comes after the lockout is the next detection. A crossing inside the lockout is lost;
if the vote then stays up past the lockout's end, it does not fire late.

There are two forms, which agree exactly: `Decoder`, which a device would run, a few numbers of state and one step a
decision; and `votes` + `detections`, over whole arrays. To that end scores and thresholds are float32, and times are
compared in whole microseconds (`microseconds`), where rounding cannot decide.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, get_args

import numpy as np

from kwsdata.errors import ParamsError
from kwsdata.params import StreamingParams
from kwsdata.runtime.votes import build_vote


class Event(NamedTuple):
    """One detection: the time in s of the deciding decision, and its vote."""

    time_s: float
    score: float


_FIRST_VOTE = "n_of_m"
# Fields of a rule, and whether they may be null: numbers of one vote alone.
_RULE = {name: type(None) in get_args(field.annotation) for name, field in StreamingParams.model_fields.items()}


@dataclass(frozen=True)
class DecoderConfig:
    """All that a decoder is: `rule`, the block `streaming` of params.yaml; `threshold` on its vote, chosen on dev;
    and `warm_up_s`, how long after a stream's start a score first counts, which training found.

    Raises:
        ParamsError: the threshold is not above 0 or the warm-up is negative. (The rule checks itself.)
    """  # fmt: skip

    rule: StreamingParams
    threshold: float
    warm_up_s: float

    def __post_init__(self) -> None:
        _check(self.threshold, warm_up_s=self.warm_up_s)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "DecoderConfig":
        """Return the decoder that an operating point, or the entry of a model in a bundle, describes.

        Raises:
            KeyError: a number is missing; `missing_in` tells which.
            ValueError: one is none, or out of range.
        """
        return cls(rule_from(row), row["threshold"], row["warm_up_s"])

    def row(self) -> dict[str, Any]:
        """Return what `from_row` reads."""
        return {"threshold": self.threshold} | rule_row(self.rule) | {"warm_up_s": self.warm_up_s}


def rule_from(row: Mapping[str, Any]) -> StreamingParams:
    """Return the rule in a row of a file that ships; its other fields are left out. Raises as `from_row` does.

    What names no vote was written when there was one alone.
    """
    told = {"vote": _FIRST_VOTE} | dict(row)
    return StreamingParams.model_validate(
        {name: told.get(name) if optional else told[name] for name, optional in _RULE.items()}
    )


def rule_row(rule: StreamingParams) -> dict[str, Any]:
    """Return a rule for a file that ships, as `rule_from` reads it, without what goes without saying."""
    row = {name: value for name, value in rule.model_dump().items() if value is not None}
    return {name: value for name, value in row.items() if (name, value) != ("vote", _FIRST_VOTE)}


def missing_in(row: Mapping[str, Any]) -> list[str]:
    """Return which of the decoder's numbers a row lacks, sorted."""
    needed = {"threshold", "warm_up_s", *(name for name, optional in _RULE.items() if not optional)}
    return sorted(needed - {"vote", *row})


class Decoder:
    """Streaming form: push scores as they come, get the detections they complete."""

    def __init__(self, config: DecoderConfig) -> None:
        self.config = config
        self._threshold = np.float32(config.threshold)
        self._vote = build_vote(config.rule)
        self._lockout_us, self._warm_up_us = (int(microseconds(s)) for s in (config.rule.lockout_s, config.warm_up_s))
        self.reset()

    def reset(self, start_s: float = 0.0) -> None:
        """Start a new stream, as after a reset of the model's state. The times of its decisions begin at `start_s`."""
        self._counts_from_us = int(microseconds(start_s)) + self._warm_up_us
        self._push = self._vote.start()
        self._above = False
        self._silent_until_us: int | None = None

    def push(self, time_s: Sequence[float] | np.ndarray, score: Sequence[float] | np.ndarray) -> list[Event]:
        """Take the scores [k] of decisions made at `time_s` [k], return the detections among them, in order."""
        fired = []
        for time, value in zip(np.asarray(time_s, np.float64), np.asarray(score, np.float32), strict=True):
            now_us = int(microseconds(time))
            vote = self._push(value if now_us >= self._counts_from_us else np.float32(0))
            above = bool(vote >= self._threshold)
            if above and not self._above and (self._silent_until_us is None or now_us >= self._silent_until_us):
                fired.append(Event(float(time), float(vote)))
                self._silent_until_us = now_us + self._lockout_us
            self._above = above
        return fired


def warming_up(time_s: np.ndarray, warm_up_s: float) -> int:
    """Return how many of the decisions made at `time_s` [decisions] since a stream's start are within its warm-up.

    Raises:
        ParamsError: the warm-up is negative.
    """
    _check(warm_up_s=warm_up_s)
    return int(np.searchsorted(microseconds(time_s), microseconds(warm_up_s), side="left"))


def votes(scores: np.ndarray, rule: StreamingParams, warm_up: int = 0) -> np.ndarray:
    """Return the vote of each decision of one stream: float32 [decisions].

    The first `warm_up` scores (see `warming_up`) count as 0.
    """
    counted = np.array(scores, np.float32)
    counted[:warm_up] = 0
    return build_vote(rule).whole(counted)


def detections(time_s: np.ndarray, vote: np.ndarray, threshold: float, lockout_s: float) -> np.ndarray:
    """Return the indices, int64 [detections], of the decisions at which one whole stream fires.

    Args:
        time_s: [decisions], increasing.
        vote: [decisions], from `votes`.
        threshold: above 0; taken as float32.
        lockout_s: 0 or more.
    """
    _check(threshold, lockout_s)
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


def _check(threshold: float = 0.5, lockout_s: float = 0.0, warm_up_s: float = 0.0) -> None:
    if not threshold > 0:
        raise ParamsError(f"the threshold is {threshold:g}; it must be above 0 (scores are probabilities in [0, 1]).")
    if not lockout_s >= 0:
        raise ParamsError(f"streaming.lockout_s = {lockout_s:g}; it must be 0 s or more.")
    if not warm_up_s >= 0:
        raise ParamsError(f"warm_up_s = {warm_up_s:g}; it must be 0 s or more.")
