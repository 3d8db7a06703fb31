"""What a step trains on."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Batch:
    """Windows with their labels.

    features float32 [B, frames, n_mels]; target float32 [B, decisions, 2], probabilities; weight float32
    [B, decisions], 0 where there is no label. `soft`: what a teacher says of the decisions, if there is one: log_odds
    and weight float32 [B, decisions], embedding float32 [B, decisions, dim] or None.
    """

    features: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    soft: tuple[np.ndarray, np.ndarray, np.ndarray | None] | None = None
