"""Add operations and weights one by one: what each family of students folds itself with.

A batch normalisation n after a convolution is folded by w' = a w, b' = a (b - mean) + shift, with
a = slope / sqrt(variance + eps); the one before the stem by dividing the stem's input weights and moving its bias. The
stream then remembers frames as they come, not normalised ones. Two classes become one: softmax(z)_1 = sigmoid(z_1 -
z_0).
"""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from kwstrain.models.ops import (
    FEATURES,
    HARD_SIGMOID,
    NO_CLAMP,
    Add,
    Clamp,
    Conv,
    Graph,
    Mul,
    Op,
    Remember,
    Sigmoid,
)

Weights: TypeAlias = dict[str, tuple[Tensor, Tensor]]  # of each convolution: [out, in / groups, mels, frames] and [out]


@dataclass
class Builder:
    """Operations and weights as they are added."""

    ops: list[Op] = field(default_factory=list)
    weights: Weights = field(default_factory=dict)

    def conv(
        self,
        name: str,
        source: str,
        weight: Tensor,
        bias: Tensor | None = None,
        norm: nn.BatchNorm2d | None = None,
        clamp: Clamp = NO_CLAMP,
        **fields: Any,
    ) -> str:
        """Add a convolution, `norm` folded in; return its name."""
        bias = weight.new_zeros(len(weight)) if bias is None else bias
        if norm is not None:
            weight, bias = fold_norm(weight, bias, norm)
        self.weights[name] = weight.clone(), bias.clone()
        kernel = (weight.shape[2], weight.shape[3])
        self.ops.append(Conv(name, source, len(weight), kernel, clamp=clamp, **fields))
        return name

    def mean(self, name: str, source: str, channels: int, mels: int = 1, frames: int = 1) -> str:
        """Add the mean over `mels` mels and `frames` frames."""
        weight = torch.full((channels, 1, mels, frames), 1 / (mels * frames))
        return self.conv(name, source, weight, depthwise=True, learned=False)

    def add(self, name: str, source: str, other: str, late: int) -> str:
        """Add a sum with `other`, which over a clip is `late` frames longer; return its name."""
        self.ops.append(Add(name, source, other, late))
        return name

    def multiply(self, name: str, source: str, other: str) -> str:
        """Add a product with `other`, one number a channel and frame; return its name."""
        self.ops.append(Mul(name, source, other))
        return name

    def remember(self, source: str, frames: int) -> str:
        """Add a memory of `frames` frames, nothing where that is 0; return the name of what then is heard."""
        if not frames:
            return source
        self.ops.append(Remember(f"{source}_heard", source, frames))
        return self.ops[-1].name

    def activation(self, module: nn.Module, source: str, channels: int) -> str:
        """Add what a hard swish does beyond the convolution `source`; a ReLU is its convolution's clamp."""
        if isinstance(module, nn.ReLU):
            return source
        if not isinstance(module, nn.Hardswish):
            raise TypeError(f"{type(module).__name__} has no folded form.")
        sixth, half = torch.full((channels, 1, 1, 1), 1 / 6), torch.full((channels,), 0.5)
        gate = self.conv(f"{source}_gate", source, sixth, half, clamp=HARD_SIGMOID, depthwise=True, learned=False)
        return self.multiply(f"{source}_swish", source, gate)

    def stem(
        self,
        before: nn.BatchNorm2d,
        conv: nn.Conv2d,
        after: nn.BatchNorm2d,
        frames: int,
        clamp: Clamp = NO_CLAMP,
        **fields: Any,
    ) -> str:
        """Add the first convolution, which has heard `frames` frames, with the normalisations around it."""
        slope, mean = _slope_and_mean(before)
        weight, bias = fold_norm(conv.weight, torch.zeros(len(conv.weight)), after)
        weight = weight * slope.view(1, -1, 1, 1)
        bias = bias - (weight * mean.view(1, -1, 1, 1)).sum((1, 2, 3))
        return self.conv("stem", self.remember(FEATURES, frames), weight, bias, clamp=clamp, **fields)

    def score(self, source: str, logits: nn.Conv2d) -> None:
        """Add the difference of the two classes that `logits` [2, channels, 1, 1] gives, and its sigmoid."""
        assert logits.bias is not None and len(logits.weight) == 2
        weight, bias = logits.weight[1:] - logits.weight[:1], logits.bias[1:] - logits.bias[:1]
        self.ops.append(Sigmoid("score", self.conv("logit", source, weight, bias)))

    def folded(
        self, silence: Tensor, stride: int, receptive_field: int, mels_as_channels: bool
    ) -> tuple[Graph, Weights]:
        """Return the graph of all that was added, and its weights; the numbers are those of `StreamingModel`."""
        frame = tuple(float(value) for value in silence)
        return Graph(frame, mels_as_channels, stride, receptive_field, tuple(self.ops)), self.weights


def fold_norm(weight: Tensor, bias: Tensor, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return the weights and bias of a convolution and the normalisation after it."""
    slope, mean = _slope_and_mean(norm)
    return weight * slope.view(-1, 1, 1, 1), (bias - mean) * slope + norm.bias


def _slope_and_mean(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    assert norm.running_mean is not None and norm.running_var is not None
    slope = torch.rsqrt(norm.running_var + norm.eps)
    return slope if norm.weight is None else slope * norm.weight, norm.running_mean
