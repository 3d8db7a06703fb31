"""What training does to a batch that evaluation does not: SpecAugment's masks and mixup.

Park et al. 2019 (arXiv:1904.08779) without the warp; Zhang et al. 2018 (arXiv:1710.09412).
Numbers are drawn first, then applied to the whole batch at once. A mask is filled with the batch's mean of each mel,
which the model's input normalisation maps near 0.
"""

from dataclasses import dataclass

import numpy as np

from kwsdata.params import TrainParams
from kwstrain.train.batch import Batch


@dataclass(frozen=True)
class Distortion:
    """Every random choice for one batch.

    time, mel: masked spans [start, end), int64 [B, masks, 2]. partner int64 [B] and share float32 [B]: clip i becomes
    share[i] of itself and 1 - share[i] of partner[i].
    """

    time: np.ndarray
    mel: np.ndarray
    partner: np.ndarray
    share: np.ndarray


def draw(rng: np.random.Generator, shape: tuple[int, ...], params: TrainParams) -> Distortion:
    """Choose masks and partners for features of `shape` [B, frames, n_mels]."""
    count, frames, mels = shape
    time = _spans(rng, (count, params.time_masks), params.time_mask_frames, frames)
    mel = _spans(rng, (count, params.mel_masks), params.mel_mask_bins, mels)
    partner, share = np.arange(count), np.ones(count, np.float32)
    if params.mixup_probability > 0:
        mixed = rng.random(count) < params.mixup_probability
        beta = rng.beta(params.mixup_alpha, params.mixup_alpha, count)
        partner = rng.permutation(count)
        # At least half of itself.
        share = np.where(mixed, np.maximum(beta, 1 - beta), 1).astype(np.float32)
    return Distortion(time, mel, partner, share)


def apply(batch: Batch, distortion: Distortion) -> Batch:
    """Return `batch` mixed, then masked."""
    features, target, weight = batch.features, batch.target, batch.weight
    if (distortion.share < 1).any():
        own, other = distortion.share, distortion.partner
        features, target, weight = (
            own.reshape(-1, *[1] * (a.ndim - 1)) * a + (1 - own).reshape(-1, *[1] * (a.ndim - 1)) * a[other]
            for a in (features, target, weight)
        )
    frames, mels = features.shape[1:]
    masked = _covered(distortion.time, frames)[:, :, None] | _covered(distortion.mel, mels)[:, None]
    if masked.any():
        features = np.where(masked, features.mean(axis=(0, 1), dtype=np.float64).astype(np.float32), features)
    return Batch(features, target, weight)


def _spans(rng: np.random.Generator, shape: tuple[int, int], widest: int, size: int) -> np.ndarray:
    """Return spans [start, end), int64 [*shape, 2]: 0 to `widest` long, anywhere in [0, size)."""
    width = rng.integers(0, min(widest, size) + 1, shape)
    start = np.floor(rng.random(shape) * (size - width + 1)).astype(np.int64)
    return np.stack([start, start + width], axis=-1)


def _covered(spans: np.ndarray, size: int) -> np.ndarray:
    """Return bool [B, size]: True inside any of `spans` [B, masks, 2]."""
    place = np.arange(size)
    inside = (place >= spans[..., :1]) & (place < spans[..., 1:])
    return np.any(inside, axis=1)
