"""Compare an arithmetic with float: accuracy, misses, threshold, distance of scores.

accuracy   the mean of two shares, at the arithmetic's own threshold: of the keywords, those heard; of the seconds of
           other sound, those without a false alarm. (Balanced accuracy over events and seconds: silence, of which
           there is most, cannot buy it.) The second share is near 1, so what moves accuracy is half the misses.
threshold  of each arithmetic: the fewest misses at no more than `evaluate.max_fah` on dev/clean, as dev counts, by one
           decoder, the one that is best for float. Its shift is in log-odds of the keyword, the int8 shift of scores
           undone.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from kwsdata.params import EvaluateParams, StreamingParams
from kwstrain.evaluation.choose import choose
from kwstrain.evaluation.det import DetCurve, OperatingPoint, det_curve, measure
from kwstrain.evaluation.intervals import wilson
from kwstrain.evaluation.summary import number
from kwstrain.stages.quantization_report.score import ARITHMETICS, FLOAT, Stream

EDGES = [0, 1, 2, 3, 5, 9, 17, 33, 65, 257]  # of the histogram of differences, in 1/256: 0, 1, 2, 3-4, 5-8, ...


def accuracy(point: OperatingPoint) -> float | None:
    """Return what the module's text defines; None without keywords or other sound."""
    if not point.n_positive or not point.hours_negative > 0:
        return None
    heard = 1 - point.misses / point.n_positive
    quiet = 1 - min(1.0, point.false_alarms / (3600 * point.hours_negative))
    return (heard + quiet) / 2


def log_odds(share: float | np.ndarray) -> np.ndarray:
    """Return the log-odds of scores, those of 0 and 1 as if half a step of 1/256 away."""
    share = np.clip(np.asarray(share, np.float64), 1 / 512, 1 - 1 / 512)
    return np.log(share / (1 - share))


class Comparison:
    """All arithmetics over all streams, with one decoder."""

    def __init__(
        self, streams: Sequence[Stream], streaming: StreamingParams, evaluate: EvaluateParams, offset: float
    ) -> None:
        self.streams, self.evaluate, self.offset = streams, evaluate, offset
        dev = [stream for stream in streams if (stream.partition, stream.set) == ("dev", "clean")]
        self.streaming, _ = choose([stream.scored(FLOAT) for stream in dev], streaming, evaluate)
        self.points = {name: self.curve(name, dev).at_max_fah(evaluate.max_fah) for name in ARITHMETICS}

    def curve(self, arithmetic: str, streams: Sequence[Stream]) -> DetCurve:
        """Return the DET curve over `streams`."""
        voted = [stream.scored(arithmetic).scores(self.streaming) for stream in streams]
        return det_curve(voted, self.streaming.lockout_s, self.evaluate.tolerance_s)

    def chosen(self, partition: str, name: str | None = None) -> list[Stream]:
        """Return the streams of one set, or of all sets of `partition`."""
        return [s for s in self.streams if s.partition == partition and name in (None, s.set)]

    def numbers(self, arithmetic: str, streams: Sequence[Stream]) -> dict[str, Any]:
        """Return accuracy, misses and false alarms over `streams` at the arithmetic's threshold, and at fixed FAH."""
        voted = [stream.scored(arithmetic).scores(self.streaming) for stream in streams]
        threshold = self.points[arithmetic].threshold
        point = measure(voted, threshold, self.streaming.lockout_s, self.evaluate.tolerance_s)
        found = {name: number(value) if isinstance(value, float) else value for name, value in asdict(point).items()}
        found["accuracy"] = accuracy(point)
        found["fnr_low95"], found["fnr_high95"] = wilson(point.misses, point.n_positive)
        curve = self.curve(arithmetic, streams)
        fixed = curve.at_max_fah(self.evaluate.max_fah) if found["accuracy"] is not None else None
        found["fnr_at_max_fah"] = fixed.fnr if fixed else None
        return found

    def thresholds(self) -> dict[str, dict[str, float]]:
        """Return each arithmetic's threshold, and its shift from float's in log-odds."""
        float_odds = float(log_odds(self.points[FLOAT].threshold))
        rows = {}
        for name, point in self.points.items():
            odds = float(log_odds(point.threshold)) + (0.0 if name == FLOAT else self.offset)
            rows[name] = {"threshold": point.threshold, "shift_log_odds": odds - float_odds}
        return rows

    def shifted_float(self, stream: Stream) -> np.ndarray:
        """Return float's scores as int8 scores them: shifted by the offset, in steps of 1/256."""
        odds = np.log(np.clip(stream.score[FLOAT], 1e-30, 1)) - np.log1p(-np.clip(stream.score[FLOAT], 0, 1 - 1e-7))
        return np.clip(np.rint(256 / (1 + np.exp(self.offset - odds.astype(np.float64)))), 0, 255)

    def apart(self, one: str, other: str) -> dict[str, Any]:
        """Return how far two arithmetics' scores are apart, in steps of 1/256, over all decisions."""
        counts, greatest = np.zeros(len(EDGES) - 1, np.int64), 0
        for stream in self.streams:
            first = self.shifted_float(stream) if one == FLOAT else np.rint(256 * stream.score[one])
            steps = np.abs(first - np.rint(256 * stream.score[other])).astype(np.int64)
            counts += np.histogram(steps, EDGES)[0]
            greatest = max(greatest, int(steps.max(initial=0)))
        return {"decisions": int(counts.sum()), "greatest": greatest, "counts": counts.tolist()}


def relative_drop(reference: float | None, found: float | None) -> float | None:
    """Return the share of the accuracy `reference` that is lost, below 0 where there is a gain."""
    if reference is None or found is None or reference <= 0:
        return None
    return (reference - found) / reference
