"""A MobileNetV3 over mels and frames: inverted residuals, made to stream.

    x [T, n_mels] -> BatchNorm -> stem: conv 3 mels x stem_kernel frames, stride (2, stride) -> BatchNorm -> h-swish
      -> blocks: [h +] project(excite(act(BatchNorm(depthwise_k(act(BatchNorm(expand(h))))))))   k x k, stride in mels
      -> mean over all mels, then over the last `pool` decisions -> linear -> h-swish -> linear -> logits

    excite(e) = e * hard_sigmoid(linear(ReLU(linear(mean of e over mels))))       at each decision by itself
    receptive field = stem_kernel + stride * (sum(k - 1) + pool - 1)              frames
    state           = the last stem_kernel - stride (normalised) frames, k - 1 inputs of each depthwise convolution, and
                      pool - 1 means

Along mels the convolutions pad with zeros (the stem pads nothing, so that what normalises its input folds into it).
Along frames nothing is padded: the network over a window of `receptive_field` frames is the same number as its last
decision in a stream, which the state makes at the cost of the new frames alone. For that reason the squeeze is over
the mels of one decision, not over the window, and strides over frames are the stem's.

After Howard et al. 2019, Searching for MobileNetV3 (arXiv:1905.02244), and Hu et al. 2018, Squeeze-and-excitation
networks. Linear layers are 1 x 1 convolutions, and every operation is a module of its own, as quantizers want them.
"""

import numpy as np
import torch
from torch import Tensor, nn

from kwsdata.params import MobileNetV3Params
from kwsdata.params.training import InvertedResidualParams
from kwstrain.models.folding import Builder, Weights
from kwstrain.models.ops import HARD_SIGMOID, NO_CLAMP, RELU, Clamp, Graph
from kwstrain.models.streaming import State, StreamingModel, without_first

STEM_MELS, STEM_MEL_STRIDE = 3, 2
SQUEEZE = 4  # channels a squeezed one, as in the paper


