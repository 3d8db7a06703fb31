"""Batches for pretraining: windows of feature frames, and the speech embedding at each of their decisions.

A clip is drawn with a chance that goes with the square root of its length, a window of it anywhere; before the clip
there is silence, as the embedder heard it. The embedding at a decision is interpolated between the two around it.
"""

from dataclasses import dataclass

import numpy as np

from kwsdata.draws import rng_for, unit_for
from kwsdata.errors import StageInputError
from kwsdata.features.store import ClipRow, FeatureStore
from kwsdata.params import PretrainParams

Pair = tuple[ClipRow, ClipRow]  # a clip's frames, and its embeddings
Examples = tuple[np.ndarray, np.ndarray]  # windows, targets


@dataclass(frozen=True)
class Geometry:
    """Of a window: what a decision hears, frames between two, and how many decisions."""

    receptive_field: int
    stride: int
    decisions: int

    @property
    def length(self) -> int:
        """Frames in a window."""
        return self.receptive_field + (self.decisions - 1) * self.stride


class Pairs:
    """The clips of a feature store, each with its embeddings, parted by speaker into trained-on and held-out."""

    def __init__(
        self, features: FeatureStore, embedded: FeatureStore, geometry: Geometry, params: PretrainParams
    ) -> None:
        """Match the clips of both stores.

        Args:
            features: frames of the augmented clips.
            embedded: embeddings of the same clips, in the same order (stage `embed_augmented`).
            geometry: of the windows.
            params: seed, batch_size, and held_out (at least one speaker is; a clip without one goes by its corpus).

        Raises:
            StageInputError: the stores are of other clips, or too few to train on and hold out.
        """
        if [clip.id for clip in features.clips] != [clip.id for clip in embedded.clips]:
            raise StageInputError(
                f"{embedded.directory} holds other clips than {features.directory}: type `dvc repro embed_augmented`."
            )
        self.features, self.embedded, self.geometry, self.params = features, embedded, geometry, params
        self._hop, self._window = int(features.info["hop_samples"]), int(features.info["window_samples"])
        self._apart = int(embedded.info["hop_samples"])
        usable = [pair for pair in zip(features.clips, embedded.clips, strict=True) if self._last(pair) >= 0]
        unit = [unit_for(0, "held out", pair[0].corpus, pair[0].speaker) for pair in usable]
        least = max(params.held_out, min(unit, default=0.0))  # of few speakers, one
        self.train = [pair for pair, place in zip(usable, unit, strict=True) if place > least]
        self.held = [pair for pair, place in zip(usable, unit, strict=True) if place <= least]
        if not self.train or not self.held:
            raise StageInputError(
                f"{features.directory} holds {len(self.train)} clips to pretrain on and {len(self.held)} of held-out "
                "speakers: it takes two speakers. Add corpora, or set pretrain.trunk to shipped or null."
            )
        self._chance = [
            np.cumsum(np.sqrt([self._last(pair) + 1.0 for pair in part])) for part in (self.train, self.held)
        ]
        self.mean, self.scale = self._statistics()

    def _last(self, pair: Pair) -> int:
        """Return the last frame at whose end an embedding is known, -1 if there is none."""
        clip, embeddings = pair
        known = embeddings.frames * self._apart  # samples
        return min(clip.frames - 1, (known - self._window) // self._hop) if embeddings.frames else -1

    def _statistics(self) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation, float32 [dim] each, of the embeddings trained on."""
        total, square, count = np.zeros(self.embedded.n_mels), np.zeros(self.embedded.n_mels), 0
        for _, row in self.train:
            frames = self.embedded.frames(row).astype(np.float64)
            total, square, count = total + frames.sum(0), square + (frames**2).sum(0), count + len(frames)
        mean = total / count
        scale = np.sqrt(np.maximum(square / count - mean**2, 1e-6))
        return mean.astype(np.float32), scale.astype(np.float32)

    def batch(self, step: int, rank: int = 0, ranks: int = 1) -> Examples:
        """Return rank `rank`'s part of the batch of step `step`."""
        rng = rng_for(self.params.seed, "pretrain", step, rank)
        return self.draw(rng, self.params.batch_size // ranks)

    def draw(self, rng: np.random.Generator, count: int, held: bool = False) -> Examples:
        """Return `count` windows float32 [count, length, n_mels], and what to say at their decisions.

        The latter are the standardised embeddings, float32 [count, decisions, dim]. With `held`, of held-out speakers.
        """
        pairs = self.held if held else self.train
        chance = self._chance[held]
        rows = np.searchsorted(chance, rng.random(count) * chance[-1], side="right")
        frames = np.empty((count, self.geometry.length, self.features.n_mels), np.float32)
        target = np.empty((count, self.geometry.decisions, self.embedded.n_mels), np.float32)
        for number, row in enumerate(np.minimum(rows, len(pairs) - 1)):
            pair = pairs[row]
            most = self._last(pair)
            last = int(rng.integers(min(most, self.geometry.length - 1), most + 1))
            self._window_of(pair[0], last, frames[number])
            target[number] = self._embeddings_of(pair[1], last)
        return frames, (target - self.mean) / self.scale

    def _window_of(self, clip: ClipRow, last: int, into: np.ndarray) -> None:
        first = last - len(into) + 1
        into[: max(-first, 0)] = self.features.silence
        into[max(-first, 0) :] = self.features.frames(clip, max(first, 0), last + 1)

    def _embeddings_of(self, row: ClipRow, last: int) -> np.ndarray:
        """Return the embeddings [decisions, dim] at the times of the decisions of the window that ends at `last`."""
        before = self.geometry.stride * np.arange(self.geometry.decisions - 1, -1, -1)
        place = ((last - before) * self._hop + self._window) / self._apart
        known = np.concatenate([self.embedded.silence[None], self.embedded.frames(row)]).astype(np.float32)
        place = np.clip(place, 0, row.frames)  # entry k is the embedding when k hops were heard
        below = np.minimum(place.astype(np.int64), row.frames - 1)
        share = (place - below)[:, None].astype(np.float32)
        return (1 - share) * known[below] + share * known[below + 1]
