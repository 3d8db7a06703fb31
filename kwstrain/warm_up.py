"""How long after a stream's start a detector cannot yet have heard its keyword: what the decoder waits for.

Training says "no" until a keyword is half said (see `kwstrain.training.windows`). So with `share: 0.5` of the shortest
keyword no decision is thrown away that the model was taught to say "yes" at.
"""

import numpy as np

from kwsdata.audio import SAMPLE_RATE
from kwsdata.features.store import FeatureStore
from kwsdata.params.training import WarmUpParams


def warm_up_of(train: FeatureStore, params: WarmUpParams) -> float:
    """Return the warm-up in s, in whole milliseconds, from the keywords of the `train` store; 0 where it has none."""
    words = [clip.word for clip in train.clips if clip.label == "keyword" and clip.word is not None]
    if not words:
        return 0.0
    frames = np.quantile([end - start for start, end in words], params.shortest)
    return round(params.share * float(frames) * int(train.info["hop_samples"]) / SAMPLE_RATE, 3)
