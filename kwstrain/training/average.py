"""Exponential moving average of a model: smoother than the last step, and the weights that are measured and kept."""

import copy

import torch

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
