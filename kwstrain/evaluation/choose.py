"""Choose the decoder and its threshold on dev: the lowest FNR at false alarms that the allowed rate is likely to hold.

Decoders tried are `streaming` itself and every pair of `evaluate.search`. As dev has few events and FNR has ties, they
go to the lowest mean FNR at rates around the allowed one, and then to the decoder that was tried first.
"""

from collections.abc import Sequence

import numpy as np

from kwsdata.params import EvaluateParams, StreamingParams
from kwstrain.evaluation.det import det_curve
from kwstrain.evaluation.streams import TestStream
from kwstrain.evaluation.threshold import Chosen, choose_threshold

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
