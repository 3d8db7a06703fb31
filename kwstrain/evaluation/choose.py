"""Choose the decoder and its threshold on dev: the lowest FNR at the allowed false alarms.

Decoders tried are `streaming` itself and every pair of `evaluate.search`. As dev has few events and FNR has ties, they
go to the lowest mean FNR at rates around the allowed one, and then to the decoder that was tried first.
"""

from collections.abc import Sequence

import numpy as np

from kwsdata.errors import StageInputError
from kwsdata.params import EvaluateParams, StreamingParams
from kwstrain.evaluation.det import DetCurve, OperatingPoint, det_curve
from kwstrain.evaluation.streams import TestStream

AROUND = (0.25, 0.5, 2.0, 4.0)  # multiples of max_fah that break ties


def decoders(streaming: StreamingParams, evaluate: EvaluateParams) -> list[StreamingParams]:
    """Return the decoders to try, `streaming` first, none twice."""
    found = [streaming]
    for smooth in evaluate.search.smooth:
        for n, m in evaluate.search.votes:
            found.append(streaming.model_copy(update={"smooth": smooth, "n": n, "m": m}))
    return [one for place, one in enumerate(found) if one not in found[:place]]


def choose(
    streams: Sequence[TestStream], streaming: StreamingParams, evaluate: EvaluateParams
) -> tuple[StreamingParams, OperatingPoint]:
    """Return the best decoder on the dev `streams`, and its operating point there.

    Raises:
        StageInputError: dev has no keyword, or no negative sound.
    """
    best: tuple[tuple[float, float], StreamingParams, OperatingPoint] | None = None
    for decoder in decoders(streaming, evaluate):
        curve = det_curve([stream.scores(decoder) for stream in streams], decoder.lockout_s, evaluate.tolerance_s)
        point = _at(curve, evaluate.max_fah)
        around = float(np.mean([_at(curve, evaluate.max_fah * factor).fnr for factor in AROUND]))
        if best is None or (point.fnr, around) < best[0]:
            best = ((point.fnr, around), decoder, point)
    assert best is not None  # `streaming` is always tried
    return best[1:]


def _at(curve: DetCurve, max_fah: float) -> OperatingPoint:
    try:
        return curve.at_max_fah(max_fah)
    except ValueError as error:
        raise StageInputError(f"dev/clean has {error} Give dev both, then type `dvc repro make_testsets`.") from None
