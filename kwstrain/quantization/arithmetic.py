"""Compute a folded network in float, with fake quantization, or in integers.

    Float      as written
    Fake       every tensor rounded to the numbers its int8 form can hold; slopes pass the rounding as if it were not
               there, and are 0 outside the range (Jacob et al. 2018, arXiv:1712.05877). What training runs
    Integer    what int8 kernels do: sums of products of whole numbers, then one multiplication and one rounding,
               halves to even. Its tensors are q - zero, whole numbers in float32, exact below 2^24

`Integer` is `Fake` without the rounding errors of float sums, and is what onnxruntime and TFLite (XNNPACK) compute, bit
for bit, provided the operands and the result of an `Add` share one scale: then adding rounds nothing.
"""

from typing import Protocol, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from kwstrain.models.ops import RELU, Add, Conv, Graph, Mul
from kwstrain.quantization.scales import HIGH, LOW, WEIGHT_HIGH, Scale, weight_scales

Scales: TypeAlias = dict[str, Scale]


class Arithmetic(Protocol):
    """How tensors are made. Shapes are [B, channels, mels, frames]; `real` is the number a tensor stands for."""

    def given(self, name: str, value: Tensor) -> Tensor:
        """Return the tensor `name` of real `value`: an input, or what a memory starts with."""

    def conv(self, op: Conv, source: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Return a convolution of `source` by real `weight` and `bias`."""

    def add(self, op: Add, source: Tensor, other: Tensor) -> Tensor:
        """Return the sum."""

    def mul(self, op: Mul, source: Tensor, other: Tensor) -> Tensor:
        """Return the product."""

    def real(self, name: str, tensor: Tensor) -> Tensor:
        """Return what `tensor` stands for."""


class Float:
    """See the module's text."""

    def given(self, name: str, value: Tensor) -> Tensor:
        """Return `value`."""
        return value

    def conv(self, op: Conv, source: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Return the convolution, clamped."""
        y = _convolved(op, source, weight, bias)
        if op.clamp == RELU:
            return torch.relu(y)
        return y if op.clamp == (None, None) else torch.clamp(y, *op.clamp)

    def add(self, op: Add, source: Tensor, other: Tensor) -> Tensor:
        """Return the sum."""
        return source + other

    def mul(self, op: Mul, source: Tensor, other: Tensor) -> Tensor:
        """Return the product."""
        return source * other

    def real(self, name: str, tensor: Tensor) -> Tensor:
        """Return `tensor`."""
        return tensor


class Fake(Float):
    """See the module's text. The log-odds stay as they are: what is far too sure can still be told so."""

    def __init__(self, graph: Graph, scales: Scales) -> None:
        self._scales, self._logit = scales, graph.logit

    def given(self, name: str, value: Tensor) -> Tensor:
        """Return `value`, rounded."""
        if name == self._logit:
            return value
        scale, zero = self._scales[name]
        return torch.fake_quantize_per_tensor_affine(value, scale, zero, LOW, HIGH)

    def conv(self, op: Conv, source: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Return the convolution by rounded weights, clamped and rounded."""
        scales = weight_scales(weight, bias, self._scales[op.source])
        zeros = torch.zeros_like(scales, dtype=torch.int32)
        weight = torch.fake_quantize_per_channel_affine(weight, scales, zeros, 0, -WEIGHT_HIGH, WEIGHT_HIGH)
        return self.given(op.name, super().conv(op, source, weight, bias))

    def add(self, op: Add, source: Tensor, other: Tensor) -> Tensor:
        """Return the sum, rounded."""
        return self.given(op.name, source + other)

    def mul(self, op: Mul, source: Tensor, other: Tensor) -> Tensor:
        """Return the product, rounded."""
        return self.given(op.name, source * other)


class Integer:
    """See the module's text."""

    def __init__(self, scales: Scales) -> None:
        self._scales = scales

    def given(self, name: str, value: Tensor) -> Tensor:
        """Return `value` in whole steps."""
        return self._rounded(name, value / torch.tensor(self._scales[name].scale, dtype=torch.float32))

    def conv(self, op: Conv, source: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Return the convolution; the ends of its scale are its clamps."""
        own, unit = self._scales[op.name], self._scales[op.source]
        steps, scale, offset = whole(weight, bias, unit)
        factor = scale * unit.scale / torch.tensor(own.scale, dtype=torch.float32)
        return self._rounded(op.name, _convolved(op, source, steps, offset) * factor.view(1, -1, 1, 1))

    def add(self, op: Add, source: Tensor, other: Tensor) -> Tensor:
        """Return the sum of two tensors of the result's own scale."""
        return self._rounded(op.name, source + other)

    def mul(self, op: Mul, source: Tensor, other: Tensor) -> Tensor:
        """Return the product."""
        one, two, own = (self._scales[name].scale for name in (op.source, op.other, op.name))
        return self._rounded(op.name, source * other * torch.tensor(one * two / own, dtype=torch.float32))

    def real(self, name: str, tensor: Tensor) -> Tensor:
        """Return what `tensor` stands for."""
        return tensor * self._scales[name].scale

    def _rounded(self, name: str, steps: Tensor) -> Tensor:
        zero = self._scales[name].zero
        return torch.clamp(torch.round(steps), LOW - zero, HIGH - zero)


def whole(weight: Tensor, bias: Tensor, source: Scale) -> tuple[Tensor, Tensor, Tensor]:
    """Return weights in whole steps, the step of each output channel, and the bias in steps of both scales' product."""
    weight, bias = weight.detach(), bias.detach()
    scale = weight_scales(weight, bias, source)
    steps = torch.clamp(torch.round(weight / scale.view(-1, 1, 1, 1)), -WEIGHT_HIGH, WEIGHT_HIGH)
    return steps, scale, torch.round(bias / (scale * source.scale))


def _convolved(op: Conv, source: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    groups = op.channels if op.depthwise else 1
    return F.conv2d(source, weight, bias, stride=op.stride, padding=(op.pad, 0), groups=groups)
