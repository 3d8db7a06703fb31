"""Give every channel of a sum the same range before it is quantized; what the network computes stays the same.

A tensor has one int8 scale, so a channel that reaches half as far as the widest is rounded twice as coarsely. Channel c
of all that is added up is divided by e[c], and what hears it multiplies by e[c]: exact in real numbers, where only sums
and ReLUs lie between (M. Nagel et al. 2019, arXiv:1906.04721, section 4.1). It is done where it costs nothing: where
what hears the sum is depthwise, whose weights have a scale a channel, or gives the log-odds.
"""

from collections import defaultdict
from collections.abc import Mapping

import torch
from torch import Tensor

from kwstrain.models.folding import Weights
from kwstrain.models.ops import FEATURES, NO_CLAMP, RELU, Add, Conv, Graph, Remember
from kwstrain.quantization.scales import joined

NARROWEST = 1 / 16  # of a channel's range to the widest: one that hardly ever sounds is not blown up by more


def equalized(graph: Graph, weights: Weights, reach: Mapping[str, Tensor]) -> Weights:
    """Return `weights` with which every channel of a sum reaches equally far.

    Args:
        graph: of a folded student.
        weights: of its convolutions.
        reach: the greatest absolute value of each channel of what each operation makes, float [channels], over
            typical sound; memories have that of what they hold.
    """
    weights = dict(weights)
    for members in _sums(graph):
        widest = torch.stack([reach[name] for name in members if name in reach]).amax(0)
        share = (widest / widest.max()).clamp_min(NARROWEST)
        for conv in graph.convs:
            weight, bias = weights[conv.name]
            if conv.source in members:
                weight = weight * share.view((-1, 1, 1, 1) if conv.depthwise else (1, -1, 1, 1))
            if conv.name in members:
                weight, bias = weight / share.view(-1, 1, 1, 1), bias / share
            weights[conv.name] = weight, bias
    return weights


def _sums(graph: Graph) -> list[set[str]]:
    """Return the sets of tensors that sums join, of those where channels can be scaled at no cost."""
    sets: dict[str, set[str]] = defaultdict(set)
    for name, first in joined(graph).items():
        sets[first].add(name)
    added = {op.name for op in graph.ops if isinstance(op, Add)}
    return [members for members in sets.values() if members & added and _free(graph, members)]


def _free(graph: Graph, members: set[str]) -> bool:
    """Return whether channels of `members` can be scaled, and all that hears them scaled back, at no cost."""
    if FEATURES in members or graph.logit in members:
        return False
    for op in graph.ops:
        if op.name in members:
            made = isinstance(op, (Add, Remember)) or (
                isinstance(op, Conv) and op.learned and op.clamp in (NO_CLAMP, RELU)
            )
            if not made:
                return False
        elif op.source in members or getattr(op, "other", None) in members:
            heard = isinstance(op, Conv) and op.learned and (op.depthwise or op.name == graph.logit)
            if not heard:
                return False
    return True
