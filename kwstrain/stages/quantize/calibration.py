"""Draw the calibration set, and measure the activation ranges on it.

The set is windows of the train and dev feature stores, never of test: train's drawn as for training (kinds by
`train.fractions`, undistorted), dev's anywhere in its streams. It is a list of (store, clip, last frame) under one hash
of that list and of the frames themselves.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kwsdata.draws import rng_for
from kwsdata.errors import StageInputError
from kwsdata.features.store import ClipRow, FeatureStore
from kwsdata.params import CalibrationParams, FeaturesParams, Params
from kwstrain.models.ops import FEATURES, HARD_SIGMOID, Graph
from kwstrain.quantization.network import FoldedStudent, Watch
from kwstrain.stages.quantize.observers import OBSERVERS, Histogram, Range
from kwstrain.training.sampler import Sampler
from kwstrain.training.windows import Shape

MICRO_RANGE = (0.0, 26.0)  # built into the runtimes of the micro front end: q = 255 / 26 feature - 128
LOGIT_RANGE = (-8.0, 8.0)  # log-odds; beyond, the score is within 1/256 of 0 or 1
BATCH = 128  # windows at a time


@dataclass(frozen=True)
class CalibrationSet:
    """Windows float32 [windows, frames, n_mels], where they are from, and the SHA-256 of both."""

    windows: np.ndarray
    rows: list[dict[str, Any]]
    sha256: str


def draw(features: Path, params: Params, shape: Shape) -> CalibrationSet:
    """Return the set that `quantize.calibration` describes, of windows of `shape`.

    Raises:
        StageInputError: a store is missing, lacks a kind of clip that training needs, or dev's streams are too short.
    """
    own = params.quantize.calibration
    store = FeatureStore(features / "train")
    sampler = Sampler(store, params.train, shape, mined_weight=params.mining.weight)
    drawn = sampler.draw(rng_for(own.seed, "calibration", "train"), own.train_windows)
    windows = [sampler.gather(drawn).features]
    places = [("train", store.clips[clip], last) for clip, last in zip(drawn.clip, drawn.last, strict=True)]
    dev = FeatureStore(features / "dev")
    for clip, last in _anywhere(dev, rng_for(own.seed, "calibration", "dev"), own.dev_windows, shape.length):
        windows.append(dev.frames(clip, last + 1 - shape.length, last + 1)[None].astype(np.float32))
        places.append(("dev", clip, last))
    rows = [{"store": store, "clip": clip.id, "label": clip.label, "last": int(last)} for store, clip, last in places]
    stacked = np.concatenate(windows)
    digest = hashlib.sha256(json.dumps(rows).encode())
    digest.update(stacked.tobytes())
    return CalibrationSet(stacked, rows, digest.hexdigest())


def _anywhere(store: FeatureStore, rng: np.random.Generator, count: int, length: int) -> Iterator[tuple[ClipRow, int]]:
    """Yield `count` windows of `length` frames, every place in every stream equally likely: clip and last frame."""
    clips = [clip for clip in store.clips if clip.frames >= length]
    if count and not clips:
        raise StageInputError(f"{store.directory} has no stream of {length} frames to calibrate on.")
    room = np.cumsum([clip.frames - length + 1 for clip in clips])
    for place in rng.integers(0, room[-1], count).tolist() if count else []:
        number = int(np.searchsorted(room, place, side="right"))
        before = int(room[number - 1]) if number else 0
        yield clips[number], place - before + length - 1


def ranges_of(
    network: FoldedStudent, chosen: CalibrationSet, params: CalibrationParams, features: FeaturesParams
) -> dict[str, Range]:
    """Return the range of every tensor of `network`, which computes in float.

    The input's is all that was seen (with `features.frontend: micro`, what the runtimes have built in); gates' and the
    log-odds' are known; all others are the observer's. Silence is seen too: every stream starts with it.
    """
    known = _known(network.graph, features)
    seen: dict[str, Histogram] = {}

    def widen(name: str, value: Tensor) -> None:
        seen.setdefault(name, Histogram()).widen(value)

    def add(name: str, value: Tensor) -> None:
        seen[name].add(value)

    for watch in (widen, add):
        _hear(network, chosen, watch)
    found = {name: OBSERVERS[params.observer](histogram, params.percentile) for name, histogram in seen.items()}
    found[FEATURES] = seen[FEATURES].low, seen[FEATURES].high
    return found | known


def reach_of(network: FoldedStudent, chosen: CalibrationSet) -> dict[str, Tensor]:
    """Return the greatest absolute value of each channel of every tensor of `network`, float32 [channels]."""
    reach: dict[str, Tensor] = {}

    def widen(name: str, value: Tensor) -> None:
        seen = value.abs().amax((0, 2, 3))
        reach[name] = torch.maximum(reach[name], seen) if name in reach else seen

    _hear(network, chosen, widen)
    return reach


def _hear(network: FoldedStudent, chosen: CalibrationSet, watch: Watch) -> None:
    """Give `network`, which computes in float, the windows of `chosen` and silence, and `watch` every tensor of it."""
    assert network.scales is None
    silence = np.tile(network.silence.numpy(), (1, chosen.windows.shape[1], 1))
    windows = np.concatenate([chosen.windows, silence])
    network.watch = watch
    with torch.inference_mode():
        for start in range(0, len(windows), BATCH):
            network.window(torch.from_numpy(windows[start : start + BATCH]))
    network.watch = None


def _known(graph: Graph, features: FeaturesParams) -> dict[str, Range]:
    known = {conv.name: (0.0, 1.0) for conv in graph.convs if conv.clamp == HARD_SIGMOID}
    known[graph.logit] = LOGIT_RANGE
    return known | ({FEATURES: MICRO_RANGE} if features.frontend == "micro" else {})
