"""Sample training batches, each a pure function of (seed, step, rank).

`draw` chooses windows, `gather` copies them out of the mapped shards, `distort` masks and mixes; `batches` does all
three for the next steps in a background thread while the model is busy with this one.
"""

from collections.abc import Collection, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np
import torch

from kwsdata.draws import rng_for
from kwsdata.errors import StageInputError
from kwsdata.features.store import FeatureStore
from kwsdata.params import TrainParams
from kwsdata.params.training import FractionsParams
from kwstrain.answers import TeachStore
from kwstrain.training import distort
from kwstrain.training.starts import Starts
from kwstrain.training.windows import (
    Batch,
    Pool,
    Shape,
    alarm_pool,
    early_pool,
    keyword_pool,
    mined_pool,
    negative_pool,
)

B = TypeVar("B", covariant=True)
KEYWORD, EARLY, MINED, SPEECH = "keyword", "early", "mined", "speech"


@dataclass(frozen=True)
class Windows:
    """What a batch is made of, int64 [B] each: the kind of window, its clip's number, its last frame, frames heard."""

    kind: np.ndarray  # index into `Sampler.kinds`
    clip: np.ndarray
    last: np.ndarray
    heard: np.ndarray  # the window's length, or less where a stream starts in it: before there is silence


class Sampler:
    """Balances kinds of windows by `train.fractions` and gathers them."""

    def __init__(
        self,
        store: FeatureStore,
        params: TrainParams,
        shape: Shape,
        soft: TeachStore | None = None,
        unlabelled: Collection[str] = (),
        *,
        mined_weight: float,
        alarms: np.ndarray | None = None,
    ) -> None:
        """Index the clips of `store`.

        With a teacher's answers `soft`, clips of the corpora `unlabelled` are speech with no hard label; without, they
        are left out. Mined windows count `mined_weight` in the loss. Where there are `alarms` [alarms, 2] (see
        `kwstrain.training.alarms`), these are the mined windows.

        Raises:
            StageInputError: a kind with a share above 0 has no clip, or a clip has no word marked.
            ParamsError: `hold_s` is shorter than the decisions.
        """
        self.store, self.params, self.shape, self.soft = store, params, shape, soft
        unknown = "speech" if soft is not None else "unlabelled"
        self._clips = [replace(c, label=unknown) if c.corpus in unlabelled else c for c in store.clips]
        self._alarms = alarms if alarms is not None and len(alarms) else None
        mining = self._alarms is not None or any(clip.label == MINED for clip in self._clips)
        shares = _shares(params.fractions, mining)
        early = shares[KEYWORD] * params.early_fraction
        shares = shares | {KEYWORD: shares[KEYWORD] - early, EARLY: early}
        self.kinds = [kind for kind, share in shares.items() if share > 0]
        self._edges = np.cumsum([shares[kind] for kind in self.kinds])
        self._pools = [self._pool(kind) for kind in self.kinds]
        mined = np.asarray([clip.label == MINED for clip in store.clips])
        self._weight = np.asarray([clip.weight for clip in store.clips], np.float32)
        self._weight[mined] *= mined_weight
        self._starts = Starts(store.clips, shape, params.start_fraction)
        self._silence = store.silence
        self._labelled = np.asarray([clip.corpus not in unlabelled for clip in store.clips], np.float32)
        self.shares = (1 - shares[KEYWORD], shares[KEYWORD])  # of the decisions, by class

    def _pool(self, kind: str) -> Pool:
        share = self.params.augmented_share
        if kind == KEYWORD:
            pool = keyword_pool(self._clips, self.shape, share)
        elif kind == EARLY:
            pool = early_pool(self._clips, self.shape, share)
        elif kind == MINED and self._alarms is not None:
            pool = alarm_pool(self._clips, self._alarms, self.shape)
        elif kind == MINED:
            pool = mined_pool(self._clips, share)
        else:
            pool = negative_pool(self._clips, self.shape, share, kind)
        if pool.clip.size == 0:
            key = "early_fraction" if kind == EARLY else f"fractions.{kind}"
            raise StageInputError(
                f"{self.store.directory} holds no {kind} clips, but train.{key} is above 0: add such clips, or set it "
                "to 0."
            )
        return pool

    def draw(self, rng: np.random.Generator, count: int) -> Windows:
        """Return `count` windows. The number of each kind is its share of `count`, rounded up or down at random."""
        # Stratified: one draw in each of `count` equal parts of [0, 1).
        places = (np.arange(count) + rng.random(count)) / count
        kind = np.minimum(np.searchsorted(self._edges, places, side="right"), len(self.kinds) - 1)
        clip, last = np.empty(count, np.int64), np.empty(count, np.int64)
        for number, pool in enumerate(self._pools):
            chosen = kind == number
            clip[chosen], last[chosen] = pool.draw(rng, int(chosen.sum()))
        return Windows(kind, clip, *self._starts.draw(rng, clip, last, self._is(kind, KEYWORD), self._is(kind, EARLY)))

    def _is(self, kind: np.ndarray, name: str) -> np.ndarray:
        """Return which windows [B] are of the kind called `name`."""
        return kind == (self.kinds.index(name) if name in self.kinds else -1)

    def gather(self, windows: Windows) -> Batch:
        """Return the frames, targets and weights of `windows`, undistorted."""
        length, count = self.shape.length, windows.clip.size
        frames = np.empty((count, length, self.store.n_mels), np.float16)
        places = zip(windows.clip.tolist(), windows.last.tolist(), windows.heard.tolist(), strict=True)
        for row, (clip, last, heard) in enumerate(places):
            frames[row, : length - heard] = self._silence
            if heard:
                self._copy(frames[row, length - heard :], clip, last)
        keyword = self._is(windows.kind, KEYWORD)
        target = np.stack([~keyword, keyword], axis=-1).astype(np.float32)[:, None].repeat(self.shape.decisions, axis=1)
        weight = self._weight[windows.clip][:, None].repeat(self.shape.decisions, axis=1)
        soft = self._taught(windows, weight) if self.soft is not None else None
        weight = weight * self._labelled[windows.clip][:, None]
        # torch's conversion of half floats is vectorised, numpy's is not: 0.1 against 0.6 ms.
        return Batch(torch.from_numpy(frames).float().numpy(), target, weight, soft)

    def _taught(self, windows: Windows, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Return what the teacher says of the decisions of `windows`; see `Batch.soft`."""
        assert self.soft is not None
        before_last = self.shape.stride * np.arange(self.shape.decisions - 1, -1, -1)
        onset = np.where(windows.heard < self.shape.length, windows.last - windows.heard + 1, 0)
        answers = self.soft.answers(windows.clip[:, None], windows.last[:, None] - before_last, onset[:, None])
        return answers.log_odds, weight * answers.known, answers.embedding

    def _copy(self, into: np.ndarray, number: int, last: int) -> None:
        """Copy the frames that end with frame `last` into [frames, n_mels], repeating the clip's edges."""
        clip = self.store.clips[number]
        start = last - len(into) + 1
        first, end = max(start, 0), min(last + 1, clip.frames)
        into[first - start : end - start] = self.store.frames(clip, first, end)
        into[: first - start] = into[first - start]
        into[end - start :] = into[end - start - 1]

    def batch(self, step: int, rank: int = 0, ranks: int = 1) -> Batch:
        """Return rank `rank`'s part of the batch of step `step`."""
        rng = rng_for(self.params.seed, "train", step, rank)
        batch = self.gather(self.draw(rng, self.params.batch_size // ranks))
        return distort.apply(batch, distort.draw(rng, batch.features.shape, self.params))


def _shares(fractions: FractionsParams, mined: bool) -> dict[str, float]:
    """Return the share of each label; where nothing is `mined`, speech takes that share."""
    shares: dict[str, float] = fractions.model_dump()
    return shares if mined else shares | {SPEECH: shares[SPEECH] + shares[MINED], MINED: 0.0}


class Source(Protocol[B]):
    """What batches come from."""

    def batch(self, step: int, rank: int = 0, ranks: int = 1) -> B:
        """Return rank `rank`'s part of the batch of step `step`."""


def batches(source: Source[B], steps: range, rank: int = 0, ranks: int = 1) -> Generator[B, None, None]:
    """Yield the batches of `steps`, each made in a background thread while the one before is used."""
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        ahead = [pool.submit(source.batch, step, rank, ranks) for step in steps[:2]]
        for step in steps:
            batch = ahead.pop(0).result()
            if step + 2 * steps.step in steps:
                ahead.append(pool.submit(source.batch, step + 2 * steps.step, rank, ranks))
            yield batch
