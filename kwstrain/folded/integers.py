"""A quantised network in integers: what every int8 file is written from, and from nothing else."""

from dataclasses import dataclass

import numpy as np

from kwstrain.folded.arithmetic import Scales, whole
from kwstrain.folded.network import FoldedStudent
from kwstrain.folded.ops import Graph, Remember


@dataclass(frozen=True)
class IntegerConv:
    """weight int8 [out, in / groups, mels, frames]; scale float32 [out]; bias int32 [out], in source scale x scale."""

    weight: np.ndarray
    scale: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True)
class IntegerNetwork:
    """A graph, the scale of every tensor, and its convolutions by name."""

    graph: Graph
    scales: Scales
    convs: dict[str, IntegerConv]

    def initial(self, memory: Remember) -> np.ndarray:
        """Return what a stream's start remembers: int8 [1, channels, mels, frames]."""
        channels, mels = self.graph.shapes[memory.name]
        q = self.scales[memory.source].quantised(np.asarray(memory.initial)).reshape(1, -1, 1, 1)
        return np.broadcast_to(q, (1, channels, mels, memory.frames))


def integers_of(network: FoldedStudent) -> IntegerNetwork:
    """Return the integers of `network`, which has scales."""
    assert network.scales is not None
    convs = {}
    for conv in network.graph.convs:
        source = network.scales[conv.source]
        weight, scale, bias = whole(network.weights[conv.name], network.biases[conv.name], source)
        integers = weight.numpy().astype(np.int8), scale.numpy(), bias.numpy().astype(np.int32)
        convs[conv.name] = IntegerConv(*integers)
    return IntegerNetwork(network.graph, network.scales, convs)
