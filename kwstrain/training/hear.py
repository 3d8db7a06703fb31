"""Run a trained model over every clip of train, and find its false alarms there."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from kwsdata.audio import SAMPLE_RATE
from kwsdata.execution.executor import run_tasks
from kwsdata.features.store import FeatureStore
from kwsdata.params import Params
from kwstrain.answers import CERTAIN
from kwstrain.models import StreamingModel
from kwstrain.training.alarms import find_alarms
from kwstrain.training.checkpoint import Weights
from kwstrain.training.loop import Job

Build = Callable[[Params, np.ndarray], StreamingModel]


class Span(NamedTuple):
    """Clips [first, end) of the feature store `frames`."""

    frames: Path
    first: int
    end: int


def alarms_raised(job: Job, weights: Weights, min_log_odds: float, per_clip: int) -> np.ndarray:
    """Return the false alarms of the model that `job` trained, on the clips that it learned from (see `find_alarms`).

    Args:
        job: of the model; its name is what progress is called.
        weights: the model's.
        min_log_odds: of the keyword, from which a decision is an alarm.
        per_clip: the most alarms that are kept of a clip.
    """
    store = FeatureStore(job.features / "train")
    said = list(log_odds_of(job, weights))
    stride, hop_s = job.build(job.params, store.silence).stride, int(store.info["hop_samples"]) / SAMPLE_RATE
    return find_alarms(store.clips, said, stride, hop_s, job.unlabelled, min_log_odds, per_clip)


def log_odds_of(job: Job, weights: Weights) -> Iterator[np.ndarray]:
    """Yield the keyword's log-odds in each clip of train, in order, by the model of `job`: float16 [decisions].

    A stream starts with the clip: decision j has heard its frames before (j + 1) stride, and silence before them.
    """
    store = FeatureStore(job.features / "train")
    shard = np.asarray([clip.shard for clip in store.clips])
    edges = [0, *(np.flatnonzero(np.diff(shard)) + 1).tolist(), len(shard)]
    spans = [Span(store.directory.resolve(), first, end) for first, end in pairwise(edges)]
    hear = partial(_hear, job.params, job.build, weights)
    for said in run_tasks(hear, spans, job.params.executor, f"{job.name}, answers"):
        yield from said


def _hear(params: Params, build: Build, weights: Weights, span: Span) -> list[np.ndarray]:
    store = FeatureStore(span.frames)
    with torch.random.fork_rng([]):
        model = build(params, store.silence)
    model.load_state_dict(weights)
    model.eval()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [_said(model, store.frames(clip)) for clip in store.clips[span.first : span.end]]
    finally:
        torch.set_num_threads(threads)


@torch.inference_mode()
def _said(model: StreamingModel, frames: np.ndarray) -> np.ndarray:
    """Return float16 [decisions] of a clip's frames [frames, n_mels]."""
    whole = torch.from_numpy(frames[: len(frames) // model.stride * model.stride].astype(np.float32))
    if len(whole) == 0:
        return np.zeros(0, np.float16)
    before = model.silence.expand(model.receptive_field - model.stride, -1)
    logits = model.window(torch.cat([before, whole])[None])[0]
    log_odds = logits[..., 1] - logits[..., 0]
    return log_odds.clamp(-CERTAIN, CERTAIN).numpy().astype(np.float16)
