"""The learning rate: a linear warm-up, then half a cosine to 0. A function of the step alone, so it needs no state."""

import math

from kwsdata.params import PretrainParams, TrainParams


def learning_rate(step: int, params: TrainParams | PretrainParams) -> float:
    """Return the rate of step number `step` (from 0)."""
    warm = min(1.0, (step + 1) / params.warmup_steps) if params.warmup_steps else 1.0
    return params.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * step / params.steps))
