"""Run trained models over every clip of a feature store: the mean of their log-odds at each decision."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from kwsdata.execution.executor import run_tasks
from kwsdata.features.store import FeatureStore
from kwsdata.params import Params
from kwstrain.answers import CERTAIN
from kwstrain.models import StreamingModel
from kwstrain.training.checkpoint import Weights

Build = Callable[[Params, np.ndarray], StreamingModel]


class Span(NamedTuple):
    """Clips [first, end) of the feature store `frames`."""

    frames: Path
    first: int
    end: int


def mean_log_odds(
    params: Params, build: Build, members: Sequence[Weights], store: FeatureStore, title: str
) -> Iterator[np.ndarray]:
    """Yield what the models say of each clip of `store`, in order: float16 [decisions], of the keyword.

    A stream starts with the clip: decision j has heard its frames before (j + 1) stride, and silence before them.

    Args:
        params: what the models are built of, and where the work is done (`executor`).
        build: makes a model of params and the store's frame of silence.
        members: the weights of each model; their log-odds are averaged.
        store: of the frames that they hear.
        title: what progress is called.
    """
    shard = np.asarray([clip.shard for clip in store.clips])
    edges = [0, *(np.flatnonzero(np.diff(shard)) + 1).tolist(), len(shard)]
    spans = [Span(store.directory.resolve(), first, end) for first, end in pairwise(edges)]
    for said in run_tasks(partial(_hear, params, build, list(members)), spans, params.executor, title):
        yield from said


def _hear(params: Params, build: Build, members: list[Weights], span: Span) -> list[np.ndarray]:
    store = FeatureStore(span.frames)
    models = [_loaded(params, build, store, weights) for weights in members]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [_mean(models, store.frames(clip)) for clip in store.clips[span.first : span.end]]
    finally:
        torch.set_num_threads(threads)


def _loaded(params: Params, build: Build, store: FeatureStore, weights: Weights) -> StreamingModel:
    with torch.random.fork_rng([]):
        model = build(params, store.silence)
    model.load_state_dict(weights)
    return model.eval()


@torch.inference_mode()
def _mean(models: list[StreamingModel], frames: np.ndarray) -> np.ndarray:
    """Return float16 [decisions] of a clip's frames [frames, n_mels]."""
    model = models[0]
    whole = torch.from_numpy(frames[: len(frames) // model.stride * model.stride].astype(np.float32))
    if len(whole) == 0:
        return np.zeros(0, np.float16)
    before = model.silence.expand(model.receptive_field - model.stride, -1)
    heard = torch.cat([before, whole])[None]
    logits = torch.stack([one.window(heard)[0] for one in models])
    mean = (logits[..., 1] - logits[..., 0]).mean(0)
    return mean.clamp(-CERTAIN, CERTAIN).numpy().astype(np.float16)
