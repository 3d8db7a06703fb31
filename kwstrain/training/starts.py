"""Draw where a stream starts in a training window, and measure how long a decoder waits after a start.

Of a window, the last `heard` frames are the clip's; those before are the front end's frame of silence, as at a stream's
start (see `kwstrain.models.streaming`). As in a stream, `heard` is a multiple of the stride, down to 0: silence alone.

    keyword    the stream starts before the word: its decisions say "keyword", however short the stream is
    others     it starts anywhere, in the middle of a sound too: decisions say "no". Half of these streams are a clip
               from its first frame, where a front end that adapts to what it hears is as new as the stream
"""

from collections.abc import Sequence

import numpy as np

from kwsdata.audio import SAMPLE_RATE
from kwsdata.features.store import ClipRow, FeatureStore
from kwsdata.params.training import WarmUpParams
from kwstrain.training.windows import Shape, half_said

CLIP_SHARE = 0.5  # of the starts that are no keyword's: the clip's first frame


class Starts:
    """Chooses which windows hold a stream's start, and where."""

    def __init__(self, clips: Sequence[ClipRow], shape: Shape, fraction: float) -> None:
        """Take the clips that windows are of; `fraction` of each kind's windows hold a start."""
        self._shape, self._fraction = shape, fraction
        self._frames = np.asarray([clip.frames for clip in clips], np.int64)
        self._word = np.asarray([clip.word[0] if clip.word else 0 for clip in clips], np.int64)
        self._half = np.asarray([half_said(clip.word) if clip.word else -1 for clip in clips], np.int64)

    def draw(
        self, rng: np.random.Generator, clip: np.ndarray, last: np.ndarray, keyword: np.ndarray, early: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return last frames and frames heard, int64 [windows] each, of windows of `clip` that end at `last`.

        A window without a start has heard all its frames.

        Args:
            rng: random numbers; none is drawn where the fraction is 0.
            clip, last: int64 [windows].
            keyword, early: bool [windows], which windows are of that kind.
        """
        stride, length = self._shape.stride, self._shape.length
        last, heard = last.copy(), np.full(clip.size, length, np.int64)
        if self._fraction == 0:
            return last, heard
        rows = np.flatnonzero(rng.random(clip.size) < self._fraction)
        clip, keyword, early, end = clip[rows], keyword[rows], early[rows], last[rows]
        whole = (rng.random(rows.size) < CLIP_SHARE) & ~keyword
        most = np.where(whole, np.where(early, self._half[clip], self._frames[clip] - 1), end) + 1
        low = np.where(keyword, -((self._word[clip] - end - 1) // stride), 0)  # the word's frames, rounded up
        high = np.maximum(np.minimum(most, length) // stride, low)
        chosen = stride * (low + np.floor(rng.random(rows.size) * (high - low + 1)).astype(np.int64))
        last[rows] = np.where(whole, chosen - 1, end)
        heard[rows] = np.minimum(chosen, length)
        return last, heard


def warm_up_of(train: FeatureStore, params: WarmUpParams) -> float:
    """Return the warm-up in s, in whole milliseconds, from the keywords of the `train` store; 0 where it has none."""
    words = [clip.word for clip in train.clips if clip.label == "keyword" and clip.word is not None]
    if not words:
        return 0.0
    frames = np.quantile([end - start for start, end in words], params.shortest)
    return round(params.share * float(frames) * int(train.info["hop_samples"]) / SAMPLE_RATE, 3)
