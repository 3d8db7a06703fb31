"""Depthwise-separable temporal convolutions with residuals, causal: the student.

    x [T, n_mels] -> BatchNorm over mels -> stem: conv, stem_kernel frames, stride -> BatchNorm -> ReLU
      -> blocks: h + drop(ReLU(BatchNorm(pointwise(depthwise_k(h)))))   one kernel size k each
      -> linear -> logits

    receptive field = stem_kernel + stride * sum(k - 1)   frames
    state           = the last stem_kernel - stride (normalised) frames, and the last k - 1 inputs of each block

After the keyword-spotting networks of Choi et al. 2019 (TC-ResNet) and Majumdar & Ginsburg 2020 (MatchboxNet). The
time axis is the width of a two-dimensional convolution of height 1, channels last: on CPUs by far the fastest depthwise
form, and what the converters for microcontrollers want.
"""

import numpy as np
import torch
from torch import Tensor, nn

from kwsdata.params import DsTcnParams
from kwstrain.models.folding import Builder, Weights
from kwstrain.models.ops import RELU, Graph
from kwstrain.models.streaming import State, StreamingModel, without_first


class DsTcn(StreamingModel):
    """See the module's text."""

    def __init__(self, params: DsTcnParams, silence: np.ndarray, classes: int = 2) -> None:
        super().__init__(silence)
        self.stride, self.classes, n_mels = params.stride, classes, len(silence)
        self.channels = params.channels
        self.receptive_field = params.stem_kernel + params.stride * sum(k - 1 for k in params.kernels)
        self.norm = nn.BatchNorm2d(n_mels, affine=False)  # the stem scales and shifts, and no slope reaches past it
        self.stem = Stem(n_mels, params.channels, params.stem_kernel, params.stride)
        self.blocks = nn.ModuleList([Block(params.channels, k, params.dropout) for k in params.kernels])
        self.head = nn.Conv2d(params.channels, classes, 1)

    def empty_state(self, batch: int) -> State:
        """Return zeros: [batch, n_mels, 1, stem_kernel - stride], then [batch, channels, 1, k - 1] for each block."""
        like = self.head.weight
        stem = like.new_zeros(batch, self.n_mels, 1, self.stem.memory)
        return [stem] + [like.new_zeros(batch, self.channels, 1, block.memory) for block in self._blocks()]

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Continue a stream; see `StreamingModel.forward`."""
        state = self.initial_state(x.shape[0]) if state is None else state
        h, after = self.stem(self._normal(x), state[0])
        new_state = [after]
        for block, past in zip(self._blocks(), state[1:], strict=True):
            h, after = block(h, past)
            new_state.append(after)
        return self._logits(h), new_state

    def window(self, x: Tensor) -> Tensor:
        """Return the logits of decisions that x covers; see `StreamingModel.window`."""
        # Dropped so that the last frame of x is the last frame of the last decision.
        h, _ = self.stem(self._normal(x[:, (x.shape[1] - self.receptive_field) % self.stride :]), None)
        for block in self._blocks():
            h, _ = block(h, None)
        return self._logits(h)

    def macs_per_second(self, hop_s: float) -> float:
        """Return multiply-accumulates a second: stem, depthwise, pointwise and head."""
        stem = self.n_mels * self.channels * self.stem.kernel
        blocks = sum(self.channels * (block.kernel + self.channels) for block in self._blocks())
        return (stem + blocks + self.channels * self.classes) / (hop_s * self.stride)

    @torch.no_grad()
    def fold(self) -> tuple[Graph, Weights]:
        """Return it as operations; see `StreamingModel.fold`."""
        build = Builder()
        h = build.stem(self.norm, self.stem.conv, self.stem.norm, self.stem.memory, clamp=RELU, stride=(1, self.stride))
        for number, block in enumerate(self._blocks()):
            heard = build.remember(h, block.memory)
            wide = build.conv(f"depthwise_{number}", heard, block.depthwise.weight, depthwise=True)
            change = build.conv(f"pointwise_{number}", wide, block.pointwise.weight, norm=block.norm, clamp=RELU)
            h = build.add(f"sum_{number}", change, h, late=block.memory)
        build.score(h, self.head)
        return build.folded(self.silence, self.stride, self.receptive_field, mels_as_channels=True)

    def _blocks(self) -> "list[Block]":
        return [block for block in self.blocks if isinstance(block, Block)]

    def _normal(self, x: Tensor) -> Tensor:
        """Return x [B, T, n_mels] as [B, n_mels, 1, T] (channels last in memory), normalised."""
        return self.norm(x.permute(0, 2, 1).unsqueeze(2))

    def _logits(self, h: Tensor) -> Tensor:
        return self.head(h).squeeze(2).permute(0, 2, 1)


class Stem(nn.Module):
    """Strided convolution over frames and all mels."""

    def __init__(self, n_mels: int, channels: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel, self.memory = kernel, kernel - stride
        self.conv = nn.Conv2d(n_mels, channels, (1, kernel), stride=(1, stride), bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        """Take x [B, n_mels, 1, T] after `past`, return [B, channels, 1, T / stride] and the past to come."""
        heard = x if past is None else torch.cat([past, x], dim=-1)
        return torch.relu(self.norm(self.conv(heard))), heard[..., -self.memory :]


class Block(nn.Module):
    """Residual depthwise-separable convolution."""

    def __init__(self, channels: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.kernel, self.memory = kernel, kernel - 1
        self.depthwise = nn.Conv2d(channels, channels, (1, kernel), groups=channels, bias=False)
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.drop = nn.Dropout2d(dropout)  # whole channels: a few draws a clip

    def forward(self, h: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        """Take h [B, channels, 1, T] after `past`, return the same shape and the past to come."""
        heard = h if past is None else torch.cat([past, h], dim=-1)
        change = self.drop(torch.relu(self.norm(self.pointwise(self.depthwise(heard)))))
        kept = without_first(h, self.memory) if past is None else h
        return kept + change, heard[..., -self.memory :]
