"""Measure a student on the dev streams: FNR at the allowed false alarms, by the decoder that ships.

Each stream goes through the model from its start to its end with its state, then warm-up, vote, threshold and lockout,
as on a device. Students are compared by FNR at `evaluate.max_fah`; as dev has few events and that number has ties, then
by the mean FNR at other rates around it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from kwsdata.audio import SAMPLE_RATE
from kwsdata.errors import StageInputError
from kwsdata.features.store import ClipRow, FeatureStore
from kwsdata.params import EvaluateParams, StreamingParams
from kwsdata.runtime.decoder import votes, warming_up
from kwstrain.evaluation.det import OperatingPoint, StreamScores, det_curve
from kwstrain.models import StreamingModel

CHUNK = 6000  # frames through the model at a time, about a minute
AROUND = (0.25, 0.5, 2.0, 4.0)  # multiples of max_fah that break ties


@dataclass(frozen=True)
class DevResult:
    """The operating point on dev, and the mean FNR at the rates `AROUND` it."""

    point: OperatingPoint
    fnr_around: float

    def as_dict(self) -> dict[str, Any]:
        """Return plain numbers."""
        return asdict(self.point) | {"fnr_around": self.fnr_around}


class DevSet:
    """The dev streams and how to measure on them."""

    def __init__(
        self, store: FeatureStore, streaming: StreamingParams, evaluate: EvaluateParams, warm_up_s: float
    ) -> None:
        """Check that `store` can tell students apart. `warm_up_s`: the decoder's, see `kwstrain.training.starts`.

        Raises:
            StageInputError: no keyword, or no frame, in any stream.
        """
        if not any(clip.events for clip in store.clips) or not any(clip.frames for clip in store.clips):
            raise StageInputError(
                f"{store.directory} holds {len(store.clips)} streams and no keyword: without dev positives no student "
                "can be chosen. Give the dev partition more speakers (partitions.dev), then `dvc repro`."
            )
        self.store, self._streaming, self._evaluate, self._warm_up_s = store, streaming, evaluate, warm_up_s
        self._hop = int(store.info["hop_samples"])
        self._window = int(store.info["window_samples"])

    def measure(self, model: StreamingModel) -> DevResult:
        """Stream everything through `model` (in evaluation mode) and return its result.

        Raises:
            StageInputError: the streams are keyword windows from end to end, with no negative sound.
        """
        streams = [self.scores(model, clip) for clip in self.store.clips]
        curve = det_curve(streams, self._streaming.lockout_s, self._evaluate.tolerance_s)
        try:
            point = curve.at_max_fah(self._evaluate.max_fah)
        except ValueError as error:
            raise StageInputError(f"{self.store.directory}: {error}") from None
        around = [curve.at_max_fah(self._evaluate.max_fah * factor).fnr for factor in AROUND]
        return DevResult(point, float(np.mean(around)))

    def scores(self, model: StreamingModel, clip: ClipRow) -> StreamScores:
        """Return the votes and events of one stream."""
        score = stream_scores(model, self.store.frames(clip))
        time_s = self._end_s((np.arange(score.size) + 1) * model.stride - 1)
        return StreamScores(
            time_s=time_s,
            vote=votes(score, self._streaming, warming_up(time_s, self._warm_up_s)),
            events=[(float(self._end_s(start)), float(self._end_s(end))) for start, end in clip.events],
            duration_s=float(self._end_s(max(0, clip.frames - 1))),
        )

    def _end_s(self, frame: int | np.ndarray) -> np.ndarray:
        """Return when `frame` is complete, in s."""
        return (np.asarray(frame) * self._hop + self._window) / SAMPLE_RATE


def stream_scores(model: StreamingModel, frames: np.ndarray, chunks: Sequence[int] = ()) -> np.ndarray:
    """Return the keyword's probability at every decision of a stream: float32 [frames // stride].

    Args:
        model: in evaluation mode.
        frames: [frames, n_mels], any float type.
        chunks: how many frames to give at a time, in turn, each a multiple of the stride; then `CHUNK`.
    """
    device = next(model.parameters()).device
    whole = len(frames) // model.stride * model.stride
    sizes = iter(chunks)
    state, scores, start = None, [np.zeros(0, np.float32)], 0
    with torch.inference_mode():
        while start < whole:
            end = min(whole, start + next(sizes, CHUNK // model.stride * model.stride))
            chunk = torch.from_numpy(frames[start:end].astype(np.float32))[None].to(device)
            logits, state = model(chunk, state)
            scores.append(model.score(logits)[0].cpu().numpy())
            start = end
    return np.concatenate(scores)