class MobileNetV3(StreamingModel):
    """See the module's text."""

    last_layer = "head.logits"

    def __init__(self, params: MobileNetV3Params, silence: np.ndarray, classes: int = 2) -> None:
        super().__init__(silence)
        self.stride, self.classes = params.stride, classes
        steps = sum(block.kernel - 1 for block in params.blocks) + params.pool - 1
        self.receptive_field = params.stem_kernel + params.stride * steps
        self.norm = nn.BatchNorm2d(1, affine=False)
        self.stem = Stem(params.stem_channels, params.stem_kernel, params.stride)
        width, mels, self.blocks = params.stem_channels, self.stem.mels_after(self.n_mels), nn.ModuleList()
        for block in params.blocks:
            self.blocks.append(InvertedResidual(width, mels, block))
            width, mels = block.channels, (mels - 1) // block.mel_stride + 1
        self.head = Head(width, mels, params, classes)

    def empty_state(self, batch: int) -> State:
        """Return zeros: [batch, 1, n_mels, frames], [batch, expand, mels, k - 1] a block, [batch, C, 1, pool - 1]."""
        like = self.head.logits.weight
        shapes = [(1, self.n_mels, self.stem.memory)]
        shapes += [(block.expand_channels, block.mels, block.memory) for block in self._blocks()]
        shapes.append((self.head.channels, 1, self.head.memory))
        return [like.new_zeros(batch, *shape) for shape in shapes if shape[-1]]

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Continue a stream; see `StreamingModel.forward`."""
        past = iter(self.initial_state(x.shape[0]) if state is None else state)
        h, new_state = self._normal(x), []
        for part in self._parts():
            h, after = part(h, next(past) if part.memory else None)
            if part.memory:
                new_state.append(after)
        return h.squeeze(2).permute(0, 2, 1), new_state

    def window(self, x: Tensor) -> Tensor:
        """Return the logits of decisions that x covers; see `StreamingModel.window`."""
        # Dropped so that the last frame of x is the last frame of the last decision.
        h = self._normal(x[:, (x.shape[1] - self.receptive_field) % self.stride :])
        for part in self._parts():
            h, _ = part(h, None)
        return h.squeeze(2).permute(0, 2, 1)

    def macs_per_second(self, hop_s: float) -> float:
        """Return multiply-accumulates a second: stem, blocks and head; products of gates are not counted."""
        total = self.stem.conv.weight.numel() * self.stem.mels_after(self.n_mels)
        total += sum(block.macs for block in self._blocks())
        total += self.head.hidden.weight.numel() + self.head.logits.weight.numel()
        return total / (hop_s * self.stride)

    @torch.no_grad()
    def fold(self) -> tuple[Graph, Weights]:
        """Return it as operations; see `StreamingModel.fold`."""
        build, stem, head = Builder(), self.stem, self.head
        h = build.stem(self.norm, stem.conv, stem.norm, stem.memory, stride=stem.conv.stride)
        h = build.activation(stem.activation, h, stem.conv.out_channels)
        for number, block in enumerate(self._blocks()):
            h = block.fold(build, f"block_{number}", h)
        mean = build.mean("mean_mels", h, head.channels, mels=_pooled_mels(head.mean_mels))
        if head.memory:
            heard = build.remember(mean, head.memory)
            mean = build.mean("mean_decisions", heard, head.channels, frames=head.memory + 1)
        hidden = build.conv("hidden", mean, head.hidden.weight, head.hidden.bias)
        build.score(build.activation(head.activation, hidden, head.hidden.out_channels), head.logits)
        return build.folded(self.silence, self.stride, self.receptive_field, mels_as_channels=False)

    def _blocks(self) -> "list[InvertedResidual]":
        return [block for block in self.blocks if isinstance(block, InvertedResidual)]

    def _parts(self) -> "list[Stem | InvertedResidual | Head]":
        return [self.stem, *self._blocks(), self.head]

    def _normal(self, x: Tensor) -> Tensor:
        """Return x [B, T, n_mels] as [B, 1, n_mels, T], normalised."""
        return self.norm(x.permute(0, 2, 1).unsqueeze(1))


class Stem(nn.Module):
    """Strided convolution over mels and frames."""

    def __init__(self, channels: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.memory = kernel - stride
        self.conv = nn.Conv2d(1, channels, (STEM_MELS, kernel), stride=(STEM_MEL_STRIDE, stride), bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.activation = nn.Hardswish()

    def mels_after(self, mels: int) -> int:
        """Return how many of `mels` are left."""
        return (mels - STEM_MELS) // STEM_MEL_STRIDE + 1

    def forward(self, x: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        """Take x [B, 1, n_mels, T] after `past`, return [B, channels, mels, T / stride] and the past to come."""
        heard = x if past is None else torch.cat([past, x], dim=-1)
        h = self.activation(self.norm(self.conv(heard)))
        return h.contiguous(memory_format=torch.channels_last), heard[..., heard.shape[-1] - self.memory :]


class InvertedResidual(nn.Module):
    """Widen, convolve each channel, weigh the channels, narrow; and add the input where the shapes agree."""

    def __init__(self, width: int, mels: int, params: InvertedResidualParams) -> None:
        super().__init__()
        kernel, wide = params.kernel, params.expand
        self.memory, self.expand_channels = kernel - 1, wide
        self.mels, self.mels_after = mels, (mels - 1) // params.mel_stride + 1
        self.residual = params.mel_stride == 1 and width == params.channels
        self.expand = nn.Conv2d(width, wide, 1, bias=False)
        self.expand_norm = nn.BatchNorm2d(wide)
        self.expand_activation = _activation(params.activation)
        self.depthwise = nn.Conv2d(
            wide,
            wide,
            kernel,
            stride=(params.mel_stride, 1),
            padding=(kernel // 2, 0),
            groups=wide,
            bias=False,
        )
        self.depthwise_norm = nn.BatchNorm2d(wide)
        self.depthwise_activation = _activation(params.activation)
        self.excite = Excite(wide, self.mels_after) if params.squeeze else nn.Identity()
        self.project = nn.Conv2d(wide, params.channels, 1, bias=False)
        self.project_norm = nn.BatchNorm2d(params.channels)

    @property
    def macs(self) -> int:
        """Multiply-accumulates a decision."""
        after = self.depthwise.weight.numel() + self.project.weight.numel()
        gates = self.excite.macs if isinstance(self.excite, Excite) else 0
        return self.expand.weight.numel() * self.mels + after * self.mels_after + gates

    def forward(self, h: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        """Take h [B, width, mels, T] after `past`, return [B, channels, mels / mel_stride, T] and the past to come."""
        wide = self.expand_activation(self.expand_norm(self.expand(h)))
        heard = wide if past is None else torch.cat([past, wide], dim=-1)
        made = self.excite(self.depthwise_activation(self.depthwise_norm(self.depthwise(heard))))
        made = self.project_norm(self.project(made))
        if self.residual:
            made = made + (without_first(h, self.memory) if past is None else h)
        return made, heard[..., heard.shape[-1] - self.memory :]

    def fold(self, build: Builder, name: str, h: str) -> str:
        """Add its operations to `build`, on the tensor `h`; return the name of what it gives."""
        clamp, wide = _clamp(self.expand_activation), self.expand_channels
        expanded = build.conv(f"{name}_expand", h, self.expand.weight, norm=self.expand_norm, clamp=clamp)
        heard = build.remember(build.activation(self.expand_activation, expanded, wide), self.memory)
        made = build.conv(
            f"{name}_depthwise",
            heard,
            self.depthwise.weight,
            norm=self.depthwise_norm,
            clamp=clamp,
            stride=self.depthwise.stride,
            pad=self.depthwise.padding[0],
            depthwise=True,
        )
        made = build.activation(self.depthwise_activation, made, wide)
        if isinstance(self.excite, Excite):
            made = self.excite.fold(build, name, made, wide)
        made = build.conv(f"{name}_project", made, self.project.weight, norm=self.project_norm)
        return build.add(f"{name}_sum", made, h, late=self.memory) if self.residual else made


class Excite(nn.Module):
    """Weigh each channel by what all mels of the decision say: squeeze and excite."""

    def __init__(self, channels: int, mels: int) -> None:
        super().__init__()
        self.mean = nn.AvgPool2d((mels, 1))
        self.squeeze = nn.Conv2d(channels, max(1, channels // SQUEEZE), 1)
        self.activation = nn.ReLU()
        self.excite = nn.Conv2d(self.squeeze.out_channels, channels, 1)
        self.gate = nn.Hardsigmoid()

    @property
    def macs(self) -> int:
        """Multiply-accumulates a decision."""
        return self.squeeze.weight.numel() + self.excite.weight.numel()

    def forward(self, h: Tensor) -> Tensor:
        """Return h [B, channels, mels, T] with its channels weighed."""
        return h * self.gate(self.excite(self.activation(self.squeeze(self.mean(h)))))

    def fold(self, build: Builder, name: str, source: str, channels: int) -> str:
        """Add its operations to `build`, on the tensor `source`; return the name of what it gives."""
        mean = build.mean(f"{name}_mean", source, channels, mels=_pooled_mels(self.mean))
        squeezed = build.conv(f"{name}_squeeze", mean, self.squeeze.weight, self.squeeze.bias, clamp=RELU)
        assert self.excite.bias is not None
        weight, bias = self.excite.weight / 6, self.excite.bias / 6 + 0.5
        gate = build.conv(f"{name}_excite", squeezed, weight, bias, clamp=HARD_SIGMOID)
        return build.multiply(f"{name}_excited", source, gate)


class Head(nn.Module):
    """The mean over mels and over the last decisions, and two linear layers."""

    def __init__(self, channels: int, mels: int, params: MobileNetV3Params, classes: int) -> None:
        super().__init__()
        self.channels, self.memory = channels, params.pool - 1
        self.mean_mels = nn.AvgPool2d((mels, 1))
        self.mean_decisions = nn.AvgPool2d((1, params.pool), stride=1)
        self.hidden = nn.Conv2d(channels, params.head_channels, 1)
        self.activation = nn.Hardswish()
        self.drop = nn.Dropout2d(params.dropout)
        self.logits = nn.Conv2d(params.head_channels, classes, 1)

    def forward(self, h: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        """Take h [B, channels, mels, T] after `past`, return logits [B, classes, 1, T] and the past to come."""
        mean = self.mean_mels(h)
        heard = mean if past is None else torch.cat([past, mean], dim=-1)
        hidden = self.drop(self.activation(self.hidden(self.mean_decisions(heard))))
        return self.logits(hidden), heard[..., heard.shape[-1] - self.memory :]


def _activation(name: str) -> nn.Module:
    return nn.ReLU() if name == "relu" else nn.Hardswish()


def _clamp(activation: nn.Module) -> Clamp:
    return RELU if isinstance(activation, nn.ReLU) else NO_CLAMP


def _pooled_mels(pool: nn.AvgPool2d) -> int:
    """Return over how many mels `pool` takes the mean."""
    size = pool.kernel_size
    return int(size[0] if isinstance(size, tuple) else size)
