"""Measure each tensor's rounding noise and the share of values cut off.

SQNR        10 log10(sum f^2 / sum (f - q)^2) in dB: f in float, q in int8, both of the same weights and sound; the
            noise of all that comes before is in q
saturation  the share of f beyond the ends of its scale (by more than half a step)

The log-odds' scale ends 8 beyond the threshold on either side by design: most of silence lies further down, where the
score is 0 either way, and counts as noise and saturation of that tensor alone.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from kwstrain.quantization.network import FoldedStudent

DECISIONS = 2000  # at a time


def layer_rows(network: FoldedStudent, frames: np.ndarray) -> list[dict[str, Any]]:
    """Return one row a tensor, in order, over a stream of `frames` float32 [frames, n_mels]."""
    assert network.scales is not None
    weights = {name: (network.weights[name].detach(), network.biases[name].detach()) for name in network.weights}
    exact = FoldedStudent(network.graph, weights).eval()
    sums: dict[str, np.ndarray] = {}  # of signal, noise, values beyond, values
    state = rounded_state = None
    step = DECISIONS * network.stride
    with torch.inference_mode():
        for start in range(0, len(frames) // network.stride * network.stride, step):
            piece = torch.from_numpy(frames[start : start + step])
            piece = piece[: len(piece) // network.stride * network.stride][None]
            reals: dict[str, Tensor] = {}
            exact.watch = reals.__setitem__
            _, state = exact(piece, state)
            rounded: dict[str, Tensor] = {}
            network.watch = rounded.__setitem__
            _, rounded_state = network(piece, rounded_state)
            for name, real in reals.items():
                sums[name] = sums.get(name, np.zeros(4)) + _sums(real, rounded[name], network.scales[name])
    network.watch = None
    return [
        {
            "tensor": name,
            "sqnr_db": round(float(10 * np.log10(signal / max(noise, 1e-30))), 2) if signal > 0 else None,
            "saturation": beyond / count,
            "scale": network.scales[name].scale,
            "zero": network.scales[name].zero,
        }
        for name, (signal, noise, beyond, count) in sums.items()
    ]


def _sums(real: Tensor, rounded: Tensor, scale: Any) -> np.ndarray:
    half = scale.scale / 2
    beyond = ((real > scale.high + half) | (real < scale.low - half)).sum()
    wide = real.double()
    return np.asarray([wide.square().sum(), (wide - rounded.double()).square().sum(), beyond, real.numel()], np.float64)
