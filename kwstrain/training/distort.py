"""Distort training batches: SpecAugment's masks and mixup.

Park et al. 2019 (arXiv:1904.08779) without the warp; Zhang et al. 2018 (arXiv:1710.09412).
Numbers are drawn first, then applied. A mask is filled with the batch's mean of each mel, which the model's input
normalisation maps near 0.
"""

from dataclasses import dataclass

import numpy as np

from kwsdata.params import TrainParams
from kwstrain.training.windows import Batch

MEAN_EVERY = 8  # frames: the mean is of every 8th, since neighbours are alike


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
    features, target, weight, soft = batch.features, batch.target, batch.weight, batch.soft
    if (distortion.share < 1).any():
        own, other = distortion.share, distortion.partner

        def mixed(a: np.ndarray) -> np.ndarray:
            part = own.reshape(-1, *[1] * (a.ndim - 1))
            return part * a + (1 - part) * a[other]

        features, target, weight = mixed(features), mixed(target), mixed(weight)
        if soft is not None:  # log-odds mixed: the geometric mean of what the teacher says
            log_odds, known, embedding = soft
            soft = mixed(log_odds), mixed(known), None if embedding is None else mixed(embedding)
    if distortion.time.size + distortion.mel.size:
        features = features.copy() if features is batch.features else features
        mean = features[:, ::MEAN_EVERY].mean(axis=(0, 1))
        for row, (time, mel) in enumerate(zip(distortion.time.tolist(), distortion.mel.tolist(), strict=True)):
            for start, end in time:
                features[row, start:end] = mean
            for start, end in mel:
                features[row, :, start:end] = mean[start:end]
    return Batch(features, target, weight, soft)


def _spans(rng: np.random.Generator, shape: tuple[int, int], widest: int, size: int) -> np.ndarray:
    """Return spans [start, end), int64 [*shape, 2]: 0 to `widest` long, anywhere in [0, size)."""
    width = rng.integers(0, min(widest, size) + 1, shape)
    start = np.floor(rng.random(shape) * (size - width + 1)).astype(np.int64)
    return np.stack([start, start + width], axis=-1)
