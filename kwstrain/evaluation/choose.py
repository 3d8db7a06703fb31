"""Choose the decoder and its threshold on dev: the lowest FNR at false alarms that the allowed rate is likely to hold.

Decoders tried are `streaming` itself and every pair of `evaluate.search`. As dev has few events and FNR has ties, they
go to the lowest mean FNR at rates around the allowed one, and then to the decoder that was tried first.

A threshold at which dev has `max_fah` leaves more than that on other sound every second time. Where
`evaluate.fah_confidence` is given, it is at least as high as the tail of dev's negative peaks asks for (see `tail`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kwsdata.errors import StageInputError
from kwsdata.params import EvaluateParams, StreamingParams
from kwstrain.evaluation.det import DetCurve, OperatingPoint, StreamScores, det_curve
from kwstrain.evaluation.events import negative_peaks
from kwstrain.evaluation.streams import TestStream
from kwstrain.evaluation.tail import fit_tail

AROUND = (0.25, 0.5, 2.0, 4.0)  # multiples of max_fah that break ties
STRETCH_S = 1.0  # one peak is taken of each so long of negative sound, or of the lockout where that is longer


@dataclass(frozen=True)
class Chosen:
    """What dev says of a threshold: its own counts, and the false alarms an hour to expect of more sound like dev's.

    `fah_expected` and `fah_bound` come from the tail of dev's peaks, and are None where no tail was fitted; the bound
    holds with `evaluate.fah_confidence`.
    """

    point: OperatingPoint
    fah_expected: float | None = None
    fah_bound: float | None = None


def decoders(streaming: StreamingParams, evaluate: EvaluateParams) -> list[StreamingParams]:
    """Return the decoders to try, `streaming` first, none twice."""
    found = [streaming]
    for smooth in evaluate.search.smooth:
        for n, m in evaluate.search.votes:
            found.append(streaming.model_copy(update={"smooth": smooth, "n": n, "m": m}))
    return [one for place, one in enumerate(found) if one not in found[:place]]


def choose(
    streams: Sequence[TestStream], streaming: StreamingParams, evaluate: EvaluateParams
) -> tuple[StreamingParams, Chosen]:
    """Return the best decoder on the dev `streams`, and its threshold there.

    Raises:
        StageInputError: dev has no keyword, or no negative sound.
    """
    best: tuple[tuple[float, float], StreamingParams, Chosen] | None = None
    for decoder in decoders(streaming, evaluate):
        voted = [stream.scores(decoder) for stream in streams]
        curve = det_curve(voted, decoder.lockout_s, evaluate.tolerance_s)
        chosen = choose_threshold(voted, curve, decoder.lockout_s, evaluate)
        around = float(np.mean([curve.at_max_fah(evaluate.max_fah * factor).fnr for factor in AROUND]))
        if best is None or (chosen.point.fnr, around) < best[0]:
            best = ((chosen.point.fnr, around), decoder, chosen)
    assert best is not None  # `streaming` is always tried
    return best[1:]


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
    sure = evaluate.fah_confidence
    if sure is None:
        return Chosen(plain)
    stretch_s = max(STRETCH_S, lockout_s)
    peaks = np.concatenate([negative_peaks(one, evaluate.tolerance_s, stretch_s)[1] for one in voted])
    tail = fit_tail(peaks, curve.hours_negative, evaluate.max_fah)
    if tail is None:
        return Chosen(plain)
    careful = curve.at_max_fah(evaluate.max_fah, at_least=tail.threshold(evaluate.max_fah, sure))
    point = careful if careful.fnr < 1 else plain
    return Chosen(point, tail.fah(point.threshold), tail.fah_bound(point.threshold, sure))
