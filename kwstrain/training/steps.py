"""The learning rate of a step, and the moving average of the weights."""

import copy
import math

import torch

from kwsdata.params import PretrainParams, TrainParams
from kwstrain.models import StreamingModel


class Average:
    """averaged <- d averaged + (1 - d) model, after every step; running statistics are averaged like weights."""

    def __init__(self, model: StreamingModel, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def update(self, model: StreamingModel, step: int) -> None:
        """Take in `model` after step number `step` (from 0). The decay rises from 0.1 to its full value."""
        keep = min(self._decay, (1 + step) / (10 + step))
        for own, new in zip(self.model.state_dict().values(), model.state_dict().values(), strict=True):
            if own.is_floating_point():
                own.lerp_(new, 1 - keep)
            else:
                own.copy_(new)


def learning_rate(step: int, params: TrainParams | PretrainParams) -> float:
    """Return the rate of step number `step` (from 0)."""
    warm = min(1.0, (step + 1) / params.warmup_steps) if params.warmup_steps else 1.0
    return params.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * step / params.steps))
