"""Fold a trained student to a list of operations; one function a family of models.

A batch normalisation n after a convolution is folded by w' = a w, b' = a (b - mean) + shift, with
a = slope / sqrt(variance + eps); the one before the stem by dividing the stem's input weights and moving its bias. The
stream then remembers frames as they come, not normalised ones. Two classes become one: softmax(z)_1 = sigmoid(z_1 -
z_0).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from kwstrain.models import DsTcn, MobileNetV3, StreamingModel
from kwstrain.models.mobilenet import Excite, InvertedResidual
from kwstrain.quantization.ops import (
    FEATURES,
    HARD_SIGMOID,
    NO_CLAMP,
    RELU,
    Add,
    Clamp,
    Conv,
    Graph,
    Mul,
    Op,
    Remember,
    Sigmoid,
)

Weights = dict[str, tuple[Tensor, Tensor]]  # of each convolution: [out, in / groups, mels, frames] and [out]


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
        self.ops.append(Mul(f"{source}_swish", source, gate))
        return f"{source}_swish"

    def graph(self, model: StreamingModel, mels_as_channels: bool) -> Graph:
        """Return the graph of all that was added."""
        silence = tuple(float(value) for value in model.silence)
        return Graph(silence, mels_as_channels, model.stride, model.receptive_field, tuple(self.ops))


@torch.no_grad()
def fold(model: StreamingModel) -> tuple[Graph, Weights]:
    """Return `model` as operations and their weights.

    Raises:
        TypeError: its family has no folded form: add one to `FOLDS`.
    """
    if type(model) not in FOLDS:
        raise TypeError(f"{type(model).__name__} has no folded form: add one to kwstrain.quantization.fold.FOLDS.")
    return FOLDS[type(model)](model)


def fold_norm(weight: Tensor, bias: Tensor, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return the weights and bias of a convolution and the normalisation after it."""
    slope, mean = _slope_and_mean(norm)
    return weight * slope.view(-1, 1, 1, 1), (bias - mean) * slope + norm.bias


def _slope_and_mean(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    assert norm.running_mean is not None and norm.running_var is not None
    slope = torch.rsqrt(norm.running_var + norm.eps)
    return slope if norm.weight is None else slope * norm.weight, norm.running_mean


def _stem(build: Builder, model: DsTcn | MobileNetV3, clamp: Clamp, stride: tuple[int, int]) -> str:
    """Add the stem with the normalisation before and after it; return its name."""
    slope, mean = _slope_and_mean(model.norm)
    weight, bias = fold_norm(model.stem.conv.weight, torch.zeros(len(model.stem.conv.weight)), model.stem.norm)
    weight = weight * slope.view(1, -1, 1, 1)
    bias = bias - (weight * mean.view(1, -1, 1, 1)).sum((1, 2, 3))
    heard = build.remember(FEATURES, model.stem.memory)
    return build.conv("stem", heard, weight, bias, clamp=clamp, stride=stride)


def _logit(build: Builder, source: str, head: nn.Conv2d) -> None:
    """Add the difference of the two classes and its sigmoid."""
    assert head.bias is not None and len(head.weight) == 2
    weight, bias = head.weight[1:] - head.weight[:1], head.bias[1:] - head.bias[:1]
    build.ops.append(Sigmoid("score", build.conv("logit", source, weight, bias)))


def fold_dstcn(model: DsTcn) -> tuple[Graph, Weights]:
    """Return a `DsTcn` folded."""
    build = Builder()
    h = _stem(build, model, RELU, (1, model.stride))
    for number, block in enumerate(model._blocks()):
        heard = build.remember(h, block.memory)
        wide = build.conv(f"depthwise_{number}", heard, block.depthwise.weight, depthwise=True)
        change = build.conv(f"pointwise_{number}", wide, block.pointwise.weight, norm=block.norm, clamp=RELU)
        build.ops.append(Add(f"sum_{number}", change, h, block.memory))
        h = f"sum_{number}"
    _logit(build, h, model.head)
    return build.graph(model, mels_as_channels=True), build.weights


def fold_mobilenet(model: MobileNetV3) -> tuple[Graph, Weights]:
    """Return a `MobileNetV3` folded."""
    build = Builder()
    h = _stem(build, model, NO_CLAMP, model.stem.conv.stride)  # type: ignore[arg-type]
    h = build.activation(model.stem.activation, h, model.stem.conv.out_channels)
    for number, block in enumerate(model._blocks()):
        h = _inverted_residual(build, f"block_{number}", h, block)
    head = model.head
    mean = build.mean("mean_mels", h, head.channels, mels=_pooled_mels(head.mean_mels))
    if head.memory:
        mean = build.mean("mean_decisions", build.remember(mean, head.memory), head.channels, frames=head.memory + 1)
    hidden = build.conv("hidden", mean, head.hidden.weight, head.hidden.bias)
    hidden = build.activation(head.activation, hidden, head.hidden.out_channels)
    _logit(build, hidden, head.logits)
    return build.graph(model, mels_as_channels=False), build.weights


def _inverted_residual(build: Builder, name: str, h: str, block: InvertedResidual) -> str:
    clamp, wide = _clamp(block.expand_activation), block.expand_channels
    expanded = build.conv(f"{name}_expand", h, block.expand.weight, norm=block.expand_norm, clamp=clamp)
    heard = build.remember(build.activation(block.expand_activation, expanded, wide), block.memory)
    made = build.conv(
        f"{name}_depthwise",
        heard,
        block.depthwise.weight,
        norm=block.depthwise_norm,
        clamp=clamp,
        stride=block.depthwise.stride,
        pad=block.depthwise.padding[0],
        depthwise=True,
    )
    made = build.activation(block.depthwise_activation, made, wide)
    if isinstance(block.excite, Excite):
        made = _excite(build, name, made, block.excite, wide)
    made = build.conv(f"{name}_project", made, block.project.weight, norm=block.project_norm)
    if block.residual:
        build.ops.append(Add(f"{name}_sum", made, h, block.memory))
        made = f"{name}_sum"
    return made


def _excite(build: Builder, name: str, source: str, excite: Excite, channels: int) -> str:
    mean = build.mean(f"{name}_mean", source, channels, mels=_pooled_mels(excite.mean))
    squeezed = build.conv(f"{name}_squeeze", mean, excite.squeeze.weight, excite.squeeze.bias, clamp=RELU)
    assert excite.excite.bias is not None
    weight, bias = excite.excite.weight / 6, excite.excite.bias / 6 + 0.5
    gate = build.conv(f"{name}_excite", squeezed, weight, bias, clamp=HARD_SIGMOID)
    build.ops.append(Mul(f"{name}_excited", source, gate))
    return f"{name}_excited"


def _clamp(activation: nn.Module) -> Clamp:
    return RELU if isinstance(activation, nn.ReLU) else NO_CLAMP


def _pooled_mels(pool: nn.AvgPool2d) -> int:
    """Return over how many mels `pool` takes the mean."""
    size = pool.kernel_size
    return int(size[0] if isinstance(size, tuple) else size)


FOLDS: dict[type, Callable[[Any], tuple[Graph, Weights]]] = {DsTcn: fold_dstcn, MobileNetV3: fold_mobilenet}
