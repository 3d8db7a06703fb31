"""What a step trains on."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Batch:
    """Windows with their labels.

    features float32 [B, frames, n_mels]; target float32 [B, decisions, 2], probabilities; weight float32
    [B, decisions].
    """

    features: np.ndarray
    target: np.ndarray
    weight: np.ndarray
