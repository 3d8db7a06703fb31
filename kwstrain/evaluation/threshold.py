"""Choose the threshold of a decoder on scored streams: false alarms that the allowed rate is likely to hold.

A threshold at which the streams have `max_fah` leaves more than that on other sound every second time. Where a
confidence is given, it is at least as high as the tail of their negative peaks asks for (see `tail`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kwsdata.errors import StageInputError
from kwsdata.params import EvaluateParams
from kwstrain.evaluation.det import DetCurve, OperatingPoint, StreamScores
from kwstrain.evaluation.events import negative_peaks
from kwstrain.evaluation.tail import Tail, fit_tail

STRETCH_S = 1.0  # one peak is taken of each so long of negative sound, or of the lockout where that is longer


@dataclass(frozen=True)
class Chosen:
    """What streams say of a threshold: their own counts, and the false alarms an hour to expect of more such sound.

    `fah_expected` and `fah_bound` come from the tail of their peaks, and are None where no tail was fitted; the bound
    holds with `evaluate.fah_confidence`.
    """

    point: OperatingPoint
    fah_expected: float | None = None
    fah_bound: float | None = None


def choose_threshold(
    voted: Sequence[StreamScores], curve: DetCurve, lockout_s: float, evaluate: EvaluateParams
) -> Chosen:
    """Return the point of `curve`, that of the dev streams `voted`, at which a detector ships.

    Where dev is too short for a tail (see `fit_tail`), or no keyword would be heard at the threshold that it asks for,
    dev's own counts decide.

    Raises:
        StageInputError: dev has no keyword, or no negative sound.
    """
    try:
        plain = curve.at_max_fah(evaluate.max_fah)
    except ValueError as error:
        raise StageInputError(f"dev/clean has {error} Give dev both, then type `dvc repro make_testsets`.") from None
    tail = _tail(voted, curve, lockout_s, evaluate)
    if tail is None:
        return Chosen(plain)
    careful = curve.at_max_fah(evaluate.max_fah, at_least=_asked(tail, evaluate))
    return _chosen(careful if careful.fnr < 1 else plain, tail, evaluate)


def lowest_threshold(
    voted: Sequence[StreamScores], curve: DetCurve, lockout_s: float, evaluate: EvaluateParams
) -> Chosen:
    """Return the lowest point of `curve` that false alarms allow: of the streams `voted`, which need hold no keyword.

    Raises:
        ValueError: they hold no negative sound.
    """
    tail = _tail(voted, curve, lockout_s, evaluate)
    if tail is None:
        return Chosen(curve.lowest_at_max_fah(evaluate.max_fah))
    return _chosen(curve.lowest_at_max_fah(evaluate.max_fah, at_least=_asked(tail, evaluate)), tail, evaluate)


def _tail(voted: Sequence[StreamScores], curve: DetCurve, lockout_s: float, evaluate: EvaluateParams) -> Tail | None:
    """Return the tail of the negative peaks, None where none is asked for or they are too few."""
    if evaluate.fah_confidence is None:
        return None
    stretch_s = max(STRETCH_S, lockout_s)
    peaks = np.concatenate([negative_peaks(one, evaluate.tolerance_s, stretch_s)[1] for one in voted])
    return fit_tail(peaks, curve.hours_negative, evaluate.max_fah)


def _asked(tail: Tail, evaluate: EvaluateParams) -> float:
    """Return the threshold that the tail asks for."""
    assert evaluate.fah_confidence is not None  # or there is no tail
    return tail.threshold(evaluate.max_fah, evaluate.fah_confidence)


def _chosen(point: OperatingPoint, tail: Tail, evaluate: EvaluateParams) -> Chosen:
    assert evaluate.fah_confidence is not None
    return Chosen(point, tail.fah(point.threshold), tail.fah_bound(point.threshold, evaluate.fah_confidence))
