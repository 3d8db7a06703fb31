"""Choose the ends of a tensor's int8 scale from a histogram of its values.

    min_max      at the least and the greatest value seen
    percentile   where a share `percentile` % of the values lies below the high end, and as many above the low end
    mse          where the mean square error of rounding and clipping is least, over both ends drawn in together

Every range holds 0. Min-max and entropy-free clipping as compared by Wu et al. 2020 (arXiv:2004.09602).
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from kwstrain.quantization.scales import scale_of

BINS = 2048
SHRINKS = np.linspace(1.0, 0.2, 81)  # tried by `mse`, of both ends

Range = tuple[float, float]


class Histogram:
    """Counts of a tensor's values in even bins. Give every batch to `widen` first, then every batch to `add`."""

    def __init__(self) -> None:
        self.low = self.high = 0.0
        self.counts = np.zeros(BINS)

    def widen(self, values: Tensor) -> None:
        """Let the bins reach over `values`."""
        self.low = min(self.low, float(values.min()))
        self.high = max(self.high, float(values.max()))

    def add(self, values: Tensor) -> None:
        """Count `values`."""
        if self.high > self.low:
            self.counts += torch.histc(values.flatten().float(), BINS, self.low, self.high).numpy()

    @property
    def edges(self) -> np.ndarray:
        """The bins' ends: float64 [BINS + 1]."""
        return np.linspace(self.low, self.high, BINS + 1)


def min_max(seen: Histogram, percentile: float) -> Range:
    """Return the least and the greatest value; see the module's text."""
    return seen.low, seen.high


def percentile(seen: Histogram, percentile: float) -> Range:
    """Return the ends that cut off the same small share; see the module's text."""
    share = np.concatenate([[0.0], np.cumsum(seen.counts) / max(seen.counts.sum(), 1.0)])
    high = float(np.interp(percentile / 100, share, seen.edges))
    low = float(np.interp(1 - percentile / 100, share, seen.edges))
    return min(low, 0.0), max(high, 0.0)


def mse(seen: Histogram, percentile: float) -> Range:
    """Return the ends of least error; see the module's text."""
    centres = (seen.edges[:-1] + seen.edges[1:]) / 2
    best, least = (seen.low, seen.high), np.inf
    for shrink in SHRINKS:
        low, high = seen.low * shrink, seen.high * shrink
        scale, zero = scale_of(low, high)
        held = scale * (np.clip(np.rint(centres / scale) + zero, -128, 127) - zero)
        error = float(seen.counts @ np.square(centres - held))
        if error < least:
            best, least = (low, high), error
    return best


OBSERVERS: dict[str, Callable[[Histogram, float], Range]] = {"min_max": min_max, "percentile": percentile, "mse": mse}
