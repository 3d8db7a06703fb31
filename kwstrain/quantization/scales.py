"""Scales of 8-bit integers: real = scale (q - zero).

Activations: asymmetric, one scale and zero a tensor, q in [-128, 127]; 0 is always one of the numbers, so that padding
and clamping at 0 are exact. Weights: symmetric, one scale an output channel, q in [-127, 127]. Biases: int32 in units
of input scale x weight scale. After Jacob et al. 2018 (arXiv:1712.05877); the rules of TFLite's 8-bit specification.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from kwstrain.models.ops import Add, Graph, Remember

LOW, HIGH = -128, 127
WEIGHT_HIGH = 127
SMALLEST = 1e-6  # of a weight's scale: runtimes refuse far smaller ones, which only a dead channel has
BIAS_HIGH = 1 << 22  # of a bias: keeps sums far from the ends of int32, and whole in float32


class Scale(NamedTuple):
    """Of an activation. `scale` is a float32 number."""

    scale: float
    zero: int

    @property
    def low(self) -> float:
        """The lowest number that it can stand for."""
        return self.scale * (LOW - self.zero)

    @property
    def high(self) -> float:
        """The highest number that it can stand for."""
        return self.scale * (HIGH - self.zero)

    def quantized(self, x: np.ndarray) -> np.ndarray:
        """Return int8 q of real `x`, halves to even; what lies outside becomes the nearest end."""
        q = np.rint(np.asarray(x, np.float32) / np.float32(self.scale)) + self.zero
        return np.clip(q, LOW, HIGH).astype(np.int8)


SCORE = Scale(1 / 256, LOW)  # TFLite's LOGISTIC gives no other


def scale_of(low: float, high: float) -> Scale:
    """Return the scale that reaches from `low` to `high`, widened to hold 0.

    Raises:
        ValueError: the range is not finite or holds nothing but 0.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    if not (np.isfinite(low) and np.isfinite(high) and high > low):
        raise ValueError(f"[{low:g}, {high:g}] is no range of activations: the network gives constants or NaN.")
    scale = float(np.float32((high - low) / (HIGH - LOW)))
    return Scale(scale, int(np.clip(round(LOW - low / scale), LOW, HIGH)))


def weight_scales(weight: Tensor, bias: Tensor, source: Scale) -> Tensor:
    """Return the scale of each output channel: float32 [out] of weights [out, ...] and bias [out]."""
    reach = weight.detach().abs().flatten(1).amax(1) / WEIGHT_HIGH
    return torch.maximum(reach, bias.detach().abs() / (source.scale * BIAS_HIGH)).clamp_min(SMALLEST)


def joined(graph: Graph) -> dict[str, str]:
    """Return {tensor: one of those it shares a scale with}: a sum's operands and result, a memory and what it holds."""
    found = {name: name for name in graph.shapes}

    def first(name: str) -> str:
        return name if found[name] == name else first(found[name])

    for op in graph.ops:
        if isinstance(op, (Add, Remember)):
            for name in (op.source, op.other) if isinstance(op, Add) else (op.source,):
                found[first(name)] = first(op.name)
    return {name: first(name) for name in found}


def scales_of(graph: Graph, ranges: dict[str, tuple[float, float]]) -> dict[str, Scale]:
    """Return the scale of every tensor of `graph` that reaches over its range.

    The operands and the result of an `Add` get one scale, over all their ranges: adding then rounds nothing, in any
    runtime. What a memory gives has the scale of what it was given.
    """
    first = joined(graph)
    reach: dict[str, tuple[float, float]] = {}
    for name, (low, high) in ranges.items():
        before = reach.get(first[name], (0.0, 0.0))
        reach[first[name]] = min(low, before[0]), max(high, before[1])
    scales = {name: scale_of(*reach[first[name]]) for name in ranges}
    scales |= {memory.name: scales[memory.source] for memory in graph.memories}
    return scales | {graph.ops[-1].name: SCORE}
