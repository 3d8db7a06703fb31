"""Teachers that are trained here: a network gives each decision's answer from one window.

    x [T, n_mels] -> windows [decisions, receptive_field, n_mels] -> embed -> [decisions, dim] -> head -> logits

So a network that looks both ways (a Conformer) is causal with a limited context, and streams without any state but the
last frames.
"""

from abc import abstractmethod
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from kwstrain.models.streaming import State, StreamingModel


class WindowedTeacher(StreamingModel):
    """A classifier of windows. Subclasses set `hears`, and `embed` windows."""

    hears: ClassVar[str]  # which stores its frames are in: data/features or data/embedded

    def __init__(self, silence: np.ndarray, window: int, stride: int, dim: int) -> None:
        super().__init__(silence)
        self.receptive_field, self.stride, self.dim, self.classes = window, stride, dim, 2
        self.norm = nn.BatchNorm1d(self.n_mels, affine=False)
        self.head = nn.Linear(dim, self.classes)

    @abstractmethod
    def embed(self, windows: Tensor) -> Tensor:
        """Return the layer before the last [N, dim] of normalised windows [N, receptive_field, n_mels]."""

    def empty_state(self, batch: int) -> State:
        """Return zeros [batch, n_mels, receptive_field - stride], frames before a stream."""
        return [self.head.weight.new_zeros(batch, self.n_mels, self.receptive_field - self.stride)]

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Continue a stream; see `StreamingModel.forward`."""
        (past,) = self.initial_state(x.shape[0]) if state is None else state
        heard = torch.cat([past.transpose(1, 2), x], dim=1)
        return self.window(heard), [heard[:, heard.shape[1] - past.shape[2] :].transpose(1, 2)]

    def window(self, x: Tensor) -> Tensor:
        """Return the logits of decisions that x covers; see `StreamingModel.window`."""
        return self.head(self.window_embeddings(x))

    def window_embeddings(self, x: Tensor) -> Tensor:
        """Return the layer before the last, [B, decisions, dim], of the decisions that x [B, T, n_mels] covers."""
        x = self.norm(x.transpose(1, 2))[:, :, (x.shape[1] - self.receptive_field) % self.stride :]
        windows = x.unfold(2, self.receptive_field, self.stride).permute(0, 2, 3, 1)
        return self.embed(windows.flatten(0, 1)).unflatten(0, windows.shape[:2])

    def macs_per_second(self, hop_s: float) -> float:
        """Return multiply-accumulates a second, counted while it hears one window."""
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            self.head(self.embed(self.head.weight.new_zeros(1, self.receptive_field, self.n_mels)))
        return counter.get_total_flops() / 2 / (hop_s * self.stride)
